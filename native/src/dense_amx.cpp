// AMX-INT8 (Sapphire Rapids and later): 16 rows x 16 outputs x 32 columns in one tdpbssd, whose int32 sums are those of
// the vector kernels, bit for bit. Roofline: the tile unit has 4 to 5 times the VNNI peak, so that the float operations
// per block and result (convert, scale, two multiply-adds; 2 a cycle) decide: at most 2 cycles per row, panel and
// block, 200 % of the VNNI peak; about 110 % are reached, for tiles and vectors take turns. Results stay in 16
// registers. Few rows go the way of AVX-512 VNNI.
#include "dense_kernel.h"

#if defined(__AMX_INT8__) && defined(__AVX512VNNI__)
#include <immintrin.h>

namespace longleaf {
namespace {

#define LONGLEAF_OWN_MULTIPLY
#define LONGLEAF_OWN_QUANTISE
#include "dense_avx512.inl"
#include "dense_kernel.inl"
#include "dense_quantise_avx512.inl"

/// Rows from which a tile of 16 is quicker than vectors for each row.
constexpr int kTileRows = 12;

/// Tiles: 0, 1 sums [16][16] int32; 2 activations [16][32], 3 weights [8][64]; 4 and 5 the same for 16 columns.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t startRow = 0;
  uint8_t reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 32, 64, 16, 64};
  uint8_t rows[16] = {16, 16, 16, 8, 16, 4};
};

struct alignas(64) Sums {
  int32_t values[16][16];
};

// With "memory": what was stored before is multiplied, and nothing that is stored later.
inline __attribute__((always_inline)) void multiplyTile(const int8_t* x, const uint8_t* w, Sums& sums) {
  asm volatile(
      "tileloadd (%0,%3,1), %%tmm2\n\t"
      "tileloadd (%1,%4,1), %%tmm3\n\t"
      "tilezero %%tmm0\n\t"
      "tdpbssd %%tmm3, %%tmm2, %%tmm0\n\t"
      "tilestored %%tmm0, (%2,%4,1)"
      :
      : "r"(x), "r"(w), "r"(&sums), "r"(32L), "r"(64L)
      : "memory");
}
inline __attribute__((always_inline)) void multiplyHalfTile(const int8_t* x, const uint8_t* w, Sums& sums) {
  asm volatile(
      "tileloadd (%0,%3,1), %%tmm4\n\t"
      "tileloadd (%1,%4,1), %%tmm5\n\t"
      "tilezero %%tmm1\n\t"
      "tdpbssd %%tmm5, %%tmm4, %%tmm1\n\t"
      "tilestored %%tmm1, (%2,%4,1)"
      :
      : "r"(x), "r"(w), "r"(&sums), "r"(32L), "r"(64L)
      : "memory");
}

inline __attribute__((always_inline)) void addScaled(const Sums& sums, const float* d, const float* scale, __m512 (&y)[16]) {
  const __m512 scales = _mm512_loadu_ps(d);
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++) {
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(sums.values[r]));
    y[r] = _mm512_fmadd_ps(sum, _mm512_mul_ps(scales, _mm512_set1_ps(scale[r])), y[r]);
  }
}
inline __attribute__((always_inline)) void addMinimums(const float* m, const float* sum, __m512 (&y)[16]) {
  const __m512 minimums = _mm512_loadu_ps(m);
#pragma GCC unroll 16
  for (int r = 0; r < 16; r++) y[r] = _mm512_fmadd_ps(minimums, _mm512_set1_ps(sum[r]), y[r]);
}

/// Blocks whose sums are made before they are scaled: for 150 cycles after a tile instruction float vector instructions
/// run at half their rate (measured: docs/cpu.md, "The tile unit"). 35 cycles for the tile and 35 for the scaling of a block
/// take 87 in turns, 72 in batches of 4, 59 in batches of 16. 18: the rows of SmolLM2 in one batch.
constexpr int kBatch = 18;

/// 16 rows of one panel over `blocks` blocks: y moves on by their products.
template <Form form>
inline void tileRows(const WideBlock* wide, int blocks, const int8_t* q, const float* scale, const float* sum,
                     Sums* buffers, __m512 (&y)[16]) {
  for (int first = 0; first < blocks; first += kBatch) {
    const int end = blocks - first < kBatch ? blocks : first + kBatch;
    for (int b = first; b < end; b++) {
      const int8_t* x = q + static_cast<int64_t>(b) * 16 * kBlock;
      if constexpr (form == Form::halves) {
        multiplyHalfTile(x, wide[b].q[0], buffers[b - first]);
        multiplyHalfTile(x + 16, wide[b].q[4], buffers[kBatch + b - first]);
      } else {
        multiplyTile(x, wide[b].q[0], buffers[b - first]);
      }
    }
    for (int b = first; b < end; b++) {
      addScaled(buffers[b - first], wide[b].first, scale + b * 16, y);
      if constexpr (form == Form::minimums) addMinimums(wide[b].second, sum + b * 16, y);
      if constexpr (form == Form::halves) addScaled(buffers[kBatch + b - first], wide[b].second, scale + b * 16, y);
    }
  }
}

/// The tile unit takes signed weights with their zero taken off.
inline void takeOffZero(WideBlock* wide, int blocks, int zero) {
  const __m512i zeros = _mm512_set1_epi8(static_cast<char>(zero));
  for (int b = 0; b < blocks; b++)
    for (int j = 0; j < 8; j++) {
      __m512i* line = reinterpret_cast<__m512i*>(wide[b].q[j]);
      _mm512_store_si512(line, _mm512_sub_epi8(_mm512_load_si512(line), zeros));
    }
}

template <Form form>
void tilePanel(const WideBlock* wide, int first, int blocks, const QuantisedRows& x, float* y, int64_t stride) {
  Sums buffers[form == Form::halves ? 2 * kBatch : kBatch];
  for (int row = 0; row < x.rows; row += 16) {
    const int count = x.rows - row < 16 ? x.rows - row : 16;
    const int64_t place = (static_cast<int64_t>(row / 16) * x.blocks + first) * 16;
    float* to = y + row * stride;
    __m512 sums[16];
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++)
      sums[r] = first == 0 || r >= count ? _mm512_setzero_ps() : _mm512_loadu_ps(to + r * stride);
    tileRows<form>(wide, blocks, x.q + place * kBlock, x.scale + place, x.sum + place, buffers, sums);
#pragma GCC unroll 16
    for (int r = 0; r < 16; r++)
      if (r < count) _mm512_storeu_ps(to + r * stride, sums[r]);
  }
}

template <PackedType type>
void multiplyAny(const PanelRun& run, int begin, int end, const QuantisedRows& x, float* y, int64_t stride,
                 MultiplyScratch& scratch) {
  if (x.group != 16 || x.rows < kTileRows) return multiplyType<type>(run, begin, end, x, y, stride, scratch);
  constexpr TypeTraits t = traitsOf(type);
  WideBlock* wide = reinterpret_cast<WideBlock*>(scratch.bytes);
  const TileConfig config;
  _tile_loadconfig(&config);
  for (int p = begin; p < end; p++)
    for (int first = 0; first < x.blocks; first += kWideBlocks) {
      const int blocks = x.blocks - first < kWideBlocks ? x.blocks - first : kWideBlocks;
      widen<type>(run.data + p * panelBytes(type, run.columns), run.columns, first, first + blocks, wide);
      if (t.zero != 0) takeOffZero(wide, blocks, t.zero);
      tilePanel<formOf(type)>(wide, first, blocks, x, y + static_cast<int64_t>(p - begin) * kPanel, stride);
    }
  _tile_release();
}

void multiply(const PanelRun& run, int begin, int end, const QuantisedRows& x, float* y, int64_t stride,
              MultiplyScratch& scratch) {
  switch (run.type) {
    case PackedType::q4_0: return multiplyAny<PackedType::q4_0>(run, begin, end, x, y, stride, scratch);
    case PackedType::q4_1: return multiplyAny<PackedType::q4_1>(run, begin, end, x, y, stride, scratch);
    case PackedType::q5_0: return multiplyAny<PackedType::q5_0>(run, begin, end, x, y, stride, scratch);
    case PackedType::q5_1: return multiplyAny<PackedType::q5_1>(run, begin, end, x, y, stride, scratch);
    case PackedType::q8_0: return multiplyAny<PackedType::q8_0>(run, begin, end, x, y, stride, scratch);
    case PackedType::q4_k: return multiplyAny<PackedType::q4_k>(run, begin, end, x, y, stride, scratch);
    case PackedType::q5_k: return multiplyAny<PackedType::q5_k>(run, begin, end, x, y, stride, scratch);
    case PackedType::q6_k: return multiplyAny<PackedType::q6_k>(run, begin, end, x, y, stride, scratch);
    default: return;
  }
}

const DenseKernel kernel = {"amx", multiply, multiplyFloats, quantise, rmsNorm, gate, add, softCap,
                            summarise, dots, multiplyAdds, read};

}  // namespace

const DenseKernel* denseAmx() { return &kernel; }

}  // namespace longleaf
#else
namespace longleaf {
const DenseKernel* denseAmx() { return nullptr; }
}  // namespace longleaf
#endif
