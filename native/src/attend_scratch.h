// Working memory of one thread of Cache::attend.
#pragma once
#include <vector>

#include "kernel.h"
#include "memory.h"

namespace longleaf {

/// Stacked query rows (rows x query heads of a group) of one unit of work: queries and outputs then stay in L2
/// beside a key tile (64 dimensions: 48 KB + 96 KB + 64 KB).
constexpr int kUnitSlots = 384;

/// A row and head that sees at least one key of the ring at hand.
struct StackedQuery {
  int slot;
  int64_t begin;
  int64_t end;
};

struct AttendScratch {
  AttendScratch(int slots, int headDim, int paddedDim)
      : queries(static_cast<size_t>(slots) * headDim * sizeof(float) + 64),
        outputs(static_cast<size_t>(slots) * paddedDim * sizeof(float)),
        maximum(slots),
        sum(slots) {
    stacked.reserve(slots);
  }
  float* output(int slot, int paddedDim) { return reinterpret_cast<float*>(outputs.data()) + static_cast<size_t>(slot) * paddedDim; }

  AlignedBuffer queries;
  AlignedBuffer outputs;
  std::vector<float> maximum;
  std::vector<float> sum;
  std::vector<StackedQuery> stacked;
  TileScratch tile;
};

/// Query rows of one unit for `group` query heads per KV head.
inline int unitRows(int group) { return group >= kUnitSlots ? 1 : kUnitSlots / group; }

}  // namespace longleaf
