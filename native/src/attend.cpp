// One unit of attention: the query heads of one KV head for a stretch of rows, over the head's rings.
//
// Loop: ring -> tile of 512 keys -> six stacked query rows. The tile stays in L1/L2 while all rows of the unit pass
// it; a row's own order of work is (ring, tile) ascending whatever the unit's size, which is what makes the result
// independent of chunks and threads.
#include <algorithm>
#include <cmath>
#include <limits>

#include "attend_scratch.h"
#include "cache.h"

namespace longleaf {

void Cache::attendUnit(int layer, const Unit& unit, const float* qkv, float* out, AttendScratch& scratch) {
  const int group = spec_->heads / spec_->kvHeads;
  const int slots = (unit.rowEnd - unit.rowBegin) * group;
  const int paddedDim = spec_->layout.paddedDim, headDim = spec_->headDim;
  std::fill_n(scratch.maximum.begin(), slots, -std::numeric_limits<float>::infinity());
  std::fill_n(scratch.sum.begin(), slots, 0.0f);
  std::fill_n(scratch.output(0, paddedDim), static_cast<size_t>(slots) * paddedDim, 0.0f);
  for (size_t i = 0; i < spec_->rings.size(); i++)
    if (spec_->rings[i].kvHead == unit.kvHead && queryTableOf_[i] >= 0 && store(layer, static_cast<int>(i)).allocated())
      attendRing(layer, static_cast<int>(i), unit, qkv, scratch);
  for (int slot = 0; slot < slots; slot++) {
    const float* from = scratch.output(slot, paddedDim);
    float* to = out + static_cast<size_t>(unit.rowBegin + slot / group) * spec_->heads * headDim +
                static_cast<size_t>(unit.kvHead * group + slot % group) * headDim;
    // nothing visible: 0 (a sum that is not a number stays one)
    const float factor = scratch.sum[slot] == 0 ? 0.0f : 1.0f / scratch.sum[slot];
    // + 0 turns -0 into +0: whether an all-masked block was skipped must not show in the sign of a zero
    for (int i = 0; i < headDim; i++) to[i] = from[i] * factor + 0.0f;
  }
}

namespace {

// The blocks of tile `tile` that some of the queries [0, count) see, and each query's entries within the tile.
bool clipToTile(int64_t tile, const StackedQuery* queries, int count, TileRows& rows, TileKeys& keys) {
  const int64_t base = tile * kTileEntries;
  int first = kTileEntries, end = 0;
  for (int i = 0; i < count; i++) {
    rows.first[i] = static_cast<int>(std::clamp<int64_t>(queries[i].begin - base, 0, kTileEntries));
    rows.end[i] = static_cast<int>(std::clamp<int64_t>(queries[i].end - base, 0, kTileEntries));
    if (rows.first[i] >= rows.end[i]) continue;
    first = std::min(first, rows.first[i]);
    end = std::max(end, rows.end[i]);
  }
  keys.blockBegin = first / kBlockEntries;
  keys.blockEnd = (end + kBlockEntries - 1) / kBlockEntries;
  return first < end;
}

}  // namespace

void Cache::attendRing(int layer, int index, const Unit& unit, const float* qkv, AttendScratch& scratch) {
  const Ring& ring = spec_->rings[index];
  const RingStore& stored = store(layer, index);
  const RotationTable& table = queryTables_[queryTableOf_[index]];
  const Kernel& kernel = *spec_->kernel;
  const int headDim = spec_->headDim, group = spec_->heads / spec_->kvHeads;
  const size_t rowLength = static_cast<size_t>(spec_->heads + 2 * spec_->kvHeads) * headDim;
  const size_t queryBytes = static_cast<size_t>(headDim) * kernel.queryBytes;

  scratch.stacked.clear();
  int64_t firstKey = kEndless, lastKey = 0;
  for (int row = unit.rowBegin; row < unit.rowEnd; row++) {
    const Range seen = ring.visible(position_ + row);
    if (seen.empty()) continue;
    firstKey = std::min(firstKey, seen.begin);
    lastKey = std::max(lastKey, seen.end);
    for (int head = ring.firstHead; head < ring.firstHead + ring.headCount; head++) {
      kernel.rotateQuery(qkv + row * rowLength + static_cast<size_t>(head) * headDim, table.cosine(row),
                         table.sine(row), headDim, scratch.queries.data() + scratch.stacked.size() * queryBytes);
      scratch.stacked.push_back({(row - unit.rowBegin) * group + head - unit.kvHead * group, seen.begin, seen.end});
    }
  }
  const int count = static_cast<int>(scratch.stacked.size());
  const bool counted = unit.kvHead == 0 && unit.rowEnd == rows_;
  const int countedSlot = (rows_ - 1 - unit.rowBegin) * group;
  int64_t& reach = ring.stride == 1 ? pendingReach_.exact : pendingReach_.sparse;

  TileKeys keys;
  keys.headDim = headDim;
  keys.paddedDim = spec_->layout.paddedDim;
  TileRows rows;
  for (int64_t tile = firstKey / kTileEntries; tile * kTileEntries < lastKey; tile++) {
    for (int b = 0; b < kTileBlocks; b++) {
      keys.k[b] = stored.keyBlock(tile * kTileBlocks + b);
      keys.v[b] = stored.valueBlock(tile * kTileBlocks + b);
    }
    for (int at = 0; at < count; at += kStackedRows) {
      rows.count = std::min(kStackedRows, count - at);
      if (!clipToTile(tile, &scratch.stacked[at], rows.count, rows, keys)) continue;
      for (int i = 0; i < rows.count; i++) {
        const int slot = scratch.stacked[at + i].slot;
        rows.query[i] = scratch.queries.data() + (at + i) * queryBytes;
        rows.maximum[i] = &scratch.maximum[slot];
        rows.sum[i] = &scratch.sum[slot];
        rows.output[i] = scratch.output(slot, keys.paddedDim);
        if (counted && slot == countedSlot && rows.end[i] > rows.first[i]) reach += rows.end[i] - rows.first[i];
      }
      kernel.attendTile(keys, rows, scratch.tile);
    }
  }
}

}  // namespace longleaf
