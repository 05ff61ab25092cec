// The readable kernels: the same softmax as kernel_tile.inl, one row and one key at a time, with f32 sums and
// libm's exp2. `scalar` reads bf16 storage on any machine; the f32 storage of the conformance tests has only this one.
#include <cmath>
#include <cstring>

#include "kernel.h"

namespace longleaf {
namespace {

constexpr int kBlock = 64;

struct Bf16Storage {
  static float widen(uint16_t x) {
    const uint32_t u = static_cast<uint32_t>(x) << 16;
    float f;
    std::memcpy(&f, &u, 4);
    return f;
  }
  static float k(const void* block, int entry, int i, int headDim, int) {
    const int panel = entry / 16, lane = entry % 16;
    return widen(static_cast<const uint16_t*>(block)[((panel * (headDim / 2) + i / 2) * 16 + lane) * 2 + i % 2]);
  }
  static float v(const void* block, int entry, int i, int, int paddedDim) {
    return widen(static_cast<const uint16_t*>(block)[((entry / 2) * paddedDim + i) * 2 + entry % 2]);
  }
};

struct F32Storage {
  static float k(const void* block, int entry, int i, int headDim, int) {
    return static_cast<const float*>(block)[entry * headDim + i];
  }
  static float v(const void* block, int entry, int i, int, int paddedDim) {
    return static_cast<const float*>(block)[entry * paddedDim + i];
  }
};

struct Factors {
  float before;
  float tile;
};

// As in kernel_tile.inl: the larger maximum has the factor 1.
Factors mergeSums(float top, float partSum, float* maximum, float* sum) {
  const float before = *maximum;
  const float joint = before > top ? before : top;
  const Factors factors = {before == joint ? 1.0f : std::exp2(before - joint),
                           top == joint ? 1.0f : std::exp2(top - joint)};
  *maximum = joint;
  *sum = *sum * factors.before + partSum * factors.tile;
  return factors;
}

void mergePart(float partMaximum, float partSum, const float* part, int paddedDim, float* maximum, float* sum,
               float* output) {
  const Factors factors = mergeSums(partMaximum, partSum, maximum, sum);
  for (int i = 0; i < paddedDim; i++) output[i] = output[i] * factors.before + part[i] * factors.tile;
}

template <class Storage>
void attendRow(const TileKeys& keys, const TileRows& rows, int row, TileScratch& scratch) {
  const int first = rows.first[row], end = rows.end[row], headDim = keys.headDim;
  if (first >= end) return;
  const float* query = static_cast<const float*>(rows.queries) + row * rows.queryStride;
  float* scores = scratch.scores;
  float top = -INFINITY;
  for (int j = first; j < end; j++) {
    float dot = 0;
    for (int i = 0; i < headDim; i++)
      dot += query[i] * Storage::k(keys.k[j / kBlock], j % kBlock, i, headDim, keys.paddedDim);
    scores[j] = keys.softCap > 0 ? keys.softCap * std::tanh(dot / keys.softCap) : dot;
    if (scores[j] > top) top = scores[j];
  }
  float sum = 0;
  for (int j = first; j < end; j++) {
    scores[j] = std::exp2(scores[j] - top);
    sum += scores[j];
  }
  const Factors factors = mergeSums(top, sum, rows.maximum[row], rows.sum[row]);
  float* output = rows.output[row];
  for (int i = 0; i < headDim; i++) {
    float product = 0;
    for (int j = first; j < end; j++)
      product += scores[j] * Storage::v(keys.v[j / kBlock], j % kBlock, i, headDim, keys.paddedDim);
    output[i] = output[i] * factors.before + product * factors.tile;
  }
}

template <class Storage>
void attendTile(const TileKeys& keys, const TileRows& rows, TileScratch& scratch) {
  for (int row = 0; row < rows.count; row++) attendRow<Storage>(keys, rows, row, scratch);
}

void rotateQuery(const float* x, const float* cosine, const float* sine, int headDim, void* out) {
  float* q = static_cast<float*>(out);
  for (int i = 0; i < headDim / 2; i++) {
    q[2 * i] = x[2 * i] * cosine[i] - x[2 * i + 1] * sine[i];
    q[2 * i + 1] = x[2 * i + 1] * cosine[i] + x[2 * i] * sine[i];
  }
}

const Kernel scalar = {"scalar", 4, 6, 2, kUnitSlots, attendTile<Bf16Storage>, mergePart, rotateQuery, nullptr, nullptr, nullptr};
const Kernel scalarF32 = {"scalar", 4, 6, 2, kUnitSlots, attendTile<F32Storage>, mergePart, rotateQuery, nullptr, nullptr, nullptr};

}  // namespace

const Kernel* kernelScalar() { return &scalar; }
const Kernel* kernelScalarF32() { return &scalarF32; }

}  // namespace longleaf
