// Keys and values of one ring in one layer: packed as kernel.h describes, written and read one entry at a time.
//
// Rows travel as f32; bf16 storage rounds on the way in (to nearest even) and widens on the way out, so that reading
// a row and writing it again never changes a bit.
//
// Keys are kept as their ring rotates them, and only so: a band turns the keys it is handed by the difference of the
// two rings' angles. Keeping unrotated copies for the next band as well costs half as much memory again and saves one
// rounding per handover (an error of about 1e-6 of a key's energy each, in bf16).
//
// Buffers are shared between forks until one of them writes.
#pragma once
#include <memory>

#include "memory.h"
#include "ring.h"

namespace longleaf {

/// Largest headDim that a cache accepts.
constexpr int kLargestHeadDim = 4096;

struct StoreLayout {
  int headDim = 0;
  int paddedDim = 0;
  bool bf16 = true;
  int elementBytes() const { return bf16 ? 2 : 4; }
};

class RingStore {
 public:
  /// @param capacity entries, a multiple of kBlockEntries, or kEndless
  RingStore(const StoreLayout& layout, int64_t capacity) : layout_(layout), capacity_(capacity) {}

  bool allocated() const { return entries_ > 0; }
  size_t bytes() const;

  /// Makes entries below `end` writable. Grows geometrically up to the capacity. Throws std::runtime_error.
  void reserve(int64_t end);

  /// Stores entry m. k and v: [headDim], k rotated.
  void write(int64_t m, const float* k, const float* v);
  /// Entry m as it is stored.
  void read(int64_t m, float* k, float* v) const;

  /// The key or value of entry m as its bytes [headDim] in the storage's element type, without rounding: snapshots.
  void copyKey(int64_t m, uint8_t* to) const;
  void copyValue(int64_t m, uint8_t* to) const;
  void placeKey(int64_t m, const uint8_t* from);
  void placeValue(int64_t m, const uint8_t* from);

  /// Storage block that holds absolute block `block` (entries 64 block … 64 block + 63), or null.
  const void* keyBlock(int64_t block) const;
  const void* valueBlock(int64_t block) const;

  /// Fills what is allocated with seeded noise of standard deviation about 1 (benchmarks only).
  void fillNoise(uint64_t seed);

 private:
  int64_t slot(int64_t m) const { return capacity_ >= kEndless ? m : m % capacity_; }
  size_t keyBytes(int64_t entries) const { return static_cast<size_t>(entries) * layout_.headDim * layout_.elementBytes(); }
  size_t valueBytes(int64_t entries) const {
    return static_cast<size_t>(entries) * layout_.paddedDim * layout_.elementBytes();
  }
  void storeKey(int64_t slot, const float* k);
  void storeValue(int64_t slot, const float* v);
  /// bytes from the start of a buffer to a slot's first pair of dimensions (keys), or first dimension (values)
  size_t keyOffset(int64_t slot) const;
  size_t valueOffset(int64_t slot) const;

  StoreLayout layout_;
  int64_t capacity_;
  int64_t entries_ = 0;
  std::shared_ptr<AlignedBuffer> keys_;
  std::shared_ptr<AlignedBuffer> values_;
};

}  // namespace longleaf
