// The process's threads for short parallel steps: attention units, slices of a matrix product. Which thread takes which
// unit does not matter: units share no state, so results are the same for every number of threads.
//
// A run costs well under a microsecond when the threads are awake: they spin for a bounded time after their last unit,
// then sleep. The caller works too and takes every unit that no thread has claimed, so a machine that is busy with
// something else costs no more than waiting for the units under way; when runs take longer than the caller alone would,
// it works alone for a while (measured in research/cpu.md section 7: waking a thread 22 us, spinning without a bound on a
// loaded machine half the speed of one thread).
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace longleaf {

class Workers {
 public:
  /// The process's pool. Never destroyed: its threads sleep until the process ends.
  static Workers& shared();

  /// Runs work(unit, thread) for unit 0 … units-1 on up to `threads` threads, the caller being thread 0. Units are
  /// taken in ascending order, so the largest should come first. `work` must not throw and must not call run.
  void run(int threads, int units, const std::function<void(int unit, int thread)>& work);

 private:
  Workers();
  using Work = std::function<void(int, int)>;

  void serve(int thread);
  /// returns the number of units that this thread did
  int workOn(uint64_t generation, int thread);
  uint64_t awaitGeneration(uint64_t seen);
  void awaitDone(int units);
  void judge(std::chrono::steady_clock::duration gain, std::chrono::steady_clock::time_point now);
  void open(int threads, int units, const Work& work);

  /// generation << 32 | next unit. A closed run has the next unit kClosed: nothing can be claimed.
  std::atomic<uint64_t> ticket_;
  std::atomic<const Work*> work_{nullptr};
  std::atomic<int> units_{0};
  std::atomic<int> threads_{0};
  std::atomic<int> done_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> callerSleeps_{false};

  std::mutex runLock_;
  std::mutex sleepLock_;
  std::condition_variable wake_;
  std::condition_variable allDone_;
  int started_ = 1;
  /// what running on several threads has won lately, and what a loss costs: see judge
  std::chrono::steady_clock::duration balance_{};
  std::chrono::steady_clock::time_point aloneUntil_{};
  int penalty_;
};

}  // namespace longleaf
