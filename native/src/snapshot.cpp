// Canonical snapshots: a pure function of the position and of the keys that later queries can still need.
//
// Order: rings by the distance at which keys enter them (a ring that comes into use later is appended at the end),
// then layer, then K [slots][headDim] as the ring rotates it, V [slots][headDim], in the storage's element type.
// Entry m of a ring lies in slot m mod period, so entries that stay keep their bytes from one snapshot to the next;
// slots without an entry are zero. Endless rings hold all entries in order.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "cache.h"

namespace longleaf {

namespace {

// The entry that occupies `slot`, or -1.
int64_t entryInSlot(const Range& held, int64_t period, int64_t slot) {
  if (held.empty()) return -1;
  if (period >= kEndless) return slot < held.end ? slot : -1;
  const int64_t m = held.begin + ((slot - held.begin) % period + period) % period;
  return m < held.end ? m : -1;
}

}  // namespace

std::vector<Cache::SnapshotPiece> Cache::snapshotPieces(int64_t position) const {
  std::vector<int> order(spec_->rings.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<int>(i);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    return spec_->rings[a].enterDistance() < spec_->rings[b].enterDistance();
  });
  std::vector<SnapshotPiece> pieces;
  int64_t begin = 0;
  for (const int ring : order) {
    const int64_t slots = spec_->rings[ring].snapshotSlots(position);
    if (slots == 0) continue;
    for (int layer = 0; layer < spec_->layers; layer++) {
      pieces.push_back({ring, layer, begin, slots});
      begin += 2 * slots * spec_->headDim * spec_->layout.elementBytes();
    }
  }
  pieces.push_back({-1, -1, begin, 0});  // the end
  return pieces;
}

int64_t Cache::snapshotBytes() const { return snapshotPieces(position_).back().begin; }

void Cache::readSnapshot(int64_t offset, uint8_t* target, int64_t length) const {
  const auto pieces = snapshotPieces(position_);
  if (offset < 0 || length < 0 || offset > pieces.back().begin || length > pieces.back().begin - offset)
    throw std::invalid_argument("readSnapshot: outside the snapshot");
  const int64_t rowBytes = static_cast<int64_t>(spec_->headDim) * spec_->layout.elementBytes();
  std::vector<uint8_t> bytes(rowBytes);
  for (size_t i = 0; i + 1 < pieces.size(); i++) {
    const SnapshotPiece& piece = pieces[i];
    const int64_t from = std::max(offset, piece.begin), to = std::min(offset + length, pieces[i + 1].begin);
    if (from >= to) continue;
    const Ring& ring = spec_->rings[piece.ring];
    const Range held = ring.retained(position_);
    const RingStore& stored = store(piece.layer, piece.ring);
    for (int64_t row = (from - piece.begin) / rowBytes; piece.begin + row * rowBytes < to; row++) {
      const bool isValue = row >= piece.slots;
      const int64_t m = entryInSlot(held, ring.snapshotPeriod(), isValue ? row - piece.slots : row);
      if (m < 0) std::fill(bytes.begin(), bytes.end(), 0);
      else if (isValue) stored.copyValue(m, bytes.data());
      else stored.copyKey(m, bytes.data());
      const int64_t start = piece.begin + row * rowBytes;
      const int64_t copyFrom = std::max(from, start), copyTo = std::min(to, start + rowBytes);
      std::memcpy(target + (copyFrom - offset), bytes.data() + (copyFrom - start), copyTo - copyFrom);
    }
  }
}

void Cache::writeSnapshot(int64_t offset, const uint8_t* bytes, int64_t length) {
  if (position_ != 0 || rows_ != 0) throw std::runtime_error("writeSnapshot: the cache must be new");
  if (offset != restoredBytes_) throw std::invalid_argument("writeSnapshot: bytes must come in ascending order");
  if (length == 0) return;
  auto part = std::make_unique<AlignedBuffer>(length);
  std::memcpy(part->data(), bytes, length);
  restored_.push_back(std::move(part));
  restoredBytes_ += length;
}

namespace {

// Reads the written parts in order and frees each when it is used up.
class PartReader {
 public:
  explicit PartReader(std::vector<std::unique_ptr<AlignedBuffer>> parts) : parts_(std::move(parts)) {}
  void read(uint8_t* target, size_t length) {
    while (length > 0) {
      AlignedBuffer& part = *parts_[part_];
      const size_t step = std::min(length, part.size() - at_);
      std::memcpy(target, part.data() + at_, step);
      target += step;
      length -= step;
      at_ += step;
      if (at_ < part.size()) continue;
      parts_[part_++].reset();
      at_ = 0;
    }
  }

 private:
  std::vector<std::unique_ptr<AlignedBuffer>> parts_;
  size_t part_ = 0;
  size_t at_ = 0;
};

}  // namespace

void Cache::finishRestore(int64_t position) {
  requirePosition(position, "finishRestore");
  if (position_ != 0 || rows_ != 0) throw std::runtime_error("finishRestore: the cache must be new");
  const auto pieces = snapshotPieces(position);
  if (pieces.back().begin != restoredBytes_)
    throw std::invalid_argument("finishRestore: a snapshot at position " + std::to_string(position) + " has " +
                                std::to_string(pieces.back().begin) + " bytes, " + std::to_string(restoredBytes_) +
                                " were written");
  const int64_t rowBytes = static_cast<int64_t>(spec_->headDim) * spec_->layout.elementBytes();
  PartReader reader(std::move(restored_));
  restored_.clear();
  restoredBytes_ = 0;
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < pieces.size(); i++) {
    const SnapshotPiece& piece = pieces[i];
    const Ring& ring = spec_->rings[piece.ring];
    const Range held = ring.retained(position);
    RingStore& target = store(piece.layer, piece.ring);
    bytes.resize(2 * piece.slots * rowBytes);
    reader.read(bytes.data(), bytes.size());
    target.reserve(held.end);
    for (int64_t m = held.begin; m < held.end; m++) {
      const int64_t slot = m % ring.snapshotPeriod();
      target.placeKey(m, bytes.data() + slot * rowBytes);
      target.placeValue(m, bytes.data() + (piece.slots + slot) * rowBytes);
    }
  }
  position_ = position;
  countReach();
}

}  // namespace longleaf
