// A few threads for the units of one attention call. Which thread takes which unit does not matter: units share no
// state, so the results are the same for every number of threads.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace longleaf {

class Workers {
 public:
  /// The process's pool. Never destroyed: its threads sleep until the process ends.
  static Workers& shared();

  /// Runs work(unit, thread) for unit 0 … units-1 on up to `threads` threads, the caller being thread 0.
  /// `work` must not throw.
  void run(int threads, int units, const std::function<void(int unit, int thread)>& work);

 private:
  void serve(int thread);

  std::mutex runLock_;
  std::mutex lock_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(int, int)>* work_ = nullptr;
  std::atomic<int> next_{0};
  int units_ = 0;
  int threads_ = 0;
  int started_ = 1;
  int busy_ = 0;
  uint64_t generation_ = 0;
};

}  // namespace longleaf
