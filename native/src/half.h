// 16-bit floats to f32, exactly.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

namespace longleaf {

/// IEEE 754 half precision
inline float fromHalf(const uint8_t* bytes) {
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

/// the upper half of an f32
inline float fromBfloat(const uint8_t* bytes) {
  uint16_t h;
  std::memcpy(&h, bytes, 2);
  const uint32_t bits = static_cast<uint32_t>(h) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

}  // namespace longleaf
