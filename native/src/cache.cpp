#include "cache.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "attend_scratch.h"

namespace longleaf {

void finishSpec(CacheSpec& spec) {
  if (spec.heads < 1 || spec.kvHeads < 1 || spec.heads % spec.kvHeads != 0)
    throw std::invalid_argument("heads must be a multiple of kvHeads");
  if (spec.headDim < 2 || spec.headDim % 2 != 0) throw std::invalid_argument("headDim must be even");
  if (spec.rotation.inverseFrequencies.size() != static_cast<size_t>(spec.headDim / 2))
    throw std::invalid_argument("inverseFrequencies must hold headDim / 2 numbers");
  if (spec.rings.empty()) throw std::invalid_argument("the plan has no rings");
  spec.enterOrder = finishRings(spec.rings, spec.heads, spec.kvHeads, spec.sinkCount);
  for (const Ring& ring : spec.rings) {
    if (ring.kind == RingKind::sinks && spec.distanceMap.empty())
      throw std::invalid_argument("a plan with sinks needs a distanceMap");
    if (spec.rotation.xposScaleBase == 0) continue;
    if (ring.kind != RingKind::aligned)
      throw std::invalid_argument("XPOS needs aligned segments: over an endless or sliding range it overflows f32");
    checkXpos(spec.rotation, ring.align);
  }
  spec.layout = {spec.headDim, (spec.headDim + 15) / 16 * 16, spec.bf16};
  if (!spec.bf16) spec.kernel = kernelScalarF32();
  const int multiple = spec.kernel->queryMultiple;
  spec.queryStride = (spec.headDim + multiple - 1) / multiple * multiple;
}

Cache::Cache(CacheSpec spec) : spec_(std::make_shared<CacheSpec>(std::move(spec))) {
  stores_.reserve(spec_->rings.size() * spec_->layers);
  for (int layer = 0; layer < spec_->layers; layer++)
    for (const Ring& ring : spec_->rings)
      stores_.emplace_back(spec_->layout, ring.capacity(spec_->maxRows));
}

Cache::Cache(const Cache& other)
    : spec_(other.spec_), stores_(other.stores_), position_(other.position_), reach_(other.reach_) {}

Cache::~Cache() = default;

size_t Cache::bytes() const {
  size_t total = 0;
  for (const RingStore& store : stores_) total += store.bytes();
  for (const auto& part : restored_) total += part->size();
  return total;
}

void Cache::requirePosition(int64_t position, const char* what) const {
  if (position < 0 || position > kMaximumPosition)
    throw std::invalid_argument(std::string(what) + ": position must lie between 0 and 2^40");
}

// ---- tables ----

namespace {

// Rings with the same rotation of queries share a table.
bool sameQueryRotation(const Ring& a, const Ring& b, bool xpos) {
  const bool sinksA = a.kind == RingKind::sinks, sinksB = b.kind == RingKind::sinks;
  if (sinksA || sinksB) return sinksA && sinksB;
  return a.slope == b.slope && a.intercept == b.intercept && (!xpos || a.align == b.align);
}

bool sameKeyRotation(const Ring& a, const Ring& b, bool xpos) {
  return a.enterSlope == b.enterSlope && a.stride == b.stride && a.residue == b.residue &&
         a.enterDistance() == b.enterDistance() && (a.kind == RingKind::sinks) == (b.kind == RingKind::sinks) &&
         a.hi == b.hi && (!xpos || a.align == b.align);
}

RotationTable keyRotation(const CacheSpec& spec, const Ring& ring, const Range& range) {
  RotationTable table(spec.rotation, range.end - range.begin);
  const double base = spec.rotation.xposScaleBase;
  for (int64_t m = range.begin; m < range.end; m++) {
    const int64_t key = ring.residue + m * ring.stride;
    const double exponent = base == 0 ? 0 : -xposExponent(base, key, ring.align);
    table.set(spec.rotation, m - range.begin, ring.enterSlope * static_cast<double>(key), 1, exponent);
  }
  return table;
}

// log2(e) / sqrt(headDim) goes into the query, so that the softmax is a power of two
RotationTable queryRotation(const CacheSpec& spec, const Ring& ring, int64_t position, int rows) {
  RotationTable table(spec.rotation, rows);
  const double base = spec.rotation.xposScaleBase;
  const double scale = 1.4426950408889634 / std::sqrt(static_cast<double>(spec.headDim));
  for (int row = 0; row < rows; row++) {
    const int64_t p = position + row;
    const double rotated = ring.kind == RingKind::sinks ? mapDistance(spec.distanceMap, static_cast<double>(p))
                                                        : ring.slope * static_cast<double>(p) + ring.intercept;
    table.set(spec.rotation, row, rotated, scale, base == 0 ? 0 : xposExponent(base, p, ring.align));
  }
  return table;
}

}  // namespace

void Cache::makeTables() {
  const auto& rings = spec_->rings;
  const bool xpos = spec_->rotation.xposScaleBase != 0;
  const int count = static_cast<int>(rings.size());
  queryTables_.clear();
  keyTables_.clear();
  queryTableOf_.assign(count, -1);
  keyTableOf_.assign(count, -1);
  for (int i = 0; i < count; i++) {
    const Range entering = rings[i].entering(position_, rows_);
    for (int j = 0; j < i; j++) {
      if (queryTableOf_[i] < 0 && queryTableOf_[j] >= 0 && sameQueryRotation(rings[i], rings[j], xpos))
        queryTableOf_[i] = queryTableOf_[j];
      if (keyTableOf_[i] < 0 && keyTableOf_[j] >= 0 && sameKeyRotation(rings[i], rings[j], xpos))
        keyTableOf_[i] = keyTableOf_[j];
    }
    // a ring that no key has reached needs nothing (plans list their rings up to 2^40 tokens)
    if (queryTableOf_[i] < 0 && rings[i].entries(0, position_ + rows_ - rings[i].enterDistance()).end > 0) {
      queryTableOf_[i] = static_cast<int>(queryTables_.size());
      queryTables_.push_back(queryRotation(*spec_, rings[i], position_, rows_));
    }
    if (keyTableOf_[i] < 0 && !entering.empty()) {
      keyTableOf_[i] = static_cast<int>(keyTables_.size());
      keyTables_.push_back(keyRotation(*spec_, rings[i], entering));
    }
  }
}

// ---- a chunk ----

void Cache::begin(int64_t rows) {
  if (rows < 1 || rows > spec_->maxRows)
    throw std::invalid_argument("begin: rows must lie between 1 and maxRows (" + std::to_string(spec_->maxRows) + ")");
  requirePosition(position_ + rows, "begin");
  if (!restored_.empty()) throw std::runtime_error("begin: a restore is not finished");
  rows_ = static_cast<int>(rows);
  layerDone_.assign(spec_->layers, 0);
  makeTables();
}

void Cache::enterKeys(int layer, const float* qkv) {
  const int headDim = spec_->headDim;
  const size_t rowLength = static_cast<size_t>(spec_->heads + 2 * spec_->kvHeads) * headDim;
  std::vector<float> work(3 * headDim);
  float* rotated = work.data();
  float* heldK = work.data() + headDim;
  float* heldV = work.data() + 2 * headDim;
  for (const int index : spec_->enterOrder) {
    const Ring& ring = spec_->rings[index];
    const Range range = ring.entering(position_, rows_);
    if (range.empty()) continue;
    RingStore& target = store(layer, index);
    target.reserve(range.end);
    const RotationTable& table = keyTables_[keyTableOf_[index]];
    for (int64_t m = range.begin; m < range.end; m++) {
      const int64_t key = ring.residue + m * ring.stride;
      const float* k = heldK;
      const float* v = heldV;
      if (ring.source >= 0) {
        const Ring& source = spec_->rings[ring.source];
        store(layer, ring.source).read((key - source.residue) / source.stride, heldK, heldV);
      } else {
        k = qkv + static_cast<size_t>(key - position_) * rowLength +
            static_cast<size_t>(spec_->heads + ring.kvHead) * headDim;
        v = k + static_cast<size_t>(spec_->kvHeads) * headDim;
      }
      table.apply(m - range.begin, k, rotated);
      target.write(m, rotated, v);
    }
  }
}

// Rows that are not kept lie in the slack, as those of an abandoned chunk.
void Cache::commit(int64_t rows) {
  if (rows_ == 0) throw std::runtime_error("commit: call begin first");
  if (rows < 1 || rows > rows_) throw std::invalid_argument("commit: rows must lie between 1 and the chunk's");
  if (std::count(layerDone_.begin(), layerDone_.end(), 1) != spec_->layers)
    throw std::runtime_error("commit: not every layer has attended");
  position_ += rows;
  if (rows == rows_) reach_ = pendingReach_;
  else countReach();
  rows_ = 0;
}

void Cache::fillSynthetic(int64_t position, uint64_t seed) {
  requirePosition(position, "fillSynthetic");
  rows_ = 0;
  position_ = position;
  for (int layer = 0; layer < spec_->layers; layer++) {
    for (size_t i = 0; i < spec_->rings.size(); i++) {
      const Range held = spec_->rings[i].retained(position);
      if (held.end == 0) continue;
      RingStore& target = store(layer, static_cast<int>(i));
      target.reserve(held.end);
      target.fillNoise(seed + 0x1000003u * (layer * spec_->rings.size() + i + 1));
    }
  }
  countReach();
}

// Visible keys of the last committed row where it was not the last one computed, or was not computed here (restored,
// synthetic).
void Cache::countReach() {
  reach_ = {};
  if (position_ == 0) return;
  for (size_t i = 0; i < spec_->rings.size(); i++) {
    const Ring& ring = spec_->rings[i];
    if (ring.kvHead != 0 || ring.firstHead != 0 || !store(0, static_cast<int>(i)).allocated()) continue;
    const Range seen = ring.visible(position_ - 1);
    if (!seen.empty()) (ring.stride == 1 ? reach_.exact : reach_.sparse) += seen.end - seen.begin;
  }
}

}  // namespace longleaf
