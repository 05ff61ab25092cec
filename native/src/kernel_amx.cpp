// AMX: queries, keys, softmax weights and values as bf16 tiles, sums in f32; softmax in AVX-512.
//
// The storage of kernel.h is the second operand of tdpbf16ps as it stands: a key panel's 16 lines are 32 dimensions x
// 16 keys, a value block's 16 lines (one each `paddedDim` dimensions) 32 keys x 16 dimensions. 32 stacked rows are two
// first operands, so every tile of keys or values that is loaded serves two products: 2 x 2 sums, 2 + 2 operands fill
// the eight tile registers.
//
// Reproducible: a row of a tile product depends on that row alone, and always in steps of 32 dimensions or of 32 keys
// that start at multiples of 32; rows beyond the last and blocks beyond the visible ones are computed and not read, or
// weigh 0. tdpbf16ps adds even and odd products apart and flushes denormal numbers to zero: other bits than
// avx512bf16, so it is a variant of its own.
//
// Roofline (Emerald Rapids, 2.6 GHz): tiles 2,600 GFLOP/s, f32 multiply-add 168, vdpbf16ps 82 (half of the f32 rate on
// Intel; AMD runs it at twice the f32 rate). The tiles need 0.25 cycles per score at 64 dimensions, the softmax, two
// AVX-512 instructions per cycle, 0.33: the exponentials are the roof. Measured, cycles per score: scores 0.37 (they pass
// the L2), softmax 0.40, values 0.21, merging 0.04. Tried without gain: steps of the next block between the softmax rows
// of this one, tiles of 256 keys, 16 rows instead of 32 (15 % slower).
#include "kernel.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__AVX512DQ__)
#include <immintrin.h>

namespace longleaf {
namespace {

#define LL_INLINE static inline __attribute__((always_inline))
#define LL_UNROLL _Pragma("GCC unroll 32")

constexpr int kTileRowsMost = 16;
/// elements of a bf16 tile row
constexpr int kStep = 32;

/// All eight tiles 16 rows x 64 bytes (palette 1: Intel SDM, volume 1, 18.3).
struct alignas(64) TileConfig {
  uint8_t palette;
  uint8_t startRow;
  uint8_t reserved[14];
  uint16_t columnBytes[16];
  uint8_t rows[16];
};

void enter() {
  TileConfig config;
  __builtin_memset(&config, 0, sizeof config);
  config.palette = 1;
  for (int i = 0; i < 8; i++) {
    config.columnBytes[i] = 64;
    config.rows[i] = kTileRowsMost;
  }
  asm volatile("" ::"r"(&config) : "memory");  // GCC 12: the intrinsic names only the first 8 bytes as read
  _tile_loadconfig(&config);
}

void leave() { _tile_release(); }

// The tile intrinsics of GCC 12 do not tell the compiler which memory they read.
LL_INLINE void memoryBarrier() { asm volatile("" ::: "memory"); }

/// Lines of a panel that fill no whole tile, with zeros behind: dimensions beyond a multiple of 32.
struct alignas(64) PaddedLines {
  char bytes[16 * 64];
};

LL_INLINE const char* panelLines(const char* panel, int step, int headDim, PaddedLines& padded) {
  const int lines = headDim / 2 - step * 16;
  if (lines >= 16) return panel + step * 1024L;
  __builtin_memset(&padded, 0, sizeof padded);
  __builtin_memcpy(padded.bytes, panel + step * 1024L, lines * 64L);
  memoryBarrier();
  return padded.bytes;
}

/// Steps of 32 keys of a tile that some row of the block sees.
struct Steps {
  int begin;
  int end;
};

Steps visibleSteps(const TileRows& rows) {
  int first = kTileKeys, end = 0;
  for (int m = 0; m < rows.count; m++) {
    if (rows.first[m] >= rows.end[m]) continue;
    first = rows.first[m] < first ? rows.first[m] : first;
    end = rows.end[m] > end ? rows.end[m] : end;
  }
  return {first / kStep, (end + kStep - 1) / kStep};
}

// Lines of the next steps to L1 and, once for each tile, of the next tile to L2: rings are contiguous but where they wrap.
LL_INLINE void fetchAhead(const char* lines, long lineBytes, int count, long near, long far) {
  for (int line = 0; line < count; line++) __builtin_prefetch(lines + line * lineBytes + near);
  if (far > 0)
    for (int line = 0; line < count; line++) __builtin_prefetch(lines + line * lineBytes + far, 0, 2);
}

// scores of `Groups` x 16 rows with the 32 keys of two panels
template <int Groups>
LL_INLINE void panelScores(const TileKeys& keys, int step, const char* queries, long queryBytes, float* scores) {
  const int headDim = keys.headDim;
  const char* panels = static_cast<const char*>(keys.k[step / 2]) + step % 2 * headDim * 64L;
  const long panelBytes = headDim * 32L;
  const long far = keys.fetchNext ? kTileKeys * headDim * 2L : 0;
  PaddedLines padded0, padded1;
  _tile_zero(0);
  _tile_zero(1);
  if (Groups == 2) {
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int part = 0; part * kStep < headDim; part++) {
    _tile_loadd(6, panelLines(panels, part, headDim, padded0), 64);
    _tile_loadd(7, panelLines(panels + panelBytes, part, headDim, padded1), 64);
    _tile_loadd(4, queries + part * 64L, queryBytes);
    fetchAhead(panels + part * 2048L, 64, 32, headDim * 128L, far);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if (Groups == 2) {
      _tile_loadd(5, queries + 16 * queryBytes + part * 64L, queryBytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, scores, kScoreStride * 4);
  _tile_stored(1, scores + 16, kScoreStride * 4);
  if (Groups == 2) {
    _tile_stored(2, scores + 16 * kScoreStride, kScoreStride * 4);
    _tile_stored(3, scores + 16 * kScoreStride + 16, kScoreStride * 4);
  }
}

// products[Groups * 16][kProducts] = weights * values of 16 * Columns dimensions; Groups * Columns <= 4 tiles of sums
template <int Groups, int Columns>
LL_INLINE void columnProducts(const TileKeys& keys, const Steps& steps, const float* weights, int column,
                              float* products) {
  const long lineBytes = keys.paddedDim * 4L;
  const long far = keys.fetchNext ? kTileKeys * keys.paddedDim * 2L : 0;
  _tile_zero(0);
  if (Groups * Columns > 1) _tile_zero(1);
  if (Groups * Columns > 2) {
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int step = steps.begin; step < steps.end; step++) {
    const char* lines = static_cast<const char*>(keys.v[step / 2]) + column * 4L + step % 2 * 16 * lineBytes;
    const float* w = weights + step * (kStep / 2);
    _tile_loadd(6, lines, lineBytes);
    _tile_loadd(4, w, kScoreStride * 4);
    LL_UNROLL for (int c = 0; c < Columns; c++) fetchAhead(lines + c * 64, lineBytes, 16, 16 * lineBytes, far);
    _tile_dpbf16ps(0, 4, 6);
    if (Groups == 2) {
      _tile_loadd(5, w + 16 * kScoreStride, kScoreStride * 4);
      if (Columns == 1) _tile_dpbf16ps(1, 5, 6);
      else _tile_dpbf16ps(2, 5, 6);
    }
    if (Columns >= 2) {
      _tile_loadd(7, lines + 64, lineBytes);
      _tile_dpbf16ps(1, 4, 7);
      if (Groups == 2) _tile_dpbf16ps(3, 5, 7);
    }
    if (Columns == 4) {
      _tile_loadd(6, lines + 128, lineBytes);
      _tile_dpbf16ps(2, 4, 6);
      _tile_loadd(7, lines + 192, lineBytes);
      _tile_dpbf16ps(3, 4, 7);
    }
  }
  constexpr long rowBytes = kProducts * 4;
  _tile_stored(0, products, rowBytes);
  if (Columns >= 2) _tile_stored(1, products + 16, rowBytes);
  if (Columns == 4) {
    _tile_stored(2, products + 32, rowBytes);
    _tile_stored(3, products + 48, rowBytes);
  }
  if (Groups == 2) {
    if (Columns == 1) _tile_stored(1, products + 16 * kProducts, rowBytes);
    else {
      _tile_stored(2, products + 16 * kProducts, rowBytes);
      _tile_stored(3, products + 16 * kProducts + 16, rowBytes);
    }
  }
}

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

// Moves maximum and sum of 16 rows on; the larger of the two maxima has the factor 1 exactly.
LL_INLINE void factorsOf(int from, const RowSums& sums, const float* maximum, Factors& factors, float* joint) {
  const __m512 before = _mm512_load_ps(maximum + from), top = _mm512_load_ps(sums.top + from);
  const __m512 largest = _mm512_max_ps(before, top);
  const __m512 one = _mm512_set1_ps(1.0f);
  const __m512 f = _mm512_mask_mov_ps(exp2(_mm512_sub_ps(before, largest)),
                                      _mm512_cmp_ps_mask(before, largest, _CMP_EQ_OQ), one);
  const __m512 g = _mm512_mask_mov_ps(exp2(_mm512_sub_ps(top, largest)),
                                      _mm512_cmp_ps_mask(top, largest, _CMP_EQ_OQ), one);
  _mm512_store_ps(factors.before + from, f);
  _mm512_store_ps(factors.tile + from, g);
  _mm512_store_ps(joint + from, largest);
}

LL_INLINE __m512 mergeOutput(__m512 before, __m512 part, float factorBefore, float factorPart) {
  return _mm512_fmadd_ps(part, _mm512_set1_ps(factorPart), _mm512_mul_ps(before, _mm512_set1_ps(factorBefore)));
}

void mergeProducts(const TileRows& rows, const float* products, int column, int vectors, const Factors& factors) {
  for (int m = 0; m < rows.count; m++) {
    if (rows.first[m] >= rows.end[m]) continue;
    float* output = rows.output[m] + column;
    for (int p = 0; p < vectors; p++)
      _mm512_store_ps(output + 16 * p, mergeOutput(_mm512_load_ps(output + 16 * p),
                                                   _mm512_load_ps(products + m * kProducts + 16 * p), factors.before[m],
                                                   factors.tile[m]));
  }
}

void moveSums(const TileRows& rows, const RowSums& sums, Factors& factors) {
  alignas(64) float maximum[kStackedRows], joint[kStackedRows];
  const int padded = (rows.count + 15) / 16 * 16;
  for (int m = 0; m < padded; m++) maximum[m] = m < rows.count ? *rows.maximum[m] : 0;
  for (int from = 0; from < padded; from += 16) factorsOf(from, sums, maximum, factors, joint);
  for (int m = 0; m < rows.count; m++) {
    if (rows.first[m] >= rows.end[m]) continue;
    *rows.maximum[m] = joint[m];
    *rows.sum[m] = __builtin_fmaf(sums.sum[m], factors.tile[m], *rows.sum[m] * factors.before[m]);
  }
}

template <int Groups, int Columns>
LL_INLINE int addValues(const TileKeys& keys, const TileRows& rows, const Steps& steps, const Factors& factors,
                        TileScratch& scratch, int column) {
  for (; column + 16 * Columns <= keys.paddedDim; column += 16 * Columns) {
    columnProducts<Groups, Columns>(keys, steps, scratch.scores, column, scratch.products);
    memoryBarrier();
    mergeProducts(rows, scratch.products, column, Columns, factors);
    memoryBarrier();
  }
  return column;
}

template <int Groups>
__attribute__((noinline)) void attendGroups(const TileKeys& keys, const TileRows& rows, TileScratch& scratch) {
  const Steps steps = visibleSteps(rows);
  memoryBarrier();
  for (int step = steps.begin; step < steps.end; step++)
    panelScores<Groups>(keys, step, static_cast<const char*>(rows.queries), rows.queryStride * 2L,
                        scratch.scores + step * kStep);
  memoryBarrier();
  RowSums sums;
  Factors factors;
  blockWeights(keys, rows, steps, scratch.scores, sums);
  moveSums(rows, sums, factors);
  memoryBarrier();
  const int column = addValues<Groups, 4 / Groups>(keys, rows, steps, factors, scratch, 0);
  addValues<Groups, 1>(keys, rows, steps, factors, scratch, column);
}

void attendTile(const TileKeys& keys, const TileRows& rows, TileScratch& scratch) {
  if (rows.count > 16) attendGroups<2>(keys, rows, scratch);
  else attendGroups<1>(keys, rows, scratch);
}

void mergePart(float partMaximum, float partSum, const float* part, int paddedDim, float* maximum, float* sum,
               float* output) {
  RowSums sums;
  Factors factors;
  alignas(64) float before[16] = {*maximum}, joint[16];
  for (int m = 0; m < 16; m++) sums.top[m] = partMaximum;
  factorsOf(0, sums, before, factors, joint);
  *maximum = joint[0];
  *sum = __builtin_fmaf(partSum, factors.tile[0], *sum * factors.before[0]);
  for (int i = 0; i < paddedDim; i += 16)
    _mm512_store_ps(output + i, mergeOutput(_mm512_load_ps(output + i), _mm512_load_ps(part + i), factors.before[0],
                                            factors.tile[0]));
}

// 8 pairs at a time: fmaddsub gives x c - swapped s in even and x c + swapped s in odd elements; the queries of a whole
// tile's rings are rotated for every ring, so this counts.
void rotateQuery(const float* x, const float* cosine, const float* sine, int headDim, void* out) {
  uint16_t* q = static_cast<uint16_t*>(out);
  const __m512i twice = _mm512_set_epi32(7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
  for (int i = 0; i < headDim; i += 16) {
    const int left = headDim - i;
    const __mmask16 whole = left >= 16 ? 0xffff : static_cast<__mmask16>((1u << left) - 1);
    const __mmask16 half = left >= 16 ? 0x00ff : static_cast<__mmask16>((1u << left / 2) - 1);
    const __m512 row = _mm512_maskz_loadu_ps(whole, x + i);
    const __m512 c = _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(half, cosine + i / 2));
    const __m512 s = _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(half, sine + i / 2));
    const __m512 turned = _mm512_fmaddsub_ps(row, c, _mm512_mul_ps(_mm512_permute_ps(row, 0xb1), s));
    _mm256_mask_storeu_epi16(q + i, whole, (__m256i)_mm512_cvtneps_pbh(turned));
  }
}

double burn(int rounds) {
  alignas(64) static char zeros[1024];
  _tile_loadd(4, zeros, 64);
  _tile_loadd(5, zeros, 64);
  _tile_loadd(6, zeros, 64);
  _tile_loadd(7, zeros, 64);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (int n = 0; n < rounds; n++) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  return static_cast<double>(rounds) * 4 * 16 * 16 * 32 * 2;
}

const Kernel kernel = {"amx", 2, 32, kStep, 1536, attendTile, mergePart, rotateQuery, enter, leave, burn};

}  // namespace

const Kernel* kernelAmx() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const Kernel* kernelAmx() { return nullptr; }
}  // namespace longleaf
#endif
