// AVX-VNNI: vpdpbusd on 256 bits, for processors without AVX-512. Roofline: two of 32 products a cycle.
#include "dense_kernel.h"

#if defined(__AVXVNNI__)
#include <immintrin.h>

namespace longleaf {
namespace {

struct Dots {
  using I = __m256i;
  using Sum = __m256i;
  static constexpr bool signedWeights(int /*bits*/) { return false; }
  static constexpr int kindOfBits(int /*bits*/) { return 8; }

  static Sum start(int32_t x) { return x == 0 ? _mm256_setzero_si256() : _mm256_set1_epi32(x); }
  template <int bits>
  static inline __attribute__((always_inline)) void dot(Sum& sum, I w, I x, int /*count*/) {
    asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(w), "x"(x));
  }
  static I finish(Sum x) { return x; }
  static void peakDot(I& sum, I w, I x) { dot<8>(sum, w, x, 0); }
};

#include "dense_avx2.inl"
#include "dense_kernel.inl"

const DenseKernel kernel = {"avxvnni", multiply, multiplyFloats, quantise, rmsNorm, gate, add, softCap,
                            summarise, dots, multiplyAdds, read};

}  // namespace

const DenseKernel* denseAvxVnni() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const DenseKernel* denseAvxVnni() { return nullptr; }
}  // namespace longleaf
#endif
