#include "quantised.h"

#include <cmath>
#include <cstring>
#include <stdexcept>

namespace longleaf {

namespace {

// IEEE 754 half precision, exact
float fromHalf(const uint8_t* bytes) {
  uint16_t h;
  std::memcpy(&h, bytes, 2);
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16;
  const uint32_t exponent = (h >> 10) & 31, fraction = h & 1023;
  uint32_t bits;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  if (exponent == 31) bits = sign | 0x7f800000u | fraction << 13;
  else bits = sign | (exponent + 112) << 23 | fraction << 13;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

int64_t blockBytes(TensorType type) {
  switch (type) {
    case TensorType::q8_0: return 34;
    case TensorType::q4_0: return 18;
    case TensorType::q4_1: return 20;
    default: return 0;
  }
}

// GGUF keeps weight j in the low nibble of byte j and weight j + 16 in its high nibble.
void packNibbles(const uint8_t* from, uint8_t* to) {
  for (int j = 0; j < 8; j++) {
    const uint8_t a = from[2 * j], b = from[2 * j + 1];
    to[j] = static_cast<uint8_t>((a & 15) | (b & 15) << 4);
    to[j + 8] = static_cast<uint8_t>(a >> 4 | (b & 0xf0));
  }
}

}  // namespace

TensorType tensorType(const std::string& name) {
  if (name == "F32") return TensorType::f32;
  if (name == "F16") return TensorType::f16;
  if (name == "Q8_0") return TensorType::q8_0;
  if (name == "Q4_0") return TensorType::q4_0;
  if (name == "Q4_1") return TensorType::q4_1;
  throw std::invalid_argument("tensor type '" + name + "' is none of F32, F16, Q8_0, Q4_0, Q4_1");
}

int64_t rowBytes(TensorType type, int64_t columns) {
  if (type == TensorType::f32) return columns * 4;
  if (type == TensorType::f16) return columns * 2;
  if (columns % kQuantBlock != 0) throw std::invalid_argument("columns must be a multiple of 32");
  return columns / kQuantBlock * blockBytes(type);
}

int64_t packedBlockBytes(TensorType type) {
  if (type == TensorType::q8_0) return 32;
  if (type == TensorType::q4_0 || type == TensorType::q4_1) return 16;
  throw std::invalid_argument("only Q4_0, Q4_1 and Q8_0 can be repacked");
}

void repack(TensorType type, const uint8_t* source, int64_t rows, int64_t columns, uint8_t* quants, float* scales,
            float* minimums) {
  const int64_t blocks = rows * (columns / kQuantBlock);
  const int64_t from = blockBytes(type), to = packedBlockBytes(type);
  for (int64_t b = 0; b < blocks; b++) {
    const uint8_t* block = source + b * from;
    uint8_t* packed = quants + b * to;
    const float d = fromHalf(block);
    scales[b] = d;
    if (type == TensorType::q8_0) {
      for (int j = 0; j < 32; j++) packed[j] = static_cast<uint8_t>(block[2 + j] ^ 0x80);
      continue;
    }
    packNibbles(block + (type == TensorType::q4_1 ? 4 : 2), packed);
    if (type == TensorType::q4_1) minimums[b] = fromHalf(block + 2) + 8.0f * d;
  }
}

void dequantiseRow(TensorType type, const uint8_t* row, int64_t columns, float* out) {
  if (type == TensorType::f32) {
    std::memcpy(out, row, columns * sizeof(float));
    return;
  }
  if (type == TensorType::f16) {
    for (int64_t i = 0; i < columns; i++) out[i] = fromHalf(row + 2 * i);
    return;
  }
  for (int64_t b = 0; b < columns / kQuantBlock; b++) {
    const uint8_t* block = row + b * blockBytes(type);
    float* to = out + b * kQuantBlock;
    const float d = fromHalf(block);
    if (type == TensorType::q8_0) {
      for (int j = 0; j < 32; j++) to[j] = d * static_cast<float>(static_cast<int8_t>(block[2 + j]));
      continue;
    }
    const float m = type == TensorType::q4_1 ? fromHalf(block + 2) : 0.0f;
    const uint8_t* q = block + (type == TensorType::q4_1 ? 4 : 2);
    const int shift = type == TensorType::q4_1 ? 0 : 8;
    for (int j = 0; j < 16; j++) {
      to[j] = d * static_cast<float>((q[j] & 15) - shift) + m;
      to[j + 16] = d * static_cast<float>((q[j] >> 4) - shift) + m;
    }
  }
}

}  // namespace longleaf
