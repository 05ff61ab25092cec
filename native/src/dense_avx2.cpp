// AVX2. Roofline: two vpmaddubsw of 32 products a cycle, whose sums of two are 16-bit. They are added up in 16 bits as
// long as they fit, which spares most of the widening (vpmaddwd): 4-bit weights 8 times (15 * 127 * 2 * 8 = 30,480),
// 5-bit 4 times, 6-bit twice. 8-bit weights go signed, as |w| and the activation with w's sign: 128 * 127 * 2 fits.
#include "dense_kernel.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace longleaf {
namespace {

struct Dots {
  using I = __m256i;
  struct Sum {
    I ints;
    I shorts;
  };
  static constexpr bool signedWeights(int bits) { return bits == 8; }
  static constexpr int kindOfBits(int bits) { return bits; }

  static Sum start(int32_t x) { return {_mm256_set1_epi32(x), _mm256_setzero_si256()}; }
  static I widened(I shorts) { return _mm256_madd_epi16(shorts, _mm256_set1_epi16(1)); }
  template <int bits>
  static inline __attribute__((always_inline)) void dot(Sum& sum, I w, I x, int count) {
    if constexpr (bits == 8) {
      sum.ints = _mm256_add_epi32(sum.ints, widened(_mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w))));
    } else {
      constexpr int fitting = bits == 4 ? 8 : bits == 5 ? 4 : 2;
      const I products = _mm256_maddubs_epi16(w, x);
      sum.shorts = count % fitting == 0 ? products : _mm256_add_epi16(sum.shorts, products);
      if (count % fitting == fitting - 1) sum.ints = _mm256_add_epi32(sum.ints, widened(sum.shorts));
    }
  }
  static I finish(const Sum& sum) { return sum.ints; }
  // the product alone: what a sum could add up to
  static void peakDot(I& sum, I w, I x) { asm volatile("vpmaddubsw %2, %1, %0" : "=x"(sum) : "x"(w), "x"(x)); }
};

#include "dense_avx2.inl"
#include "dense_kernel.inl"

const DenseKernel kernel = {"avx2", multiply, multiplyFloats, quantise, rmsNorm, gate, add, softCap,
                            summarise, dots, multiplyAdds, read};

}  // namespace

const DenseKernel* denseAvx2() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const DenseKernel* denseAvx2() { return nullptr; }
}  // namespace longleaf
#endif
