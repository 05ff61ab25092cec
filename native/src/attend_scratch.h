// Working memory of one thread of Cache::attend.
#pragma once
#include <limits>
#include <vector>

#include "kernel.h"
#include "memory.h"
#include "ring.h"

namespace longleaf {

/// A row and head that sees at least one key of the ring at hand.
struct StackedQuery {
  int slot;
  int64_t begin;
  int64_t end;
};

/// What the softmax of some rows has come to: largest score, sum of the weights, output [paddedDim] not yet divided.
struct RowStates {
  RowStates(int slots, int paddedDim)
      : paddedDim(paddedDim), outputs(static_cast<size_t>(slots) * paddedDim * sizeof(float)), maximum(slots), sum(slots) {}
  float* output(int slot) { return reinterpret_cast<float*>(outputs.data()) + static_cast<size_t>(slot) * paddedDim; }
  void clear(int slots) {
    std::fill_n(maximum.begin(), slots, -std::numeric_limits<float>::infinity());
    std::fill_n(sum.begin(), slots, 0.0f);
    std::fill_n(output(0), static_cast<size_t>(slots) * paddedDim, 0.0f);
  }

  int paddedDim;
  AlignedBuffer outputs;
  std::vector<float> maximum;
  std::vector<float> sum;
};

struct AttendScratch {
  /// @param queryBytes of one row, padded as the kernel wants it
  AttendScratch(int slots, size_t queryBytes, int paddedDim)
      : queries((static_cast<size_t>(slots) + kStackedRows) * queryBytes + 64), states(slots, paddedDim) {
    stacked.reserve(slots);
  }

  /// one row after the other, with room for a kernel that reads whole groups of rows
  AlignedBuffer queries;
  std::vector<StackedQuery> stacked;
  RowStates states;
  TileScratch tile;
};

}  // namespace longleaf
