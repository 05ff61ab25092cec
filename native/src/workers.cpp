#include "workers.h"

namespace longleaf {

Workers& Workers::shared() {
  static Workers* pool = new Workers;
  return *pool;
}

void Workers::serve(int thread) {
  uint64_t seen = 0;
  std::unique_lock<std::mutex> hold(lock_);
  for (;;) {
    wake_.wait(hold, [&] { return generation_ != seen && work_ != nullptr; });
    seen = generation_;
    if (thread >= threads_) continue;
    busy_++;
    const auto* work = work_;
    hold.unlock();
    for (int unit = next_++; unit < units_; unit = next_++) (*work)(unit, thread);
    hold.lock();
    if (--busy_ == 0) done_.notify_one();
  }
}

void Workers::run(int threads, int units, const std::function<void(int, int)>& work) {
  if (threads <= 1 || units <= 1) {
    for (int unit = 0; unit < units; unit++) work(unit, 0);
    return;
  }
  std::lock_guard<std::mutex> alone(runLock_);
  {
    std::lock_guard<std::mutex> hold(lock_);
    for (; started_ < threads; started_++) std::thread(&Workers::serve, this, started_).detach();
    work_ = &work;
    units_ = units;
    threads_ = threads;
    next_ = 0;
    generation_++;
  }
  wake_.notify_all();
  for (int unit = next_++; unit < units; unit = next_++) work(unit, 0);
  std::unique_lock<std::mutex> hold(lock_);
  work_ = nullptr;  // a thread that wakes late finds nothing to do
  done_.wait(hold, [&] { return busy_ == 0; });
}

}  // namespace longleaf
