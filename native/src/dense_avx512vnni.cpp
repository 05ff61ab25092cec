// AVX-512 with VNNI. Roofline: two vpdpbusd of 64 products a cycle. A block of a row and a panel is 8 of them and 4
// float instructions (convert, scale, two multiply-adds) that compete for the same two ports on Intel: at most 67 % of
// the int8 peak with minimums, 73 % without. Tile 4 rows x 3 panels: 12 sums, 12 results, 3 weights, 1 activation of 32
// registers; the one-line assembly keeps GCC 12 from spilling them (its intrinsic copies accumulators).
#include "dense_kernel.h"

#if defined(__AVX512VNNI__)
#include <immintrin.h>

namespace longleaf {
namespace {

#define LONGLEAF_OWN_QUANTISE
#include "dense_avx512.inl"
#include "dense_kernel.inl"
#include "dense_quantise_avx512.inl"

const DenseKernel kernel = {"avx512vnni", multiply, multiplyFloats, quantise, rmsNorm, gate, add, softCap,
                            summarise, dots, multiplyAdds, read};

}  // namespace

const DenseKernel* denseAvx512Vnni() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const DenseKernel* denseAvx512Vnni() { return nullptr; }
}  // namespace longleaf
#endif
