// 256-bit vectors: half a panel. Shared by the AVX2 and the AVX-VNNI kernels, which add `Dots`; included inside an
// anonymous namespace. Tile 4 rows x 1 half panel: more sums than 16 registers hold bring nothing.
struct Isa : Dots {
  using F = __m256;
  static constexpr int width = 8, parts = 2, rows = 4, vectors = 1, panels = 1;

  static I load(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void store(uint8_t* p, I x) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x); }
  static I keep(I x, int mask) { return _mm256_and_si256(x, _mm256_set1_epi8(static_cast<char>(mask))); }
  static I either(I a, I b) { return _mm256_or_si256(a, b); }
  template <int n>
  static I shiftRight(I x) { return _mm256_srli_epi16(x, n); }
  template <int n>
  static I shiftLeft(I x) { return _mm256_slli_epi16(x, n); }
  static I minusBytes(I x, int n) { return _mm256_sub_epi8(x, _mm256_set1_epi8(static_cast<char>(n))); }
  static I spread(const int8_t* p) {
    int32_t four;
    __builtin_memcpy(&four, p, 4);
    return _mm256_set1_epi32(four);
  }

  static F zero() { return _mm256_setzero_ps(); }
  static F loadFloats(const float* p) { return _mm256_loadu_ps(p); }
  static void storeFloats(float* p, F x) { _mm256_storeu_ps(p, x); }
  static F spreadFloat(float x) { return _mm256_set1_ps(x); }
  static F plus(F a, F b) { return _mm256_add_ps(a, b); }
  static F minus(F a, F b) { return _mm256_sub_ps(a, b); }
  static F times(F a, F b) { return _mm256_mul_ps(a, b); }
  static F over(F a, F b) { return _mm256_div_ps(a, b); }
  static F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F toFloat(I x) { return _mm256_cvtepi32_ps(x); }
  static F halves(const uint8_t* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
  static F bfloats(const uint8_t* p) {
    const __m128i h = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
  }
  static F unsignedBytes(const uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static F signedBytes(const uint8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static F bounded(F x, float low, float high) {
    return _mm256_min_ps(_mm256_max_ps(x, _mm256_set1_ps(low)), _mm256_set1_ps(high));
  }

  static F most(F a, F b) { return _mm256_max_ps(a, b); }

  static F guess(F y) {
    return _mm256_castsi256_ps(_mm256_sub_epi32(_mm256_set1_epi32(0x7ef311c3), _mm256_castps_si256(y)));
  }

  static I zeroInts() { return _mm256_setzero_si256(); }
  static I magnitude(F x) { return _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffffff)); }
  static I larger(I a, I b) { return _mm256_max_epi32(a, b); }
  static int32_t largest(I x) {
    __m128i m = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    m = _mm_max_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
  }
  static I plusInts(I a, I b) { return _mm256_add_epi32(a, b); }
  static int32_t total(I x) {
    __m128i m = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    m = _mm_add_epi32(m, _mm_shuffle_epi32(m, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(m, _mm_shuffle_epi32(m, 0xb1)));
  }
  static I round(F x) { return _mm256_cvtps_epi32(x); }
  static F powerOfTwo(I n) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23)); }
  static void storeBytes(int8_t* p, I x) {
    const __m128i shorts = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(shorts, shorts));
  }
};
