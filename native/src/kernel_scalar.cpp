// The readable kernels: the same online softmax as kernel_tile.inl, one row and one key at a time, with f32 sums and
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

template <class Storage>
void attendRow(const TileKeys& keys, const TileRows& rows, int row, float* scores) {
  const int first = rows.first[row], end = rows.end[row], headDim = keys.headDim;
  if (first >= end) return;
  const float* query = static_cast<const float*>(rows.query[row]);
  float top = *rows.maximum[row];
  const float before = top;
  for (int j = first; j < end; j++) {
    float dot = 0;
    for (int i = 0; i < headDim; i++)
      dot += query[i] * Storage::k(keys.k[j / kBlock], j % kBlock, i, headDim, keys.paddedDim);
    scores[j] = dot;
    if (dot > top) top = dot;
  }
  const float factor = before == top ? 1.0f : std::exp2(before - top);
  float sum = 0;
  for (int j = first; j < end; j++) {
    scores[j] = std::exp2(scores[j] - top);
    sum += scores[j];
  }
  *rows.maximum[row] = top;
  *rows.sum[row] = *rows.sum[row] * factor + sum;
  float* output = rows.output[row];
  for (int i = 0; i < headDim; i++) output[i] *= factor;
  for (int j = first; j < end; j++)
    for (int i = 0; i < headDim; i++)
      output[i] += scores[j] * Storage::v(keys.v[j / kBlock], j % kBlock, i, headDim, keys.paddedDim);
}

template <class Storage>
void attendTile(const TileKeys& keys, const TileRows& rows, TileScratch& scratch) {
  for (int row = 0; row < rows.count; row++) attendRow<Storage>(keys, rows, row, scratch.scores[0]);
}

void rotateQuery(const float* x, const float* cosine, const float* sine, int headDim, void* out) {
  float* q = static_cast<float*>(out);
  for (int i = 0; i < headDim / 2; i++) {
    q[2 * i] = x[2 * i] * cosine[i] - x[2 * i + 1] * sine[i];
    q[2 * i + 1] = x[2 * i + 1] * cosine[i] + x[2 * i] * sine[i];
  }
}

const Kernel scalar = {"scalar", 4, attendTile<Bf16Storage>, rotateQuery};
const Kernel scalarF32 = {"scalar", 4, attendTile<F32Storage>, rotateQuery};

}  // namespace

const Kernel* kernelScalar() { return &scalar; }
const Kernel* kernelScalarF32() { return &scalarF32; }

}  // namespace longleaf
