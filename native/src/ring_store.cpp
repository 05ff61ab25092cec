#include "ring_store.h"

#include <algorithm>
#include <cstring>

namespace longleaf {

namespace {

// A buffer of `bytes` that nobody else holds, with the old content; zero beyond it.
void makeWritable(std::shared_ptr<AlignedBuffer>& buffer, size_t bytes) {
  if (buffer && buffer.use_count() == 1 && buffer->size() >= bytes) return;
  auto fresh = std::make_shared<AlignedBuffer>(bytes);
  if (buffer) std::memcpy(fresh->data(), buffer->data(), std::min(bytes, buffer->size()));
  buffer = std::move(fresh);
}

uint16_t* halves(std::shared_ptr<AlignedBuffer>& b) { return reinterpret_cast<uint16_t*>(b->data()); }
const uint16_t* halves(const std::shared_ptr<AlignedBuffer>& b) { return reinterpret_cast<const uint16_t*>(b->data()); }
float* floats(std::shared_ptr<AlignedBuffer>& b) { return reinterpret_cast<float*>(b->data()); }
const float* floats(const std::shared_ptr<AlignedBuffer>& b) { return reinterpret_cast<const float*>(b->data()); }

// Round to nearest even; NaN stays NaN. Without branches, so that rows are converted in vectors.
inline uint16_t toBf16(float x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  const uint32_t rounded = u + 0x7fff + ((u >> 16) & 1);
  return static_cast<uint16_t>(((u & 0x7fffffffu) > 0x7f800000u ? u | 0x400000u : rounded) >> 16);
}

inline float fromBf16(uint16_t x) {
  const uint32_t u = static_cast<uint32_t>(x) << 16;
  float f;
  std::memcpy(&f, &u, 4);
  return f;
}

void convertRow(const float* from, int count, uint16_t* __restrict to) {
  for (int i = 0; i < count; i++) to[i] = toBf16(from[i]);
}

constexpr int64_t kFirstEntries = kBlockEntries;

}  // namespace

size_t RingStore::bytes() const {
  return (keys_ ? keys_->size() : 0) + (values_ ? values_->size() : 0);
}

void RingStore::reserve(int64_t end) {
  int64_t needed = (std::min(end, capacity_) + kBlockEntries - 1) / kBlockEntries * kBlockEntries;
  if (needed > entries_) needed = std::min(capacity_, std::max({needed, 2 * entries_, kFirstEntries}));
  needed = std::max(needed, entries_);
  makeWritable(keys_, keyBytes(needed));
  makeWritable(values_, valueBytes(needed));
  entries_ = needed;
}

void RingStore::storeKey(int64_t slot, const float* k) {
  const int headDim = layout_.headDim;
  if (!layout_.bf16) {
    std::memcpy(floats(keys_) + slot * headDim, k, headDim * sizeof(float));
    return;
  }
  uint16_t* panel = halves(keys_) + slot / 16 * headDim * 16 + slot % 16 * 2;
  uint16_t row[kLargestHeadDim];
  convertRow(k, headDim, row);
  for (int i = 0; i < headDim; i += 2) std::memcpy(panel + i * 16, row + i, 4);
}

void RingStore::storeValue(int64_t slot, const float* v) {
  if (!layout_.bf16) {
    std::memcpy(floats(values_) + slot * layout_.paddedDim, v, layout_.headDim * sizeof(float));
    return;
  }
  uint16_t* pair = halves(values_) + slot / 2 * layout_.paddedDim * 2 + slot % 2;
  uint16_t row[kLargestHeadDim];
  convertRow(v, layout_.headDim, row);
  for (int i = 0; i < layout_.headDim; i++) pair[i * 2] = row[i];
}

void RingStore::write(int64_t m, const float* k, const float* v) {
  storeKey(slot(m), k);
  storeValue(slot(m), v);
}

void RingStore::read(int64_t m, float* k, float* v) const {
  const int headDim = layout_.headDim;
  const int64_t at = slot(m);
  if (!layout_.bf16) {
    std::memcpy(k, floats(keys_) + at * headDim, headDim * sizeof(float));
    std::memcpy(v, floats(values_) + at * layout_.paddedDim, headDim * sizeof(float));
    return;
  }
  const uint16_t* panel = halves(keys_) + at / 16 * headDim * 16 + at % 16 * 2;
  const uint16_t* pair = halves(values_) + at / 2 * layout_.paddedDim * 2 + at % 2;
  for (int i = 0; i < headDim; i++) {
    k[i] = fromBf16(panel[i / 2 * 32 + i % 2]);
    v[i] = fromBf16(pair[i * 2]);
  }
}

// bf16: a key's pairs of dimensions stand 64 bytes apart (a line of 16 keys), a value's dimensions 4 bytes apart.
size_t RingStore::keyOffset(int64_t slot) const {
  return layout_.bf16 ? slot / 16 * keyBytes(16) + slot % 16 * 4 : keyBytes(slot);
}

size_t RingStore::valueOffset(int64_t slot) const {
  return layout_.bf16 ? slot / 2 * valueBytes(2) + slot % 2 * 2 : valueBytes(slot);
}

void RingStore::copyKey(int64_t m, uint8_t* to) const {
  const uint8_t* from = keys_->data() + keyOffset(slot(m));
  if (!layout_.bf16) {
    std::memcpy(to, from, keyBytes(1));
    return;
  }
  for (int i = 0; i < layout_.headDim / 2; i++) std::memcpy(to + 4 * i, from + 64 * i, 4);
}

void RingStore::copyValue(int64_t m, uint8_t* to) const {
  const uint8_t* from = values_->data() + valueOffset(slot(m));
  if (!layout_.bf16) {
    std::memcpy(to, from, keyBytes(1));
    return;
  }
  for (int i = 0; i < layout_.headDim; i++) std::memcpy(to + 2 * i, from + 4 * i, 2);
}

void RingStore::placeKey(int64_t m, const uint8_t* from) {
  uint8_t* to = keys_->data() + keyOffset(slot(m));
  if (!layout_.bf16) {
    std::memcpy(to, from, keyBytes(1));
    return;
  }
  for (int i = 0; i < layout_.headDim / 2; i++) std::memcpy(to + 64 * i, from + 4 * i, 4);
}

void RingStore::placeValue(int64_t m, const uint8_t* from) {
  uint8_t* to = values_->data() + valueOffset(slot(m));
  if (!layout_.bf16) {
    std::memcpy(to, from, keyBytes(1));
    return;
  }
  for (int i = 0; i < layout_.headDim; i++) std::memcpy(to + 4 * i, from + 2 * i, 2);
}

const void* RingStore::keyBlock(int64_t block) const {
  const int64_t first = slot(block * kBlockEntries);
  return first < entries_ ? keys_->data() + keyBytes(first) : nullptr;
}

const void* RingStore::valueBlock(int64_t block) const {
  const int64_t first = slot(block * kBlockEntries);
  return first < entries_ ? values_->data() + valueBytes(first) : nullptr;
}

void RingStore::fillNoise(uint64_t seed) {
  const int headDim = layout_.headDim;
  std::unique_ptr<float[]> row(new float[2 * headDim]);
  // splitmix64 (Steele, Lea, Flood 2014); uniform in [-1.73, 1.73] has variance 1
  uint64_t state = seed;
  auto next = [&state]() {
    uint64_t z = (state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (static_cast<float>((z ^ (z >> 31)) >> 40) / 16777216.0f - 0.5f) * 3.4641016f;
  };
  for (int64_t at = 0; at < entries_; at++) {
    for (int i = 0; i < 2 * headDim; i++) row[i] = next();
    storeKey(at, row.get());
    storeValue(at, row.get() + headDim);
  }
}

}  // namespace longleaf
