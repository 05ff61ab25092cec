// Attention of one layer: units of rows when a chunk is read, parts of keys when a token is decoded.
//
// A unit is the query heads of one KV head for a stretch of rows. Loop: ring -> tile of 512 keys -> stacked query rows
// (6 or, with AMX, 32). The tile stays in the caches while all rows of the unit pass it.
//
// A part is one tile for few rows, computed from an empty state: with several threads one token's keys are shared out
// among them. A tile's softmax is relative to its own maximum and then merged into the row, in the order (ring, tile)
// ascending whatever the unit's size and whoever computed it; that is what makes the result independent of chunks and
// threads.
#include <algorithm>
#include <cmath>

#include "attend_scratch.h"
#include "cache.h"

namespace longleaf {

namespace {

constexpr int kThreadedRows = 16;
/// Bytes of keys and values below which one thread is as fast. While a token is decoded the other threads are awake: the
/// dense part before it has just used them, and would find them asleep after 60 microseconds of attention without them.
constexpr int64_t kThreadedBytes = 64 << 10;
/// Chunks of up to this many rows are shared out by parts.
constexpr int kPartRows = 4;
/// Runs of parts for each thread: neighbours stay together, so that a tile is fetched ahead by the thread that needs it.
constexpr int kPartRunsPerThread = 2;
/// Units for each thread: so many that the last one does not keep the others waiting.
constexpr int kUnitsPerThread = 4;

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

/// Lets a kernel set up and clear what it keeps in the thread while it works.
class KernelUse {
 public:
  explicit KernelUse(const Kernel& kernel) : leave_(kernel.leave) {
    if (kernel.enter != nullptr) kernel.enter();
  }
  ~KernelUse() {
    if (leave_ != nullptr) leave_();
  }
  KernelUse(const KernelUse&) = delete;
  KernelUse& operator=(const KernelUse&) = delete;

 private:
  void (*leave_)();
};

}  // namespace

/// One tile of a ring for all rows of a chunk, from an empty state.
struct Cache::Part {
  int kvHead;
  int ring;
  int64_t tile;
  int64_t reach = 0;
};

// ---- rings and tiles ----

// Rotated queries of the rows that see keys of the ring, and the entries that any of them sees.
Range Cache::stackQueries(int index, const Unit& unit, const float* qkv, AttendScratch& scratch) const {
  const Ring& ring = spec_->rings[index];
  const RotationTable& table = queryTables_[queryTableOf_[index]];
  const Kernel& kernel = *spec_->kernel;
  const int headDim = spec_->headDim, group = spec_->heads / spec_->kvHeads;
  const size_t rowLength = static_cast<size_t>(spec_->heads + 2 * spec_->kvHeads) * headDim;
  const size_t queryBytes = static_cast<size_t>(spec_->queryStride) * kernel.queryBytes;
  const size_t usedBytes = static_cast<size_t>(headDim) * kernel.queryBytes;
  scratch.stacked.clear();
  Range all{kEndless, 0};
  for (int row = unit.rowBegin; row < unit.rowEnd; row++) {
    const Range seen = ring.visible(position_ + row);
    if (seen.empty()) continue;
    all.begin = std::min(all.begin, seen.begin);
    all.end = std::max(all.end, seen.end);
    for (int head = ring.firstHead; head < ring.firstHead + ring.headCount; head++) {
      uint8_t* query = scratch.queries.data() + scratch.stacked.size() * queryBytes;
      kernel.rotateQuery(qkv + row * rowLength + static_cast<size_t>(head) * headDim, table.cosine(row),
                         table.sine(row), headDim, query);
      std::fill(query + usedBytes, query + queryBytes, uint8_t{0});
      scratch.stacked.push_back({(row - unit.rowBegin) * group + head - unit.kvHead * group, seen.begin, seen.end});
    }
  }
  return all;
}

// One tile for the stacked queries; `fetchNext`: the ring's next one follows. Returns how many keys the slot `countedSlot`
// saw in it.
int64_t Cache::attendTile(const RingStore& stored, int64_t tile, bool fetchNext, int countedSlot, RowStates& states,
                          AttendScratch& scratch) const {
  const Kernel& kernel = *spec_->kernel;
  const size_t queryBytes = static_cast<size_t>(spec_->queryStride) * kernel.queryBytes;
  const int count = static_cast<int>(scratch.stacked.size());
  int64_t counted = 0;
  TileKeys keys;
  keys.headDim = spec_->headDim;
  keys.paddedDim = spec_->layout.paddedDim;
  keys.softCap = spec_->softCap;
  for (int b = 0; b < kTileBlocks; b++) {
    keys.k[b] = stored.keyBlock(tile * kTileBlocks + b);
    keys.v[b] = stored.valueBlock(tile * kTileBlocks + b);
  }
  TileRows rows;
  rows.queryStride = spec_->queryStride;
  for (int at = 0; at < count; at += kernel.stackedRows) {
    rows.count = std::min(kernel.stackedRows, count - at);
    if (!clipToTile(tile, &scratch.stacked[at], rows.count, rows, keys)) continue;
    keys.fetchNext = fetchNext;
    fetchNext = false;
    rows.queries = scratch.queries.data() + at * queryBytes;
    for (int i = 0; i < rows.count; i++) {
      const int slot = scratch.stacked[at + i].slot;
      rows.maximum[i] = &states.maximum[slot];
      rows.sum[i] = &states.sum[slot];
      rows.output[i] = states.output(slot);
      if (slot == countedSlot) counted += std::max(0, rows.end[i] - rows.first[i]);
    }
    kernel.attendTile(keys, rows, scratch.tile);
  }
  return counted;
}

// Divides the rows' outputs by their sums and writes them out.
void Cache::finishRows(const Unit& unit, RowStates& states, float* out) const {
  const int group = spec_->heads / spec_->kvHeads, headDim = spec_->headDim;
  for (int slot = 0; slot < (unit.rowEnd - unit.rowBegin) * group; slot++) {
    const float* from = states.output(slot);
    float* to = out + static_cast<size_t>(unit.rowBegin + slot / group) * spec_->heads * headDim +
                static_cast<size_t>(unit.kvHead * group + slot % group) * headDim;
    // nothing visible: 0 (a sum that is not a number stays one)
    const float factor = states.sum[slot] == 0 ? 0.0f : 1.0f / states.sum[slot];
    // + 0 turns -0 into +0: whether an all-masked block was skipped must not show in the sign of a zero
    for (int i = 0; i < headDim; i++) to[i] = from[i] * factor + 0.0f;
  }
}

bool Cache::ringInUse(int layer, int ring) const {
  return queryTableOf_[ring] >= 0 && store(layer, ring).allocated();
}

void Cache::countTile(int ring, int64_t keys) { (spec_->rings[ring].stride == 1 ? pendingReach_.exact : pendingReach_.sparse) += keys; }

// ---- units of rows ----

void Cache::attendUnit(int layer, const Unit& unit, const float* qkv, float* out, AttendScratch& scratch) {
  const KernelUse use(*spec_->kernel);
  const int group = spec_->heads / spec_->kvHeads;
  // the last row's first head of the first KV head: one unit has it
  const int countedSlot = unit.kvHead == 0 && unit.rowEnd == rows_ ? (rows_ - 1 - unit.rowBegin) * group : -1;
  scratch.states.clear((unit.rowEnd - unit.rowBegin) * group);
  for (int i = 0; i < static_cast<int>(spec_->rings.size()); i++) {
    if (spec_->rings[i].kvHead != unit.kvHead || !ringInUse(layer, i)) continue;
    const Range seen = stackQueries(i, unit, qkv, scratch);
    for (int64_t tile = seen.begin / kTileEntries; tile * kTileEntries < seen.end; tile++) {
      const bool fetchNext = (tile + 1) * kTileEntries < seen.end;
      const int64_t counted = attendTile(store(layer, i), tile, fetchNext, countedSlot, scratch.states, scratch);
      if (countedSlot >= 0) countTile(i, counted);
    }
  }
  finishRows(unit, scratch.states, out);
}

void Cache::attendUnits(int layer, int threads, const float* qkv, float* out) {
  const int group = spec_->heads / spec_->kvHeads;
  const int most = std::max(1, spec_->kernel->unitSlots / group);
  // rows that fill whole groups of 32 stacked rows whatever the group, and give every thread several units
  const int wanted = static_cast<int>((static_cast<int64_t>(rows_) * spec_->kvHeads) / (threads * kUnitsPerThread));
  const int step = threads == 1 ? most : std::clamp(wanted / kStackedRows * kStackedRows, std::min(kStackedRows, most), most);
  std::vector<Unit> units;
  for (int kvHead = 0; kvHead < spec_->kvHeads; kvHead++)
    for (int row = 0; row < rows_; row += step) units.push_back({kvHead, row, std::min(rows_, row + step)});
  Workers::shared().run(threads, static_cast<int>(units.size()), [&](int unit, int thread) {
    attendUnit(layer, units[unit], qkv, out, *scratch_[thread]);
  });
}

// ---- parts of keys ----

// One part into the states from `first` on.
void Cache::attendPart(int layer, Part& part, int first, bool fetchNext, const float* qkv, AttendScratch& scratch) {
  stackQueries(part.ring, {part.kvHead, 0, rows_}, qkv, scratch);
  for (StackedQuery& query : scratch.stacked) query.slot += first;
  const int countedSlot = part.kvHead == 0 ? first + (rows_ - 1) * (spec_->heads / spec_->kvHeads) : -1;
  part.reach = attendTile(store(layer, part.ring), part.tile, fetchNext, countedSlot, *partStates_, scratch);
}

void Cache::attendParts(int layer, int threads, const float* qkv, float* out) {
  const int group = spec_->heads / spec_->kvHeads, slots = rows_ * group;
  std::vector<Part> parts;
  for (int i = 0; i < static_cast<int>(spec_->rings.size()); i++) {
    if (!ringInUse(layer, i)) continue;
    Range all{kEndless, 0};
    for (int row = 0; row < rows_; row++) {
      const Range seen = spec_->rings[i].visible(position_ + row);
      if (seen.empty()) continue;
      all = {std::min(all.begin, seen.begin), std::max(all.end, seen.end)};
    }
    for (int64_t tile = all.begin / kTileEntries; tile * kTileEntries < all.end; tile++)
      parts.push_back({spec_->rings[i].kvHead, i, tile});
  }
  const size_t needed = parts.size() * slots;
  if (partStates_ == nullptr || partStates_->maximum.size() < needed)
    partStates_ = std::make_unique<RowStates>(static_cast<int>(needed + needed / 2), spec_->layout.paddedDim);
  partStates_->clear(static_cast<int>(needed));
  const int count = static_cast<int>(parts.size()), units = std::min(count, threads * kPartRunsPerThread);
  Workers::shared().run(threads, units, [&](int unit, int thread) {
    const KernelUse use(*spec_->kernel);
    const int end = static_cast<int>(static_cast<int64_t>(count) * (unit + 1) / units);
    for (int index = static_cast<int>(static_cast<int64_t>(count) * unit / units); index < end; index++)
      attendPart(layer, parts[index], index * slots, index + 1 < end && parts[index + 1].ring == parts[index].ring, qkv,
                 *scratch_[thread]);
  });
  mergeParts(parts, out);
}

// In the order in which attendUnit merges: rings, then tiles.
void Cache::mergeParts(const std::vector<Part>& parts, float* out) {
  const int slots = rows_ * (spec_->heads / spec_->kvHeads), paddedDim = spec_->layout.paddedDim;
  RowStates& states = scratch_[0]->states;
  for (int kvHead = 0; kvHead < spec_->kvHeads; kvHead++) {
    states.clear(slots);
    for (size_t i = 0; i < parts.size(); i++) {
      if (parts[i].kvHead != kvHead) continue;
      if (kvHead == 0) countTile(parts[i].ring, parts[i].reach);
      for (int slot = 0; slot < slots; slot++) {
        const int from = static_cast<int>(i) * slots + slot;
        if (partStates_->sum[from] == 0) continue;  // saw nothing
        spec_->kernel->mergePart(partStates_->maximum[from], partStates_->sum[from], partStates_->output(from),
                                 paddedDim, &states.maximum[slot], &states.sum[slot], states.output(slot));
      }
    }
    finishRows({kvHead, 0, rows_}, states, out);
  }
}

// ---- a layer ----

bool Cache::worthThreads() const {
  if (spec_->threads <= 1) return false;
  if (rows_ >= kThreadedRows) return true;
  int64_t seen = 0;
  for (const Ring& ring : spec_->rings) {
    const Range visible = ring.visible(position_);
    seen += std::max<int64_t>(0, visible.end - visible.begin);
  }
  return seen * spec_->headDim * 2 * spec_->layout.elementBytes() > kThreadedBytes;
}

void Cache::attend(int64_t layer, const float* qkv, float* out) {
  if (rows_ == 0) throw std::runtime_error("attend: call begin first");
  if (layer < 0 || layer >= spec_->layers) throw std::invalid_argument("attend: no such layer");
  enterKeys(static_cast<int>(layer), qkv);
  const int threads = worthThreads() ? spec_->threads : 1;
  const int group = spec_->heads / spec_->kvHeads;
  while (static_cast<int>(scratch_.size()) < threads)
    scratch_.push_back(std::make_unique<AttendScratch>(
        std::max(spec_->kernel->unitSlots, group), static_cast<size_t>(spec_->queryStride) * spec_->kernel->queryBytes,
        spec_->layout.paddedDim));
  pendingReach_ = {};
  if (threads > 1 && rows_ <= kPartRows) attendParts(static_cast<int>(layer), threads, qkv, out);
  else attendUnits(static_cast<int>(layer), threads, qkv, out);
  layerDone_[layer] = 1;
}

}  // namespace longleaf
