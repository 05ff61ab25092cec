// The softmax of one tile in AVX-512: scores to bf16 weights, with the largest score and the sum of each row. Included
// by kernel_amx.cpp, inside its unnamed namespace. Roofline: there.

// 2^x for x <= 0: polynomial of the least relative error on [0, 1) (7.5e-5, a weight in bf16 is rounded by 2e-3),
// scaled by 2^floor(x); exactly 0 for -inf
LL_INLINE __m512 weightOf(__m512 x) {
  const __m512 r = _mm512_reduce_ps(x, 0x09);
  __m512 p = _mm512_set1_ps(0.0780245227f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.226067155f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.695833541f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.999925219f));
  return _mm512_scalef_ps(p, x);
}

// the same to 2.6e-6, for factors and for the soft cap
LL_INLINE __m512 exp2(__m512 x) {
  const __m512 r = _mm512_reduce_ps(x, 0x09);
  __m512 p = _mm512_set1_ps(0.0135341679f);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.0520114606f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.241442757f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.693003834f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.00000259f));
  return _mm512_scalef_ps(p, x);
}

void capScores(float* scores, int begin, int end, float softCap) {
  const __m512 sign = _mm512_set1_ps(-0.0f), one = _mm512_set1_ps(1.0f);
  for (int j = begin; j < end; j += 16) {
    const __m512 s = _mm512_load_ps(scores + j);
    const __m512 u = exp2(_mm512_mul_ps(_mm512_andnot_ps(sign, s), _mm512_set1_ps(-2.88539008f / softCap)));
    const __m512 size = _mm512_mul_ps(_mm512_set1_ps(softCap),
                                      _mm512_div_ps(_mm512_sub_ps(one, u), _mm512_add_ps(one, u)));
    _mm512_store_ps(scores + j, _mm512_or_ps(size, _mm512_and_ps(sign, s)));
  }
}

/// Largest score and sum of the weights of each row in the tile.
struct alignas(64) RowSums {
  float top[kStackedRows];
  float sum[kStackedRows];
};

/// Factors of what a row's output was, and of the tile's products.
struct alignas(64) Factors {
  float before[kStackedRows];
  float tile[kStackedRows];
};

struct Largest {
  static __m512 join(__m512 a, __m512 b) { return _mm512_max_ps(a, b); }
};
struct Sum {
  static __m512 join(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
};

// Lane i of the result joins the 16 lanes of v[i]: 30 shuffles for 16 rows instead of a chain of four for each.
template <class Join>
LL_INLINE __m512 acrossRows(const __m512* v) {
  __m512 pairs[8], quads[4];
  LL_UNROLL for (int i = 0; i < 8; i++)
    pairs[i] = Join::join(_mm512_unpacklo_ps(v[2 * i], v[2 * i + 1]), _mm512_unpackhi_ps(v[2 * i], v[2 * i + 1]));
  LL_UNROLL for (int i = 0; i < 4; i++) {
    const __m512d a = _mm512_castps_pd(pairs[2 * i]), b = _mm512_castps_pd(pairs[2 * i + 1]);
    quads[i] = Join::join(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
  }
  const __m512 low = Join::join(_mm512_shuffle_f32x4(quads[0], quads[1], 0x88), _mm512_shuffle_f32x4(quads[0], quads[1], 0xdd));
  const __m512 high = Join::join(_mm512_shuffle_f32x4(quads[2], quads[3], 0x88), _mm512_shuffle_f32x4(quads[2], quads[3], 0xdd));
  return Join::join(_mm512_shuffle_f32x4(low, high, 0x88), _mm512_shuffle_f32x4(low, high, 0xdd));
}

// Scores that a row does not see become -inf, which weighs exactly 0.
LL_INLINE void maskScores(float* scores, int first, int last, int begin, int end) {
  const __m512 none = _mm512_set1_ps(-__builtin_inff());
  if (first >= last) first = last = end;
  int j = begin;
  for (; j + 16 <= first; j += 16) _mm512_store_ps(scores + j, none);
  if (j < first) _mm512_mask_storeu_ps(scores + j, static_cast<__mmask16>((1u << (first - j)) - 1), none);
  j = (last + 15) / 16 * 16;
  if (last < j) _mm512_mask_storeu_ps(scores + last, static_cast<__mmask16>((1u << (j - last)) - 1), none);
  for (; j < end; j += 16) _mm512_store_ps(scores + j, none);
}

// largest score of each lane
LL_INLINE __m512 laneTops(const float* scores, int begin, int end) {
  __m512 top0 = _mm512_load_ps(scores + begin), top1 = _mm512_load_ps(scores + begin + 16);
  for (int j = begin + 32; j < end; j += 32) {
    top0 = _mm512_max_ps(top0, _mm512_load_ps(scores + j));
    top1 = _mm512_max_ps(top1, _mm512_load_ps(scores + j + 16));
  }
  return _mm512_max_ps(top0, top1);
}

// Scores to bf16 weights in place (32 scores become 32 halves at half their offset); returns each lane's sum.
LL_INLINE __m512 laneWeights(float* scores, int begin, int end, float shift) {
  const __m512 shifts = _mm512_set1_ps(shift);
  __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0;
  for (int j = begin; j < end; j += 32) {
    const __m512 e0 = weightOf(_mm512_sub_ps(_mm512_load_ps(scores + j), shifts));
    const __m512 e1 = weightOf(_mm512_sub_ps(_mm512_load_ps(scores + j + 16), shifts));
    sum0 = _mm512_add_ps(sum0, e0);
    sum1 = _mm512_add_ps(sum1, e1);
    _mm512_store_si512(scores + j / 2, (__m512i)_mm512_cvtne2ps_pbh(e1, e0));
  }
  return _mm512_add_ps(sum0, sum1);
}

LL_INLINE void blockWeights(const TileKeys& keys, const TileRows& rows, const Steps& steps, float* scores,
                            RowSums& sums) {
  const int begin = steps.begin * kStep, end = steps.end * kStep;
  __m512 lanes[kStackedRows];
  const int padded = (rows.count + 15) / 16 * 16;
  for (int m = 0; m < rows.count; m++) {
    float* row = scores + m * kScoreStride;
    if (keys.softCap > 0) capScores(row, begin, end, keys.softCap);
    if (rows.first[m] > begin || rows.end[m] < end) maskScores(row, rows.first[m], rows.end[m], begin, end);
    lanes[m] = laneTops(row, begin, end);
  }
  for (int m = rows.count; m < padded; m++) lanes[m] = _mm512_setzero_ps();
  for (int m = 0; m < padded; m += 16) _mm512_store_ps(sums.top + m, acrossRows<Largest>(lanes + m));
  for (int m = 0; m < rows.count; m++)
    // a row that sees nothing: -inf less 0 weighs 0
    lanes[m] = laneWeights(scores + m * kScoreStride, begin, end, rows.first[m] < rows.end[m] ? sums.top[m] : 0.0f);
  for (int m = 0; m < padded; m += 16) _mm512_store_ps(sums.sum + m, acrossRows<Sum>(lanes + m));
}
