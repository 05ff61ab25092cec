#pragma once

#include <cstdint>
#include <cstring>

#include "dense.h"

namespace longleaf {

inline int wholeGroups(int rows) { return (rows + 15) / 16 * 16; }

/// Activations of up to `capacity` rows of up to `columns` columns, as int8 and, for float weights, as they are.
struct Activations {
  Activations(int rows, int columns)
      : capacity(wholeGroups(rows)),
        q(bytes(rows, columns, kBlock)),
        scale(bytes(rows, columns, 4)),
        sum(bytes(rows, columns, 4)),
        halves(bytes(rows, columns, 8)),
        floats(static_cast<size_t>(capacity) * columns * 4) {}
  static size_t bytes(int rows, int columns, int each) {
    return static_cast<size_t>(wholeGroups(rows)) * ((columns + kBlock - 1) / kBlock) * each;
  }
  /// `rows` rows of `columns` columns; rows up to a whole group become zero
  QuantisedRows take(int rows, int columns) {
    QuantisedRows x;
    x.rows = rows;
    x.blocks = columns / kBlock;
    x.group = rows < 5 ? 1 : 16;
    x.q = reinterpret_cast<int8_t*>(q.data());
    x.scale = reinterpret_cast<float*>(scale.data());
    x.sum = reinterpret_cast<float*>(sum.data());
    x.halves = reinterpret_cast<int32_t*>(halves.data());
    const int64_t group = static_cast<int64_t>(rows / 16) * 16 * x.blocks;
    for (int b = 0; x.group == 16 && b < x.blocks; b++)
      for (int row = rows % 16; row != 0 && row < 16; row++) {
        const int64_t place = group + b * 16 + row;
        std::memset(x.q + place * kBlock, 0, kBlock);
        x.scale[place] = x.sum[place] = 0;
        x.halves[place * 2] = x.halves[place * 2 + 1] = 0;
      }
    return x;
  }
  float* values() { return reinterpret_cast<float*>(floats.data()); }

  int capacity;
  AlignedBuffer q, scale, sum, halves, floats;
};

}  // namespace longleaf
