// Which kernels this processor and operating system can run.
#pragma once
#include <string>
#include <vector>

#include "kernel.h"

namespace longleaf {

/// Kernels for bf16 storage that this machine can run, best first; the last is always scalar.
const std::vector<const Kernel*>& availableKernels();

/// The kernel called `name`, or the best one for an empty name. Throws std::invalid_argument, saying what there is.
const Kernel* chooseKernel(const std::string& name);

}  // namespace longleaf
