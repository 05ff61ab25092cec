// AVX2 + FMA: bf16 keys and values widened to f32 by a shift or a mask, f32 multiply-add on 8 lanes.
// Tile 6 rows x 16 keys: 12 accumulators, 2 operands, 1 broadcast of 16 registers.
// Roofline: 131 GFLOP/s per core (Zen 5, 4.1 GHz). See kernel_tile.inl.
#include "kernel.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

namespace longleaf {
namespace {

struct Isa {
  using F = __m256;
  using Line = __m256;
  using B = float;
  using Query = float;
  static constexpr int width = 8;
  // few rows need more columns to hide the latency of their sums
  static constexpr int columns(int rows) { return rows <= 3 ? 4 : 2; }
  static constexpr int halves = 2;

  static F zero() { return _mm256_setzero_ps(); }
  static F load(const float* p) { return _mm256_load_ps(p); }
  static void store(float* p, F x) { _mm256_store_ps(p, x); }
  static F add(F a, F b) { return _mm256_add_ps(a, b); }
  static F subtract(F a, F b) { return _mm256_sub_ps(a, b); }
  static F times(F a, F b) { return _mm256_mul_ps(a, b); }
  static F divide(F a, F b) { return _mm256_div_ps(a, b); }
  // `size` (not negative) with the sign of `sign`
  static F withSign(F size, F sign) {
    return _mm256_or_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), size), _mm256_and_ps(_mm256_set1_ps(-0.0f), sign));
  }
  static F maximum(F a, F b) { return _mm256_max_ps(a, b); }
  static F spreadFloat(float x) { return _mm256_set1_ps(x); }
  static float first(F x) { return _mm256_cvtss_f32(x); }
  static float reduceMaximum(F x) {
    __m128 a = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    a = _mm_max_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_max_ss(a, _mm_movehdup_ps(a)));
  }
  static float reduceAdd(F x) {
    __m128 a = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    a = _mm_add_ps(a, _mm_movehl_ps(a, a));
    return _mm_cvtss_f32(_mm_add_ss(a, _mm_movehdup_ps(a)));
  }
  static Line line(const char* p, int half) {
    const __m256i u = _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
    return _mm256_castsi256_ps(half == 0 ? _mm256_slli_epi32(u, 16)
                                         : _mm256_and_si256(u, _mm256_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static Line spread(const B* p) { return _mm256_broadcast_ss(p); }
  // asm: GCC 12 turns the intrinsic into forms that overwrite operands, and spills
  static F dot(F acc, Line a, Line b) {
    asm("vfmadd231ps %2,%1,%0" : "+x"(acc) : "x"(a), "x"(b));
    return acc;
  }
  // 2^x for x <= 0: same polynomial as the AVX-512 kernels; below 2^-126 (and for -inf) exactly 0
  static F exp2(F x) {
    const F floor = _mm256_floor_ps(_mm256_max_ps(x, _mm256_set1_ps(-126.0f)));
    const F r = _mm256_sub_ps(_mm256_max_ps(x, _mm256_set1_ps(-126.0f)), floor);
    F p = _mm256_set1_ps(0.0136779f);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.0516999f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.2416842f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.6929402f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0000026f));
    const __m256i power = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(floor), _mm256_set1_epi32(127)), 23);
    const F visible = _mm256_cmp_ps(x, _mm256_set1_ps(-126.0f), _CMP_NLT_UQ);
    return _mm256_and_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(power)), visible);
  }
  static void storeWeights(B* p, F e0, F e1) {
    store(p, e0);
    store(p + width, e1);
  }
  static void storeZero(B* p) { store(p, zero()); }
  static B* weightsOf(TileScratch& scratch, int m) { return scratch.scores + m * kScoreStride; }
  static float narrow(float x) { return x; }
};

#include "kernel_tile.inl"

const Kernel kernel = {"avx2", 4, 6, 2, kUnitSlots, attendTile, mergePart, rotateQuery, nullptr, nullptr, burn};

}  // namespace

const Kernel* kernelAvx2() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const Kernel* kernelAvx2() { return nullptr; }
}  // namespace longleaf
#endif
