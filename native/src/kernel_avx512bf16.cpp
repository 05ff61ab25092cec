// AVX-512 with bf16 dot products: queries and softmax weights in bf16, sums in f32. See kernel_tile.inl.
#include "kernel.h"

#if defined(__AVX512BF16__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace longleaf {
namespace {

struct Isa {
  using F = __m512;         // a vector of f32
  using Line = __m512i;     // an operand of dot
  using B = uint16_t;       // element of the broadcast operands: queries and weights
  using Query = uint16_t;
  static constexpr int width = 16;   // lanes
  // vectors in registers beside each other, for `rows` query rows
  static constexpr int columns(int /*rows*/) { return 4; }
  static constexpr int halves = 1;   // dots per line: 1 = both elements of a pair at once

  static F zero() { return _mm512_setzero_ps(); }
  static F load(const float* p) { return _mm512_load_ps(p); }
  static void store(float* p, F x) { _mm512_store_ps(p, x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F subtract(F a, F b) { return _mm512_sub_ps(a, b); }
  static F times(F a, F b) { return _mm512_mul_ps(a, b); }
  static F divide(F a, F b) { return _mm512_div_ps(a, b); }
  // `size` (not negative) with the sign of `sign`
  static F withSign(F size, F sign) {
    return _mm512_or_ps(_mm512_andnot_ps(_mm512_set1_ps(-0.0f), size), _mm512_and_ps(_mm512_set1_ps(-0.0f), sign));
  }
  static F maximum(F a, F b) { return _mm512_max_ps(a, b); }
  static F spreadFloat(float x) { return _mm512_set1_ps(x); }
  static float first(F x) { return _mm512_cvtss_f32(x); }
  static float reduceMaximum(F x) { return _mm512_reduce_max_ps(x); }
  static float reduceAdd(F x) { return _mm512_reduce_add_ps(x); }
  static Line line(const char* p, int) { return _mm512_load_si512(p); }
  static Line spread(const B* p) {
    int pair;
    __builtin_memcpy(&pair, p, 4);
    return _mm512_set1_epi32(pair);
  }
  // asm, not the intrinsic: GCC 12 spills and copies the accumulators of the intrinsic
  static F dot(F acc, Line a, Line b) {
    asm("vdpbf16ps %2,%1,%0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
  }
  // 2^x for x <= 0: 2^(x - floor x) by a minimax polynomial on [0, 1) (relative error 2.6e-6, far below bf16),
  // scaled by 2^floor(x); exactly 0 for -inf
  static F exp2(F x) {
    const F r = _mm512_reduce_ps(x, 0x09);
    F p = _mm512_set1_ps(0.0136779f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0516999f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.2416842f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.6929402f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0000026f));
    return _mm512_scalef_ps(p, x);
  }
  static void storeWeights(B* p, F e0, F e1) { _mm512_store_si512(p, (__m512i)_mm512_cvtne2ps_pbh(e1, e0)); }
  static void storeZero(B* p) { _mm256_store_si256(reinterpret_cast<__m256i*>(p), _mm256_setzero_si256()); }
  static B* weightsOf(TileScratch& scratch, int m) { return scratch.weights + m * kWeightStride; }
  static uint16_t narrow(float x) {  // round to nearest even
    uint32_t u;
    __builtin_memcpy(&u, &x, 4);
    return static_cast<uint16_t>((u + 0x7fff + ((u >> 16) & 1)) >> 16);
  }
};

#include "kernel_tile.inl"

const Kernel kernel = {"avx512bf16", 2, 6, 2, kUnitSlots, attendTile, mergePart, rotateQuery, nullptr, nullptr, burn};

}  // namespace

const Kernel* kernelAvx512Bf16() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const Kernel* kernelAvx512Bf16() { return nullptr; }
}  // namespace longleaf
#endif
