// AVX-512 without bf16 dot products: bf16 keys and values widened to f32 by a shift or a mask, f32 multiply-add.
// Roofline: 259 GFLOP/s per core (Zen 5, 4.1 GHz). See kernel_tile.inl.
#include "kernel.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace longleaf {
namespace {

struct Isa {
  using F = __m512;
  using Line = __m512;
  using B = float;
  using Query = float;
  static constexpr int width = 16;
  static constexpr int columns(int /*rows*/) { return 4; }
  static constexpr int halves = 2;

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
  static Line line(const char* p, int half) {
    const __m512i u = _mm512_load_si512(p);
    return _mm512_castsi512_ps(half == 0 ? _mm512_slli_epi32(u, 16)
                                         : _mm512_and_si512(u, _mm512_set1_epi32(static_cast<int>(0xffff0000u))));
  }
  static Line spread(const B* p) { return _mm512_set1_ps(*p); }
  // asm: GCC 12 turns the intrinsic into forms that overwrite operands, and spills
  static F dot(F acc, Line a, Line b) {
    asm("vfmadd231ps %2,%1,%0" : "+v"(acc) : "v"(a), "v"(b));
    return acc;
  }
  // as in kernel_avx512bf16.cpp
  static F exp2(F x) {
    const F r = _mm512_reduce_ps(x, 0x09);
    F p = _mm512_set1_ps(0.0136779f);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0516999f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.2416842f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.6929402f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0000026f));
    return _mm512_scalef_ps(p, x);
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

const Kernel kernel = {"avx512", 4, 6, 2, kUnitSlots, attendTile, mergePart, rotateQuery, nullptr, nullptr, burn};

}  // namespace

const Kernel* kernelAvx512() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const Kernel* kernelAvx512() { return nullptr; }
}  // namespace longleaf
#endif
