// Weights as the dense kernels read them: panels of 16 outputs, lossless from the GGUF blocks.
//
// A matrix [outputs][columns] is a run of panels, one after the other in the order in which they are read; the last one
// is filled up with outputs of zero. A panel of a quantised type, over B = columns / 32 blocks, is two stretches, each
// a whole number of cache lines:
//
//   quants  [B][lines][64]   byte 4 r + t of line j belongs to output r (0 … 15), column 4 j + t of the block:
//             4 low bits     lines 0 … 3: low nibble = column 4 j + t, high nibble = column 16 + 4 j + t
//             5th bit        one more line: bit i of byte 4 r + t = column 4 i + t (i = 0 … 7)
//             5th, 6th bit   two more lines h: bits 2 i, 2 i + 1 of byte 4 r + t = column 16 h + 4 i + t (i = 0 … 3)
//             8 bits         lines 0 … 7: q + 128
//   scales  Q4_0, Q5_0, Q8_0 [B][16] f16 d;   Q4_1, Q5_1 [B][16] f16 d, [16] f16 m;
//           Q4_K, Q5_K per 8 blocks: [16] f16 d, [16] f16 dmin, [8][16] u8 scale, [8][16] u8 minimum
//           Q6_K       per 8 blocks: [16] f16 d, 32 bytes of nothing, [16 half blocks][16] i8 scale
//
// so a line, once its bits are taken apart, is an operand of vpdpbusd, and eight of them are a tile of AMX. A weight is
// w = d (q - zero) or w = d q + m. Float types: [columns][16] as they are. Little-endian.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace longleaf {

constexpr int kPanel = 16;
constexpr int kBlock = 32;
constexpr int kSuperBlocks = 8;

enum class PackedType : int { q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k, f16, bf16, f32 };
constexpr int kPackedTypes = 11;

/// What a kernel must know of a quantised type.
struct TypeTraits {
  const char* name;
  /// bits of a weight; 16 and 32 are floats
  int bits;
  /// w = d (q - zero); 0 for types with minimums
  int zero;
  bool minimums;
  /// scales per 16 columns instead of 32
  bool halves;
  /// scales come per 8 blocks: columns are multiples of 256
  bool super;
  /// lines of quants per block
  int lines;
  /// bytes of scales per block, or per 8 blocks where `super`
  int scaleBytes;
  /// GGUF: weights and bytes of one block
  int ggufWeights;
  int ggufBytes;
};

constexpr TypeTraits kTypes[kPackedTypes] = {
    {"Q4_0", 4, 8, false, false, false, 4, 32, 32, 18},    {"Q4_1", 4, 0, true, false, false, 4, 64, 32, 20},
    {"Q5_0", 5, 16, false, false, false, 5, 32, 32, 22},   {"Q5_1", 5, 0, true, false, false, 5, 64, 32, 24},
    {"Q8_0", 8, 128, false, false, false, 8, 32, 32, 34},  {"Q4_K", 4, 0, true, false, true, 4, 320, 256, 144},
    {"Q5_K", 5, 0, true, false, true, 5, 320, 256, 176},   {"Q6_K", 6, 32, false, true, true, 6, 320, 256, 210},
    {"F16", 16, 0, false, false, false, 0, 0, 1, 2},       {"BF16", 16, 0, false, false, false, 0, 0, 1, 2},
    {"F32", 32, 0, false, false, false, 0, 0, 1, 4},
};

constexpr const TypeTraits& traitsOf(PackedType type) { return kTypes[static_cast<int>(type)]; }
constexpr bool isFloat(PackedType type) { return traitsOf(type).bits >= 16; }

constexpr size_t wholeLines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// Bytes of the quants of a panel; its scales follow them.
constexpr size_t quantBytes(PackedType type, int64_t columns) {
  return static_cast<size_t>(columns / kBlock) * traitsOf(type).lines * 64;
}

/// Bytes of one panel; a multiple of 64.
constexpr size_t panelBytes(PackedType type, int64_t columns) {
  const TypeTraits& t = traitsOf(type);
  if (isFloat(type)) return wholeLines(static_cast<size_t>(columns) * kPanel * t.bits / 8);
  const size_t scaled = static_cast<size_t>(columns / kBlock) / (t.super ? kSuperBlocks : 1);
  return quantBytes(type, columns) + wholeLines(scaled * t.scaleBytes);
}

/// The type of that name, or -1.
int packedType(const char* name);

/// GGUF rows [rows][columns] to panels; `target` has panelBytes(…) * ceil(rows / 16). Returns false where a scale or a
/// float weight is no finite number.
bool packRows(PackedType type, const uint8_t* source, int64_t rows, int64_t columns, uint8_t* target);

/// Output `output` of packed panels as f32 [columns]: what GGUF says, bit for bit.
void unpackRow(PackedType type, const uint8_t* panels, int64_t output, int64_t columns, float* out);

}  // namespace longleaf
