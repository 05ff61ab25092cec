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

constexpr int kTileBlocks = 8;
/// Largest number of stacked query rows (rows x query heads of a group) of one kernel call.
constexpr int kStackedRows = 6;

/// One tile of kTileBlocks * 64 entries; blocks [blockBegin, blockEnd) of it may be visible, the pointers of others are unset.
struct TileKeys {
  const void* k[kTileBlocks];
  const void* v[kTileBlocks];
  int blockBegin;
  int blockEnd;
  int headDim;
  int paddedDim;
};

/// Stacked query rows. Row i sees the tile's entries [first[i], end[i]); first >= end: none, and its state stays.
struct TileRows {
  int count;
  /// rotated and scaled by log2(e)/sqrt(headDim); uint16_t (bf16) or float as Kernel::queryBytes says
  const void* query[kStackedRows];
  int first[kStackedRows];
  int end[kStackedRows];
  float* maximum[kStackedRows];
  float* sum[kStackedRows];
  /// [paddedDim], not yet divided by the sum
  float* output[kStackedRows];
};

/// Working memory of one thread, 64-byte aligned.
struct alignas(64) TileScratch {
  float scores[kStackedRows][kTileBlocks * 64];
  uint16_t weights[kStackedRows][kTileBlocks * 64];
};

struct Kernel {
  const char* name;
  /// bytes of a query element: 2 = bf16, 4 = f32
  int queryBytes;
  /// online softmax of one tile: maximum, sum and output of each row move on
  void (*attendTile)(const TileKeys& keys, const TileRows& rows, TileScratch& scratch);
  /// rotates one row: out[2i] = x[2i] c[i] - x[2i+1] s[i], out[2i+1] = x[2i+1] c[i] + x[2i] s[i]
  void (*rotateQuery)(const float* x, const float* cosine, const float* sine, int headDim, void* out);
};

// Each is defined by its own translation unit; null where the compiler or the processor family lacks it.
const Kernel* kernelAvx512Bf16();
const Kernel* kernelAvx512();
const Kernel* kernelAvx2();
const Kernel* kernelNeon();
const Kernel* kernelScalar();
/// f32 storage, every machine: the conformance path.
const Kernel* kernelScalarF32();

}  // namespace longleaf
