// ARM with dot product (armv8.2-a+dotprod: every ARM Mac, phones and servers since 2018): sdot of signed weights, a
// panel is four vectors. Roofline: two to four sdot of 16 products a cycle. Tile 4 rows x 2 vectors. Checked under
// qemu-user, not measured on ARM.
#include "dense_kernel.h"

#if defined(__aarch64__) && defined(__ARM_FEATURE_DOTPROD)
#include <arm_neon.h>

namespace longleaf {
namespace {

struct Isa {
  using F = float32x4_t;
  using I = int32x4_t;
  using Sum = int32x4_t;
  static constexpr int width = 4, parts = 4, rows = 4, vectors = 2, panels = 1;
  static constexpr bool signedWeights(int /*bits*/) { return true; }
  static constexpr int kindOfBits(int /*bits*/) { return 8; }

  static uint8x16_t bytes(I x) { return vreinterpretq_u8_s32(x); }
  static uint16x8_t shorts(I x) { return vreinterpretq_u16_s32(x); }
  static I load(const uint8_t* p) { return vreinterpretq_s32_u8(vld1q_u8(p)); }
  static void store(uint8_t* p, I x) { vst1q_u8(p, bytes(x)); }
  static I keep(I x, int mask) { return vreinterpretq_s32_u8(vandq_u8(bytes(x), vdupq_n_u8(static_cast<uint8_t>(mask)))); }
  static I either(I a, I b) { return vorrq_s32(a, b); }
  template <int n>
  static I shiftRight(I x) {
    if constexpr (n == 0) return x;
    else return vreinterpretq_s32_u16(vshrq_n_u16(shorts(x), n));
  }
  template <int n>
  static I shiftLeft(I x) { return vreinterpretq_s32_u16(vshlq_n_u16(shorts(x), n)); }
  static I minusBytes(I x, int n) { return vreinterpretq_s32_u8(vsubq_u8(bytes(x), vdupq_n_u8(static_cast<uint8_t>(n)))); }
  static I spread(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return vdupq_n_s32(four);
  }
  static Sum start(int32_t x) { return vdupq_n_s32(x); }
  template <int bits>
  static inline __attribute__((always_inline)) void dot(Sum& sum, I w, I x, int /*count*/) {
    sum = vdotq_s32(sum, vreinterpretq_s8_s32(w), vreinterpretq_s8_s32(x));
  }
  static I finish(Sum x) { return x; }
  static void peakDot(I& sum, I w, I x) { dot<8>(sum, w, x, 0); }

  static F zero() { return vdupq_n_f32(0); }
  static F loadFloats(const float* p) { return vld1q_f32(p); }
  static void storeFloats(float* p, F x) { vst1q_f32(p, x); }
  static F spreadFloat(float x) { return vdupq_n_f32(x); }
  static F plus(F a, F b) { return vaddq_f32(a, b); }
  static F minus(F a, F b) { return vsubq_f32(a, b); }
  static F times(F a, F b) { return vmulq_f32(a, b); }
  static F over(F a, F b) { return vdivq_f32(a, b); }
  static F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
  static F toFloat(I x) { return vcvtq_f32_s32(x); }
  static F halves(const uint8_t* p) { return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(p))); }
  static F bfloats(const uint8_t* p) { return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(p)), 16)); }
  static uint16x4_t fourBytes(const uint8_t* p) {
    uint32_t four;
    __builtin_memcpy(&four, p, 4);
    return vget_low_u16(vmovl_u8(vreinterpret_u8_u32(vdup_n_u32(four))));
  }
  static F unsignedBytes(const uint8_t* p) { return vcvtq_f32_u32(vmovl_u16(fourBytes(p))); }
  static F signedBytes(const uint8_t* p) {
    return vcvtq_f32_s32(vshrq_n_s32(vshlq_n_s32(vreinterpretq_s32_u32(vmovl_u16(fourBytes(p))), 24), 24));
  }
  // by comparison: `b` where one is no number, as on x86
  static F most(F a, F b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
  // by comparison: NaN becomes `low`, as on x86
  static F bounded(F x, float low, float high) {
    const F lows = vdupq_n_f32(low), highs = vdupq_n_f32(high);
    const F raised = vbslq_f32(vcgtq_f32(x, lows), x, lows);
    return vbslq_f32(vcltq_f32(raised, highs), raised, highs);
  }

  static F guess(F y) { return vreinterpretq_f32_s32(vsubq_s32(vdupq_n_s32(0x7ef311c3), vreinterpretq_s32_f32(y))); }

  static I zeroInts() { return vdupq_n_s32(0); }
  static I magnitude(F x) { return vandq_s32(vreinterpretq_s32_f32(x), vdupq_n_s32(0x7fffffff)); }
  static I larger(I a, I b) { return vmaxq_s32(a, b); }
  static int32_t largest(I x) { return vmaxvq_s32(x); }
  static I plusInts(I a, I b) { return vaddq_s32(a, b); }
  static int32_t total(I x) { return vaddvq_s32(x); }
  static I round(F x) { return vcvtnq_s32_f32(x); }
  static F powerOfTwo(I n) { return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23)); }
  static void storeBytes(int8_t* p, I x) {
    const int8x8_t narrow = vmovn_s16(vcombine_s16(vmovn_s32(x), vdup_n_s16(0)));
    const int32_t four = vget_lane_s32(vreinterpret_s32_s8(narrow), 0);
    __builtin_memcpy(p, &four, 4);
  }
};

#include "dense_kernel.inl"

const DenseKernel kernel = {"neon", multiply, multiplyFloats, quantise, rmsNorm, gate, add, softCap,
                            summarise, dots, multiplyAdds, read};

}  // namespace

const DenseKernel* denseNeon() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const DenseKernel* denseNeon() { return nullptr; }
}  // namespace longleaf
#endif
