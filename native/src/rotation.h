// Rotary position embedding tables: cosines and sines of the angles position * inverseFrequency, in double before
// they are rounded to f32, and XPOS scales folded in where the plan has them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace longleaf {

struct RotationSpec {
  /// radians per position of each pair (2i, 2i+1)
  std::vector<double> inverseFrequencies;
  /// XPOS scale base (torchscale: 512); 0 = plain RoPE
  double xposScaleBase = 0;
};

/// Piecewise linear compressed distance, CompiledPlan.distanceMap.
struct DistanceSegment {
  double from;
  double base;
  double slope;
};
double mapDistance(const std::vector<DistanceSegment>& map, double distance);

/// Cosines and sines of `count` positions, [count][headDim / 2] each.
class RotationTable {
 public:
  RotationTable(const RotationSpec& spec, int64_t count)
      : pairs_(spec.inverseFrequencies.size()), cosine_(count * pairs_), sine_(count * pairs_) {}

  /// Row `index`: angle of `rotated`; `scale` multiplies both, XPOS adds zeta_i^exponent (longnet.md section 1).
  void set(const RotationSpec& spec, int64_t index, double rotated, double scale, double exponent);
  /// Rotates x [headDim] by row `index`; `out` may not be x.
  void apply(int64_t index, const float* x, float* out) const;
  const float* cosine(int64_t index) const { return cosine_.data() + index * pairs_; }
  const float* sine(int64_t index) const { return sine_.data() + index * pairs_; }

 private:
  size_t pairs_;
  std::vector<float> cosine_;
  std::vector<float> sine_;
};

/// XPOS exponent of `position` in segments of `align` tokens, relative to the segment's middle: only differences
/// within a segment matter, and the middle keeps both ends of a long segment within f32.
double xposExponent(double scaleBase, int64_t position, int64_t align);

/// Throws std::invalid_argument when zeta_0^e of a segment of `align` tokens would leave the range of f32.
void checkXpos(const RotationSpec& spec, int64_t align);

}  // namespace longleaf
