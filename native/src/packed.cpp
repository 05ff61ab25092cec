// Packing walks over GGUF's blocks (ggml-common.h: block_q4_0 … block_q6_K) one output and block at a time; unpackRow
// is its readable inverse, against which tests hold the kernels' own unpacking.
#include "packed.h"

#include <cmath>
#include <cstring>

#include "half.h"

namespace longleaf {

namespace {

/// One block of 32 weights of one output, taken apart.
struct Block {
  uint8_t q[kBlock];
};

bool finiteHalf(const uint8_t* bytes) { return (bytes[1] & 0x7c) != 0x7c; }

void putLines(const Block& block, int bits, int output, uint8_t* lines) {
  for (int column = 0; column < kBlock; column++) {
    const int at = 4 * output + column % 4, line = column / 4, q = block.q[column];
    if (bits == 8) {
      lines[line * 64 + at] = static_cast<uint8_t>(q);
      continue;
    }
    lines[line % 4 * 64 + at] |= static_cast<uint8_t>((q & 15) << (line < 4 ? 0 : 4));
    if (bits == 5) lines[4 * 64 + at] |= static_cast<uint8_t>((q >> 4) << line);
    if (bits == 6) lines[(4 + line / 4) * 64 + at] |= static_cast<uint8_t>((q >> 4) << (2 * (line % 4)));
  }
}

Block getLines(int bits, int output, const uint8_t* lines) {
  Block block;
  for (int column = 0; column < kBlock; column++) {
    const int at = 4 * output + column % 4, line = column / 4;
    int q = lines[line % 4 * 64 + at] >> (line < 4 ? 0 : 4) & 15;
    if (bits == 8) q = lines[line * 64 + at];
    if (bits == 5) q |= (lines[4 * 64 + at] >> line & 1) << 4;
    if (bits == 6) q |= (lines[(4 + line / 4) * 64 + at] >> (2 * (line % 4)) & 3) << 4;
    block.q[column] = static_cast<uint8_t>(q);
  }
  return block;
}

/// Types of 32 weights: nibble j and j + 16 share a byte; Q5 has its fifth bits in one word before them.
Block readSmallBlock(PackedType type, const uint8_t* from) {
  Block block;
  if (type == PackedType::q8_0) {
    for (int i = 0; i < kBlock; i++) block.q[i] = from[2 + i] ^ 0x80;
    return block;
  }
  const TypeTraits& t = traitsOf(type);
  const uint8_t* q = from + (t.minimums ? 4 : 2);
  uint32_t fifth = 0;
  if (t.bits == 5) {
    std::memcpy(&fifth, q, 4);
    q += 4;
  }
  for (int i = 0; i < 16; i++) {
    block.q[i] = static_cast<uint8_t>((q[i] & 15) | (fifth >> i & 1) << 4);
    block.q[i + 16] = static_cast<uint8_t>(q[i] >> 4 | (fifth >> (i + 16) & 1) << 4);
  }
  return block;
}

/// Q4_K, Q5_K: 32-block `index` of 8. Two of them share their bytes' nibbles; fifth bits: bit `index` of qh.
Block readK45(PackedType type, const uint8_t* from, int index) {
  const bool five = type == PackedType::q5_k;
  const uint8_t* q = from + 16 + (five ? 32 : 0) + index / 2 * 32;
  const uint8_t* fifth = from + 16;
  Block block;
  for (int i = 0; i < kBlock; i++) {
    const int low = index % 2 == 0 ? q[i] & 15 : q[i] >> 4;
    block.q[i] = static_cast<uint8_t>(five ? low | (fifth[i] >> index & 1) << 4 : low);
  }
  return block;
}

/// 6-bit scale and minimum of 32-block `index` (ggml-quants.c, get_scale_min_k4).
void scaleOfK45(const uint8_t* packed, int index, uint8_t& scale, uint8_t& minimum) {
  if (index < 4) {
    scale = packed[index] & 63;
    minimum = packed[index + 4] & 63;
  } else {
    scale = static_cast<uint8_t>((packed[index + 4] & 15) | (packed[index - 4] >> 6) << 4);
    minimum = static_cast<uint8_t>(packed[index + 4] >> 4 | (packed[index] >> 6) << 4);
  }
}

/// Q6_K: 32-block `index` of 8; four of them share 64 bytes of low nibbles and 32 of pairs of high bits.
Block readK6(const uint8_t* from, int index) {
  const uint8_t* low = from + index / 4 * 64 + index % 2 * 32;
  const uint8_t* high = from + 128 + index / 4 * 32;
  const int quarter = index % 4;
  Block block;
  for (int i = 0; i < kBlock; i++) {
    const int nibble = quarter < 2 ? low[i] & 15 : low[i] >> 4;
    block.q[i] = static_cast<uint8_t>(nibble | (high[i] >> (2 * quarter) & 3) << 4);
  }
  return block;
}

/// One output's row into its panel.
bool packSmall(PackedType type, const uint8_t* row, int64_t blocks, int output, uint8_t* quants, uint8_t* scales) {
  const TypeTraits& t = traitsOf(type);
  bool finite = true;
  for (int64_t b = 0; b < blocks; b++) {
    const uint8_t* from = row + b * t.ggufBytes;
    putLines(readSmallBlock(type, from), t.bits, output, quants + b * t.lines * 64);
    std::memcpy(scales + b * t.scaleBytes + 2 * output, from, 2);
    finite = finite && finiteHalf(from);
    if (!t.minimums) continue;
    std::memcpy(scales + b * t.scaleBytes + 32 + 2 * output, from + 2, 2);
    finite = finite && finiteHalf(from + 2);
  }
  return finite;
}

bool packSuper(PackedType type, const uint8_t* row, int64_t blocks, int output, uint8_t* quants, uint8_t* scales) {
  const TypeTraits& t = traitsOf(type);
  const bool six = type == PackedType::q6_k;
  bool finite = true;
  for (int64_t s = 0; s < blocks / kSuperBlocks; s++) {
    const uint8_t* from = row + s * t.ggufBytes;
    uint8_t* to = scales + s * t.scaleBytes;
    const uint8_t* d = six ? from + 208 : from;
    std::memcpy(to + 2 * output, d, 2);
    finite = finite && finiteHalf(d);
    if (!six) {
      std::memcpy(to + 32 + 2 * output, from + 2, 2);
      finite = finite && finiteHalf(from + 2);
    }
    for (int i = 0; i < kSuperBlocks; i++) {
      putLines(six ? readK6(from, i) : readK45(type, from, i), t.bits, output,
               quants + (s * kSuperBlocks + i) * t.lines * 64);
      if (six) {
        to[64 + 2 * i * kPanel + output] = from[192 + 2 * i];
        to[64 + (2 * i + 1) * kPanel + output] = from[192 + 2 * i + 1];
      } else {
        scaleOfK45(from + 4, i, to[64 + i * kPanel + output], to[192 + i * kPanel + output]);
      }
    }
  }
  return finite;
}

bool packFloats(PackedType type, const uint8_t* row, int64_t columns, int output, uint8_t* panel) {
  const int bytes = traitsOf(type).bits / 8;
  bool finite = true;
  for (int64_t k = 0; k < columns; k++) {
    const uint8_t* from = row + k * bytes;
    std::memcpy(panel + (k * kPanel + output) * bytes, from, bytes);
    const int exponent = from[bytes - 1] << 8 | from[bytes - 2];
    const int all = type == PackedType::f16 ? 0x7c00 : 0x7f80;
    finite = finite && (exponent & all) != all;
  }
  return finite;
}

}  // namespace

int packedType(const char* name) {
  for (int i = 0; i < kPackedTypes; i++)
    if (std::strcmp(kTypes[i].name, name) == 0) return i;
  return -1;
}

bool packRows(PackedType type, const uint8_t* source, int64_t rows, int64_t columns, uint8_t* target) {
  const TypeTraits& t = traitsOf(type);
  const size_t rowBytes = static_cast<size_t>(columns / t.ggufWeights) * t.ggufBytes, bytes = panelBytes(type, columns);
  std::memset(target, 0, bytes * ((rows + kPanel - 1) / kPanel));
  bool finite = true;
  for (int64_t row = 0; row < rows; row++) {
    uint8_t* quants = target + row / kPanel * bytes;
    uint8_t* scales = quants + quantBytes(type, columns);
    const uint8_t* from = source + row * rowBytes;
    const int output = static_cast<int>(row % kPanel);
    const int64_t blocks = columns / kBlock;
    if (isFloat(type)) finite &= packFloats(type, from, columns, output, quants);
    else if (t.super) finite &= packSuper(type, from, blocks, output, quants, scales);
    else finite &= packSmall(type, from, blocks, output, quants, scales);
  }
  return finite;
}

void unpackRow(PackedType type, const uint8_t* panels, int64_t row, int64_t columns, float* out) {
  const TypeTraits& t = traitsOf(type);
  const uint8_t* quants = panels + row / kPanel * panelBytes(type, columns);
  const uint8_t* scales = quants + quantBytes(type, columns);
  const int output = static_cast<int>(row % kPanel);
  if (isFloat(type)) {
    const int bytes = t.bits / 8;
    for (int64_t k = 0; k < columns; k++) {
      const uint8_t* from = quants + (k * kPanel + output) * bytes;
      if (type == PackedType::f32) std::memcpy(&out[k], from, 4);
      else out[k] = type == PackedType::f16 ? fromHalf(from) : fromBfloat(from);
    }
    return;
  }
  for (int64_t b = 0; b < columns / kBlock; b++) {
    const Block block = getLines(t.bits, output, quants + b * t.lines * 64);
    const uint8_t* s = scales + (t.super ? b / kSuperBlocks : b) * t.scaleBytes;
    const int i = static_cast<int>(b % kSuperBlocks);
    float d[2] = {fromHalf(s + 2 * output), fromHalf(s + 2 * output)}, m = 0;
    if (t.minimums) m = fromHalf(s + 32 + 2 * output);
    if (t.super && !t.halves) {
      d[0] = d[1] = d[0] * s[64 + i * kPanel + output];
      m = -(m * s[192 + i * kPanel + output]);
    }
    if (t.halves)
      for (int h = 0; h < 2; h++) d[h] *= static_cast<int8_t>(s[64 + (2 * i + h) * kPanel + output]);
    for (int k = 0; k < kBlock; k++)
      out[b * kBlock + k] = d[k / 16] * static_cast<float>(block.q[k] - t.zero) + m;
  }
}

}  // namespace longleaf
