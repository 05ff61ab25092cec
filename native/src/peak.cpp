#include "peak.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "memory.h"
#include "workers.h"

namespace longleaf {

namespace {

constexpr int kBurnRounds = 200000;
constexpr int kRepeats = 7;
constexpr size_t kBufferBytes = size_t(192) << 20;
constexpr int kSlices = 96;

double wallSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Processor time does not grow while another process has the core.
double threadSeconds() {
#if defined(CLOCK_THREAD_CPUTIME_ID)
  timespec time;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0)
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
#endif
  return wallSeconds();
}

double operationsPerSecond(const Kernel& kernel) {
  if (kernel.burn == nullptr) return 0;
  if (kernel.enter != nullptr) kernel.enter();
  double best = 0;
  for (int i = 0; i < kRepeats; i++) {
    const double start = threadSeconds();
    const double operations = kernel.burn(kBurnRounds);
    best = std::max(best, operations / (threadSeconds() - start));
  }
  if (kernel.leave != nullptr) kernel.leave();
  return best;
}

// Eight lines at a time, so that as many loads as the core has buffers for are under way.
uint64_t readSlice(const uint64_t* words, size_t count) {
  uint64_t sums[8] = {};
  for (size_t i = 0; i < count; i += 64) {
    __builtin_prefetch(words + i + 512);
    for (int line = 0; line < 8; line++) sums[line] += words[i + static_cast<size_t>(line) * 8];
    for (int line = 1; line < 8; line++) __builtin_prefetch(words + i + 512 + line * 8);
  }
  uint64_t sum = 0;
  for (const uint64_t each : sums) sum += each;
  return sum;
}

double bytesPerSecond(int threads) {
  AlignedBuffer buffer(kBufferBytes);
  // written, or the system gives one page of zeros for all
  std::fill_n(buffer.data(), kBufferBytes, uint8_t{1});
  const auto* words = reinterpret_cast<const uint64_t*>(buffer.data());
  const size_t perSlice = kBufferBytes / sizeof(uint64_t) / kSlices;
  std::vector<uint64_t> sums(kSlices);
  double best = 0;
  for (int i = 0; i < kRepeats; i++) {
    const double start = wallSeconds(), startThread = threadSeconds();
    Workers::shared().run(threads, kSlices, [&](int slice, int) {
      sums[slice] = readSlice(words + slice * perSlice, perSlice);
    });
    const double seconds = threads == 1 ? threadSeconds() - startThread : wallSeconds() - start;
    best = std::max(best, static_cast<double>(kBufferBytes) / seconds);
  }
  // the sums must be wanted, or nothing is read
  for (const uint64_t sum : sums)
    if (sum == 0) return 0;
  return best;
}

}  // namespace

Peak measurePeak(const Kernel& kernel, int threads) {
  return {operationsPerSecond(kernel), bytesPerSecond(threads)};
}

}  // namespace longleaf
