#include "dense_kernel.h"
namespace longleaf {
const DenseKernel* denseAvx2() { return nullptr; }
}  // namespace longleaf
