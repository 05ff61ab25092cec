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

#include "kernel_amx_softmax.inl"

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
