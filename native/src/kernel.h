// The interface between the driver (cache.cpp) and the kernels of each instruction set (kernel_*.cpp).
//
// Storage of one ring in one layer, in blocks of 64 entries (all sizes in 16-bit or 32-bit elements):
//   bf16  K  [block][4 panels][headDim/2][16 keys][2]     a line of 64 bytes = 16 keys x 2 dimensions
//         V  [block][32 key pairs][padded headDim][2]     a line of 64 bytes = 16 dimensions x 2 keys
//   f32   K  [entry][headDim],  V  [entry][padded headDim]
// Padded headDim is headDim rounded up to 16; the padding is zero. Both bf16 layouts are operands of vdpbf16ps as
// they stand, and give f32 multiply-add kernels the even and odd elements by one shift and one mask.
//
// Translation units compiled for one instruction set must not include standard headers with inline functions: the
// linker might keep their AVX-512 copy for everybody. This header is plain C++ for that reason.
#pragma once
#include <stdint.h>

namespace longleaf {

/// Blocks of one softmax tile (kTileEntries of ring.h).
constexpr int kTileBlocks = 8;
constexpr int kTileKeys = kTileBlocks * 64;
/// Largest number of stacked query rows (rows x query heads of a group) of one kernel call, of any kernel.
constexpr int kStackedRows = 32;
/// Scores and weights of a row stand this far apart: a multiple of 2 KB would put all rows into a few sets of the L1.
constexpr int kScoreStride = kTileKeys + 16;
constexpr int kWeightStride = kTileKeys + 32;

/// Kernel::unitSlots where the L2 may have 512 KB (64 dimensions: 48 KB of bf16 queries, 96 KB of outputs, 128 KB of keys
/// and values).
constexpr int kUnitSlots = 384;
/// Floats from one row to the next of TileScratch::products.
constexpr int kProducts = 64;

/// One tile of kTileKeys entries; blocks [blockBegin, blockEnd) of it may be visible, the pointers of others are unset.
struct TileKeys {
  const void* k[kTileBlocks];
  const void* v[kTileBlocks];
  int blockBegin;
  int blockEnd;
  int headDim;
  int paddedDim;
  /// soft cap of the scores in the units of the query's scale (base-2 logarithms): s -> c tanh(s / c); 0 = none
  float softCap;
  /// the first call of several with this tile: the next tile of the ring may be fetched into the L2
  bool fetchNext;
};

/// Stacked query rows. Row i sees the tile's entries [first[i], end[i]); first >= end: none, and its state stays.
struct TileRows {
  int count;
  /// rotated and scaled by log2(e) times the attention scale; uint16_t (bf16) or float as Kernel::queryBytes says.
  /// Row i begins i * queryStride elements after row 0.
  const void* queries;
  int queryStride;
  int first[kStackedRows];
  int end[kStackedRows];
  /// state of each row, moved on by the tile: largest score, sum of the weights, [paddedDim] not yet divided by it
  float* maximum[kStackedRows];
  float* sum[kStackedRows];
  float* output[kStackedRows];
};

/// Working memory of one thread.
struct alignas(64) TileScratch {
  float scores[kStackedRows * kScoreStride];
  uint16_t weights[kStackedRows * kWeightStride];
  /// products with the values before they are merged into the rows' outputs (kernels whose sums are not in registers)
  float products[kStackedRows * kProducts];
};

struct Kernel {
  const char* name;
  /// bytes of a query element: 2 = bf16, 4 = f32
  int queryBytes;
  /// largest number of stacked rows of one call, and elements that a query row is padded to a multiple of (zeros)
  int stackedRows;
  int queryMultiple;
  /// stacked rows of one unit of work: as many as keep queries and outputs in the L2 beside a tile, a multiple of stackedRows
  int unitSlots;
  /// Softmax of one tile by itself (weights relative to the tile's own maximum), merged into each row's state. Because
  /// a tile's part does not depend on what came before, any thread can compute it from an empty state.
  void (*attendTile)(const TileKeys& keys, const TileRows& rows, TileScratch& scratch);
  /// Merges a part that attendTile made from an empty state into a row's state: the same bits as if attendTile had
  /// merged it there itself.
  void (*mergePart)(float partMaximum, float partSum, const float* part, int paddedDim, float* maximum, float* sum,
                    float* output);
  /// rotates one row: out[2i] = x[2i] c[i] - x[2i+1] s[i], out[2i+1] = x[2i+1] c[i] + x[2i] s[i]
  void (*rotateQuery)(const float* x, const float* cosine, const float* sine, int headDim, void* out);
  /// before and after a thread's calls of attendTile; may be null
  void (*enter)();
  void (*leave)();
  /// runs the kernel's multiply-add alone for a number of rounds, every accumulator kept alive; returns the floating point
  /// operations. Null where that means nothing.
  double (*burn)(int rounds);
};

// Each is defined by its own translation unit; null where the compiler or the processor family lacks it.
const Kernel* kernelAmx();
const Kernel* kernelAvx512Bf16();
const Kernel* kernelAvx512();
const Kernel* kernelAvx2();
const Kernel* kernelNeon();
const Kernel* kernelScalar();
/// f32 storage, every machine: the conformance path.
const Kernel* kernelScalarF32();

}  // namespace longleaf
