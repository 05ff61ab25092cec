#include "workers.h"

#include <time.h>

#include <algorithm>
#include <chrono>

namespace longleaf {

namespace {

using Clock = std::chrono::steady_clock;

constexpr uint64_t kClosed = 0xffffffffu;
/// How long an idle thread stays awake: longer than the pauses between the steps of one layer.
constexpr auto kIdleSpin = std::chrono::microseconds(60);
/// How long the caller spins for the last units before it leaves its core to the thread that has them.
constexpr auto kDoneSpin = std::chrono::microseconds(40);
/// Time that two threads must win before earlier losses are forgotten.
constexpr auto kTrust = std::chrono::microseconds(500);
/// A loss is followed by this many times its length on the caller alone, doubled each time until trust is back.
constexpr int kLeastPenalty = 8, kLargestPenalty = 256;
constexpr auto kLongestAlone = std::chrono::seconds(2);

uint64_t generationOf(uint64_t ticket) { return ticket >> 32; }
uint64_t nextOf(uint64_t ticket) { return ticket & 0xffffffffu; }

void pauseCore() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Processor time of the calling thread: unlike the clock's, it does not grow while another process has the core.
Clock::duration threadTime() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0)
    return std::chrono::duration_cast<Clock::duration>(std::chrono::seconds(time.tv_sec) +
                                                       std::chrono::nanoseconds(time.tv_nsec));
#endif
  return Clock::now().time_since_epoch();
}

// Spins until `ready`, at most `limit`; returns whether it became so.
template <class Ready>
bool spin(Clock::duration limit, Ready ready) {
  const auto end = Clock::now() + limit;
  do {
    for (int i = 0; i < 16; i++) {
      if (ready()) return true;
      pauseCore();
    }
  } while (Clock::now() < end);
  return ready();
}

}  // namespace

Workers& Workers::shared() {
  static Workers* pool = new Workers;
  return *pool;
}

Workers::Workers() : ticket_(kClosed), penalty_(kLeastPenalty) {}

// A unit is claimed by compare-and-swap on generation and index together: a thread that comes late with an old
// generation claims nothing, and what it read of the run before the swap belongs to that generation.
int Workers::workOn(uint64_t generation, int thread) {
  int worked = 0;
  uint64_t ticket = ticket_.load(std::memory_order_acquire);
  for (;;) {
    if (generationOf(ticket) != generation || nextOf(ticket) == kClosed) return worked;
    const Work* work = work_.load(std::memory_order_relaxed);
    const int units = units_.load(std::memory_order_relaxed);
    const int unit = static_cast<int>(nextOf(ticket));
    if (unit >= units || thread >= threads_.load(std::memory_order_relaxed)) return worked;
    if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
    (*work)(unit, thread);
    worked++;
    if (done_.fetch_add(1, std::memory_order_seq_cst) + 1 == units && callerSleeps_.load(std::memory_order_seq_cst)) {
      std::lock_guard<std::mutex> hold(sleepLock_);
      allDone_.notify_one();
    }
    ticket = ticket_.load(std::memory_order_acquire);
  }
}

uint64_t Workers::awaitGeneration(uint64_t seen) {
  auto opened = [&] {
    const uint64_t ticket = ticket_.load(std::memory_order_seq_cst);
    return generationOf(ticket) != seen && nextOf(ticket) != kClosed;
  };
  if (!spin(kIdleSpin, opened)) {
    std::unique_lock<std::mutex> hold(sleepLock_);
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(hold, opened);
    sleeping_.fetch_sub(1, std::memory_order_seq_cst);
  }
  return generationOf(ticket_.load(std::memory_order_acquire));
}

void Workers::serve(int thread) {
  for (uint64_t seen = 0;;) {
    seen = awaitGeneration(seen);
    workOn(seen, thread);
  }
}

void Workers::open(int threads, int units, const Work& work) {
  for (; started_ < threads; started_++) std::thread(&Workers::serve, this, started_).detach();
  work_.store(&work, std::memory_order_relaxed);
  units_.store(units, std::memory_order_relaxed);
  threads_.store(threads, std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  const uint64_t next = generationOf(ticket_.load(std::memory_order_relaxed)) + 1;
  ticket_.store((next & 0xffffffffu) << 32, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) == 0) return;
  { std::lock_guard<std::mutex> hold(sleepLock_); }
  wake_.notify_all();
}

void Workers::awaitDone(int units) {
  auto done = [&] { return done_.load(std::memory_order_seq_cst) == units; };
  if (spin(kDoneSpin, done)) return;
  std::unique_lock<std::mutex> hold(sleepLock_);
  callerSleeps_.store(true, std::memory_order_seq_cst);
  allDone_.wait(hold, done);
  callerSleeps_.store(false, std::memory_order_relaxed);
}

void Workers::run(int threads, int units, const Work& work) {
  std::unique_lock<std::mutex> alone(runLock_, std::defer_lock);
  if (threads > 1 && units > 1) alone.lock();
  if (!alone.owns_lock() || (aloneUntil_ > Clock::time_point() && Clock::now() < aloneUntil_)) {
    for (int unit = 0; unit < units; unit++) work(unit, 0);
    return;
  }
  const auto start = Clock::now();
  const auto ownStart = threadTime();
  open(threads, units, work);
  const int own = workOn(generationOf(ticket_.load(std::memory_order_relaxed)), 0);
  const auto ownTime = threadTime() - ownStart;
  awaitDone(units);
  const auto end = Clock::now();
  // closed before the next run changes what a late thread might read
  ticket_.fetch_or(kClosed, std::memory_order_seq_cst);
  if (own > 0) judge(ownTime * units / own - (end - start), end);
}

// On a busy machine a thread can lose its core in the middle of a unit, and the caller waits for it; and several threads
// of one process may share what one alone would get. A run's gain is the processor time that the caller alone would
// have needed less the time that passed. Gains and losses are summed; once the sum is a loss, the caller works alone
// for a multiple of it.
void Workers::judge(Clock::duration gain, Clock::time_point now) {
  balance_ = std::min<Clock::duration>(balance_ + gain, kTrust);
  if (balance_ >= kTrust) penalty_ = kLeastPenalty;
  if (balance_ >= Clock::duration::zero()) return;
  aloneUntil_ = now + std::min<Clock::duration>(-balance_ * penalty_, kLongestAlone);
  penalty_ = std::min(2 * penalty_, kLargestPenalty);
  balance_ = Clock::duration::zero();
}

}  // namespace longleaf
