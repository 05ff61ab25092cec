#include "dense_kernel.h"
namespace longleaf {
const DenseKernel* denseAvxVnni() { return nullptr; }
}  // namespace longleaf
