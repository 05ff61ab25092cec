#include "rotation.h"

#include <cmath>
#include <stdexcept>
#include <string>

namespace longleaf {

namespace {

// zeta_i = (2i + 0.4 d) / (1.4 d), torchscale's xpos_relative_position.py
double xposZeta(size_t pair, size_t pairs) {
  const double d = 2.0 * static_cast<double>(pairs);
  return (2.0 * static_cast<double>(pair) + 0.4 * d) / (1.4 * d);
}

// f32 ends at 2^128; half of it is left to the vectors themselves
constexpr double kLargestXposBits = 64;

}  // namespace

double mapDistance(const std::vector<DistanceSegment>& map, double distance) {
  size_t i = 0;
  while (i + 1 < map.size() && distance >= map[i + 1].from) i++;
  return map[i].base + map[i].slope * (distance - map[i].from);
}

void RotationTable::set(const RotationSpec& spec, int64_t index, double rotated, double scale, double exponent) {
  for (size_t i = 0; i < pairs_; i++) {
    const double angle = rotated * spec.inverseFrequencies[i];
    const double factor = exponent == 0 ? scale : scale * std::pow(xposZeta(i, pairs_), exponent);
    cosine_[index * pairs_ + i] = static_cast<float>(std::cos(angle) * factor);
    sine_[index * pairs_ + i] = static_cast<float>(std::sin(angle) * factor);
  }
}

void RotationTable::apply(int64_t index, const float* x, float* out) const {
  const float* c = cosine(index);
  const float* s = sine(index);
  for (size_t i = 0; i < pairs_; i++) {
    out[2 * i] = x[2 * i] * c[i] - x[2 * i + 1] * s[i];
    out[2 * i + 1] = x[2 * i + 1] * c[i] + x[2 * i] * s[i];
  }
}

double xposExponent(double scaleBase, int64_t position, int64_t align) {
  const int64_t start = position / align * align;
  return (static_cast<double>(position - start) - static_cast<double>(align) / 2) / scaleBase;
}

void checkXpos(const RotationSpec& spec, int64_t align) {
  const double bits = -std::log2(xposZeta(0, spec.inverseFrequencies.size())) * static_cast<double>(align) / 2 /
                      spec.xposScaleBase;
  if (bits > kLargestXposBits)
    throw std::invalid_argument("XPOS over a segment of " + std::to_string(align) +
                                " tokens would overflow f32 (scales up to 2^" +
                                std::to_string(static_cast<long long>(bits)) + "; the limit is 2^64)");
}

}  // namespace longleaf
