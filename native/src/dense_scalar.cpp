// Plain C++, every machine: one output at a time, the same operations as the vector kernels. Slow where the processor
// has no fused multiply-add (a library call); it is the twin that tests hold the others against.
#include "dense_kernel.h"

namespace longleaf {
namespace {

struct Isa {
  using F = float;
  /// four bytes, or one int
  using I = uint32_t;
  using Sum = int32_t;
  static constexpr int width = 1, parts = 16, rows = 4, vectors = 1, panels = 1;
  static constexpr bool signedWeights(int /*bits*/) { return false; }
  static constexpr int kindOfBits(int /*bits*/) { return 8; }

  static I load(const uint8_t* p) {
    I x;
    __builtin_memcpy(&x, p, 4);
    return x;
  }
  static void store(uint8_t* p, I x) { __builtin_memcpy(p, &x, 4); }
  static I keep(I x, int mask) { return x & 0x01010101u * static_cast<uint32_t>(mask); }
  static I either(I a, I b) { return a | b; }
  template <int n>
  static I shiftRight(I x) { return x >> n; }
  template <int n>
  static I shiftLeft(I x) { return x << n; }
  static I minusBytes(I x, int /*n*/) { return x; }
  static I spread(const int8_t* p) { return load(reinterpret_cast<const uint8_t*>(p)); }
  static Sum start(int32_t x) { return x; }
  template <int bits>
  static void dot(Sum& sum, I w, I x, int /*count*/) {
    for (int i = 0; i < 4; i++)
      sum += static_cast<int32_t>(w >> (8 * i) & 255) * static_cast<int8_t>(x >> (8 * i) & 255);
  }
  static I finish(Sum x) { return static_cast<I>(x); }
  static void peakDot(I& sum, I w, I x) {
    Sum s = static_cast<Sum>(sum);
    dot<8>(s, w, x, 0);
    sum = static_cast<I>(s);
  }

  static F zero() { return 0; }
  static F loadFloats(const float* p) { return *p; }
  static void storeFloats(float* p, F x) { *p = x; }
  static F spreadFloat(float x) { return x; }
  static F plus(F a, F b) { return a + b; }
  static F minus(F a, F b) { return a - b; }
  static F times(F a, F b) { return a * b; }
  static F over(F a, F b) { return a / b; }
  static F fma(F a, F b, F c) { return __builtin_fmaf(a, b, c); }
  static F toFloat(I x) { return static_cast<float>(static_cast<int32_t>(x)); }
  static F halves(const uint8_t* p) {
    uint16_t h;
    __builtin_memcpy(&h, p, 2);
    // the exponent's bias by an exact multiplication: denormals come out right; infinities are not in packed weights
    const uint32_t bits = static_cast<uint32_t>(h & 0x7fff) << 13, sign = static_cast<uint32_t>(h & 0x8000) << 16;
    const float magnitude = fromBits(bits) * 0x1p112f;
    return sign != 0 ? -magnitude : magnitude;
  }
  static F bfloats(const uint8_t* p) {
    uint16_t h;
    __builtin_memcpy(&h, p, 2);
    return fromBits(static_cast<uint32_t>(h) << 16);
  }
  static F unsignedBytes(const uint8_t* p) { return *p; }
  static F signedBytes(const uint8_t* p) { return static_cast<int8_t>(*p); }
  static F bounded(F x, float low, float high) {
    const float raised = x > low ? x : low;
    return raised < high ? raised : high;
  }

  static F most(F a, F b) { return a > b ? a : b; }

  static F guess(F y) { return fromBits(0x7ef311c3u - bitsOf(y)); }

  static I zeroInts() { return 0; }
  static I magnitude(F x) { return bitsOf(x) & 0x7fffffffu; }
  static I larger(I a, I b) { return a > b ? a : b; }
  static int32_t largest(I x) { return static_cast<int32_t>(x); }
  static I plusInts(I a, I b) { return a + b; }
  static int32_t total(I x) { return static_cast<int32_t>(x); }
  static I round(F x) { return static_cast<I>(static_cast<int32_t>(__builtin_rintf(x))); }
  static F powerOfTwo(I n) { return fromBits((n + 127) << 23); }
  static void storeBytes(int8_t* p, I x) { *p = static_cast<int8_t>(x); }

  static uint32_t bitsOf(float x) {
    uint32_t bits;
    __builtin_memcpy(&bits, &x, 4);
    return bits;
  }
  static float fromBits(uint32_t bits) {
    float x;
    __builtin_memcpy(&x, &bits, 4);
    return x;
  }
};

#include "dense_kernel.inl"

const DenseKernel kernel = {"scalar", multiply, multiplyFloats, quantise, rmsNorm, gate, add, softCap,
                            summarise, dots, multiplyAdds, read};

}  // namespace

const DenseKernel* denseScalar() { return &kernel; }

}  // namespace longleaf
