// 128-bit vectors in the compiler's portable vector extension: NEON on ARM (arm64 has it always). f32 multiply-add
// with bf16 keys and values widened by a shift or a mask, tile 6 rows x 16 keys: 24 accumulators, 4 operands and 1
// broadcast of 32 registers. Checked on x86 by compiling it there with LONGLEAF_PORTABLE_VECTORS; not measured on ARM.
#include "kernel.h"

#if defined(__aarch64__) || defined(LONGLEAF_PORTABLE_VECTORS)
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace longleaf {
namespace {

typedef float Floats __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));

struct Isa {
  using F = Floats;
  using Line = Floats;
  using B = float;
  using Query = float;
  static constexpr int width = 4;
  static constexpr int columns(int /*rows*/) { return 4; }
  static constexpr int halves = 2;

  static F zero() { return F{0, 0, 0, 0}; }
  static F load(const float* p) { return *reinterpret_cast<const F*>(p); }
  static void store(float* p, F x) { *reinterpret_cast<F*>(p) = x; }
  static F add(F a, F b) { return a + b; }
  static F subtract(F a, F b) { return a - b; }
  static F times(F a, F b) { return a * b; }
  static F divide(F a, F b) { return a / b; }
  // `size` (not negative) with the sign of `sign`
  static F withSign(F size, F sign) {
    return sign < zero() ? zero() - size : size;
  }
  static F maximum(F a, F b) { return a > b ? a : b; }
  static F spreadFloat(float x) { return F{x, x, x, x}; }
  static float first(F x) { return x[0]; }
  static float larger(float a, float b) { return a > b ? a : b; }
  static float reduceMaximum(F x) { return larger(larger(x[0], x[1]), larger(x[2], x[3])); }
  static float reduceAdd(F x) { return (x[0] + x[2]) + (x[1] + x[3]); }
  static Line line(const char* p, int half) {
    const Ints u = *reinterpret_cast<const Ints*>(p);
    return reinterpret_cast<Line>(half == 0 ? u << 16 : u & ~0xffff);
  }
  static Line spread(const B* p) { return spreadFloat(*p); }
  static F multiplyAdd(F a, F b, F c) {
#if defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
  }
  static F dot(F acc, Line a, Line b) { return multiplyAdd(a, b, acc); }
  // as in kernel_avx2.cpp
  static F exp2(F x) {
    const F low = spreadFloat(-126.0f);
    const F bounded = x < low ? low : x;
    Ints whole = __builtin_convertvector(bounded, Ints);
    whole += __builtin_convertvector(whole, F) > bounded;  // the comparison is -1 where it holds
    const F r = bounded - __builtin_convertvector(whole, F);
    F p = spreadFloat(0.0136779f);
    p = multiplyAdd(p, r, spreadFloat(0.0516999f));
    p = multiplyAdd(p, r, spreadFloat(0.2416842f));
    p = multiplyAdd(p, r, spreadFloat(0.6929402f));
    p = multiplyAdd(p, r, spreadFloat(1.0000026f));
    const F scaled = p * reinterpret_cast<F>((whole + 127) << 23);
    return x < low ? zero() : scaled;
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

const Kernel kernel = {"neon", 4, 6, 2, kUnitSlots, attendTile, mergePart, rotateQuery, nullptr, nullptr, burn};

}  // namespace

const Kernel* kernelNeon() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const Kernel* kernelNeon() { return nullptr; }
}  // namespace longleaf
#endif
