// What this machine can do at most, measured beside the kernels: multiply-adds of one kernel's own instructions, and
// reading memory in order.
#pragma once
#include "kernel.h"

namespace longleaf {

struct Peak {
  /// floating point operations per second of one thread, every accumulator kept alive (counted in processor time)
  double operationsPerSecond;
  /// bytes per second that `threads` threads together read from a buffer larger than the caches of common machines
  double bytesPerSecond;
};

/// Takes about a third of a second. Throws std::runtime_error when there is no memory for the buffer.
Peak measurePeak(const Kernel& kernel, int threads);

}  // namespace longleaf
