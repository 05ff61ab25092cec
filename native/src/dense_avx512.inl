// 512-bit vectors: one is a panel. Shared by the VNNI and the AMX kernels; included inside an anonymous namespace.
struct Isa {
  using F = __m512;
  using I = __m512i;
  using Sum = __m512i;
  static constexpr int width = 16, parts = 1, rows = 4, vectors = 3, panels = 3;
  static constexpr bool signedWeights(int /*bits*/) { return false; }
  static constexpr int kindOfBits(int /*bits*/) { return 8; }

  static I load(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void store(uint8_t* p, I x) { _mm512_storeu_si512(p, x); }
  static I keep(I x, int mask) { return _mm512_and_si512(x, _mm512_set1_epi8(static_cast<char>(mask))); }
  static I either(I a, I b) { return _mm512_or_si512(a, b); }
  template <int n>
  static I shiftRight(I x) { return _mm512_srli_epi16(x, n); }
  template <int n>
  static I shiftLeft(I x) { return _mm512_slli_epi16(x, n); }
  static I minusBytes(I x, int n) { return _mm512_sub_epi8(x, _mm512_set1_epi8(static_cast<char>(n))); }
  static I spread(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm512_set1_epi32(four);
  }
  static Sum start(int32_t x) { return x == 0 ? _mm512_setzero_si512() : _mm512_set1_epi32(x); }
  template <int bits>
  static inline __attribute__((always_inline)) void dot(Sum& sum, I w, I x, int /*count*/) {
    asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
  }
  static I finish(Sum x) { return x; }
  static void peakDot(I& sum, I w, I x) { dot<8>(sum, w, x, 0); }

  static F zero() { return _mm512_setzero_ps(); }
  static F loadFloats(const float* p) { return _mm512_loadu_ps(p); }
  static void storeFloats(float* p, F x) { _mm512_storeu_ps(p, x); }
  static F spreadFloat(float x) { return _mm512_set1_ps(x); }
  static F plus(F a, F b) { return _mm512_add_ps(a, b); }
  static F minus(F a, F b) { return _mm512_sub_ps(a, b); }
  static F times(F a, F b) { return _mm512_mul_ps(a, b); }
  static F over(F a, F b) { return _mm512_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F toFloat(I x) { return _mm512_cvtepi32_ps(x); }
  static F halves(const uint8_t* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
  static F bfloats(const uint8_t* p) {
    const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16));
  }
  static F unsignedBytes(const uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F signedBytes(const uint8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  /// NaN becomes `low`, in every instruction set
  static F bounded(F x, float low, float high) {
    return _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(low)), _mm512_set1_ps(high));
  }

  static F most(F a, F b) { return _mm512_max_ps(a, b); }

  static F guess(F y) {
    return _mm512_castsi512_ps(_mm512_sub_epi32(_mm512_set1_epi32(0x7ef311c3), _mm512_castps_si512(y)));
  }

  static I zeroInts() { return _mm512_setzero_si512(); }
  static I magnitude(F x) { return _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff)); }
  static I larger(I a, I b) { return _mm512_max_epi32(a, b); }
  static int32_t largest(I x) { return _mm512_reduce_max_epi32(x); }
  static I plusInts(I a, I b) { return _mm512_add_epi32(a, b); }
  static int32_t total(I x) { return _mm512_reduce_add_epi32(x); }
  static I round(F x) { return _mm512_cvtps_epi32(x); }
  static F powerOfTwo(I n) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(n, _mm512_set1_epi32(127)), 23)); }
  static void storeBytes(int8_t* p, I x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(x));
  }
};
