// The interface between the dense driver (dense.cpp) and the kernels of each instruction set (dense_<isa>.cpp).
//
// One arithmetic, in every instruction set and for every number of rows. Activations of a row become int8 per block of
// 32 columns: scale = absmax / 127, q = round to even(x * (127 / absmax)). For an output, over its blocks in order:
//
//   y = fma(f32(sum of q_w q_x, exact in int32), d * scale, y);   y = fma(m, scale * sum of q_x, y)    [d * scale rounded]
//
// where d (and m) are the weights' f32 scales. Integer sums are exact in any order and all float operations are the
// same IEEE operations in the same order, so every instruction set gives the same bits. Sums over a row (norms) keep 16
// partial sums, column i in sum i mod 16, added up as a fixed tree.
//
// Translation units compiled for one instruction set must not include standard headers with inline functions: the
// linker might keep their AVX-512 copy for everybody. This header is plain C++ for that reason.
#pragma once
#include <stdint.h>

#include "packed.h"

namespace longleaf {

/// Panels of one type in a matrix of `columns` columns.
struct PanelRun {
  PackedType type;
  int columns;
  const uint8_t* data;
};

/// Rows of int8 activations. Grouped: element (row, block) stands in place (row / group * blocks + block) * group +
/// row % group of each array; q holds 32 bytes in each place. group is 16 (rows padded by zeros to whole groups) or 1.
struct QuantisedRows {
  int rows = 0;
  int blocks = 0;
  int group = 16;
  int8_t* q = nullptr;
  float* scale = nullptr;
  /// scale * sum of q
  float* sum = nullptr;
  /// sums of q over columns 0 … 15 and 16 … 31: [place][2]
  int32_t* halves = nullptr;
};

/// Working memory of one thread, 64-byte aligned.
struct MultiplyScratch {
  uint8_t* bytes;
  size_t size;
};
constexpr size_t kMultiplyScratch = size_t(1) << 20;

enum class Activation : int { silu, gelu };

/// What a row of logits says by itself.
struct LogitSummary {
  /// index of the largest, of equal ones the lowest
  int best;
  /// ln of the sum of e^x; NaN where one of them is no number or +infinity, or none is finite
  double logSum;
};

struct DenseKernel {
  const char* name;
  /// y[row * stride + 16 (p - begin) + i] for panels p in [begin, end) of a quantised run.
  void (*multiply)(const PanelRun& run, int begin, int end, const QuantisedRows& x, float* y, int64_t stride,
                   MultiplyScratch& scratch);
  /// The same for a float run; x f32 [rows][columns]: y = fma(w, x, y) over the columns in order.
  void (*multiplyFloats)(const PanelRun& run, int begin, int end, const float* x, int rows, float* y, int64_t stride);
  /// Blocks [begin, end) of a row, which starts at `row`, as row `index` of x. A number that is not finite makes its
  /// whole block NaN.
  void (*quantise)(const float* row, QuantisedRows& x, int index, int begin, int end);
  /// out = x / sqrt(mean(x^2) + epsilon) * weight
  void (*rmsNorm)(const float* x, const float* weight, int columns, float epsilon, float* out);
  /// out = activation(gate) * up
  void (*gate)(const float* gate, const float* up, int columns, Activation activation, float* out);
  /// x += y
  void (*add)(float* x, const float* y, int columns);
  /// x = cap tanh(x / cap)
  void (*softCap)(float* x, int count, float cap);
  /// count >= 1
  LogitSummary (*summarise)(const float* x, int count);
  // For rooflines: work that does nothing else, all of its sums kept alive. Each returns what it counted.
  /// operations of `times` rounds of the integer dot instruction
  double (*dots)(int64_t times);
  /// operations of `times` rounds of f32 multiply-adds
  double (*multiplyAdds)(int64_t times);
  /// bytes read: all of them, in order
  double (*read)(const uint8_t* from, int64_t bytes);
};

// Each is defined by its own translation unit; null where the compiler or the processor family lacks it.
const DenseKernel* denseAmx();
const DenseKernel* denseAvx512Vnni();
const DenseKernel* denseAvxVnni();
const DenseKernel* denseAvx2();
const DenseKernel* denseNeon();
const DenseKernel* denseScalar();

}  // namespace longleaf
