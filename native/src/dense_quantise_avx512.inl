// Quantising eight blocks of a row at a time: what is found across a vector's lanes (largest magnitude, sum) is found for
// 16 half blocks together, with 30 shuffles instead of 8 for each. The same numbers as quantiseBlocks, which takes the
// rest and whatever is not finite. Included after dense_kernel.inl.

constexpr int kQuantisedTogether = 8;

struct LargestInts {
  static __m512i join(__m512i a, __m512i b) { return _mm512_max_epi32(a, b); }
};
struct SumInts {
  static __m512i join(__m512i a, __m512i b) { return _mm512_add_epi32(a, b); }
};

/// Lane i of the result joins the 16 lanes of v[i].
template <class Join>
inline __attribute__((always_inline)) __m512i acrossVectors(const __m512i (&v)[16]) {
  __m512i pairs[8], quads[4];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++)
    pairs[i] = Join::join(_mm512_unpacklo_epi32(v[2 * i], v[2 * i + 1]), _mm512_unpackhi_epi32(v[2 * i], v[2 * i + 1]));
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++)
    quads[i] = Join::join(_mm512_unpacklo_epi64(pairs[2 * i], pairs[2 * i + 1]),
                          _mm512_unpackhi_epi64(pairs[2 * i], pairs[2 * i + 1]));
  const __m512i low = Join::join(_mm512_shuffle_i32x4(quads[0], quads[1], 0x88), _mm512_shuffle_i32x4(quads[0], quads[1], 0xdd));
  const __m512i high = Join::join(_mm512_shuffle_i32x4(quads[2], quads[3], 0x88), _mm512_shuffle_i32x4(quads[2], quads[3], 0xdd));
  return Join::join(_mm512_shuffle_i32x4(low, high, 0x88), _mm512_shuffle_i32x4(low, high, 0xdd));
}

/// Both halves of a block get what joins them.
template <class Join>
inline __m512i acrossHalves(__m512i x) {
  return Join::join(x, _mm512_shuffle_epi32(x, _MM_PERM_CDAB));
}

/// `row` at the first of eight blocks, which stand at `place` and every x.group after it; false: one is not finite.
inline bool quantiseTogether(const float* row, QuantisedRows& x, int64_t place) {
  __m512i magnitudes[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) magnitudes[i] = Isa::magnitude(_mm512_loadu_ps(row + 16 * i));
  const __m512i bits = acrossHalves<LargestInts>(acrossVectors<LargestInts>(magnitudes));
  if (_mm512_cmpge_epi32_mask(bits, _mm512_set1_epi32(0x7f800000)) != 0) return false;
  const __m512 largest = _mm512_castsi512_ps(bits);
  const __mmask16 usual = _mm512_cmp_ps_mask(largest, _mm512_set1_ps(1e-30f), _CMP_GE_OQ);
  alignas(64) float inverse[16], scale[16], sum[16];
  alignas(64) int32_t halves[16];
  const __m512 scales = _mm512_maskz_div_ps(usual, largest, _mm512_set1_ps(127.0f));
  _mm512_store_ps(inverse, _mm512_maskz_div_ps(usual, _mm512_set1_ps(127.0f), largest));
  _mm512_store_ps(scale, scales);
  __m512i q[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) {
    q[i] = Isa::round(_mm512_mul_ps(_mm512_loadu_ps(row + 16 * i), _mm512_set1_ps(inverse[i])));
    Isa::storeBytes(x.q + (place + i / 2 * x.group) * kBlock + i % 2 * 16, q[i]);
  }
  const __m512i sums = acrossVectors<SumInts>(q);
  _mm512_store_si512(halves, sums);
  _mm512_store_ps(sum, _mm512_mul_ps(scales, _mm512_cvtepi32_ps(acrossHalves<SumInts>(sums))));
#pragma GCC unroll 8
  for (int b = 0; b < kQuantisedTogether; b++, place += x.group) {
    __builtin_memcpy(x.halves + place * 2, halves + 2 * b, 8);
    x.scale[place] = scale[2 * b];
    x.sum[place] = sum[2 * b];
  }
  return true;
}

void quantise(const float* row, QuantisedRows& x, int index, int begin, int end) {
  for (; begin + kQuantisedTogether <= end; begin += kQuantisedTogether) {
    const int64_t place = (static_cast<int64_t>(index / x.group) * x.blocks + begin) * x.group + index % x.group;
    if (!quantiseTogether(row + static_cast<int64_t>(begin) * kBlock, x, place))
      quantiseBlocks(row, x, index, begin, begin + kQuantisedTogether);
  }
  quantiseBlocks(row, x, index, begin, end);
}
