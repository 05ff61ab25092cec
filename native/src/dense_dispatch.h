// Which dense kernels this processor and operating system can run.
#pragma once
#include <string>
#include <vector>

#include "dense_kernel.h"

namespace longleaf {

/// Best first; the last is always scalar. All give the same bits.
const std::vector<const DenseKernel*>& availableDense();

/// The kernels called `name`; for a level of the attention kernels (LONGLEAF_SIMD) the best that need no more than it
/// has; for an empty name the best. Throws std::invalid_argument, saying what there is.
const DenseKernel* chooseDense(const std::string& name);

}  // namespace longleaf
