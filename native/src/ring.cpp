#include "ring.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace longleaf {

namespace {

int64_t ceilDivide(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -((-a) / b); }
int64_t roundUp(int64_t a, int64_t b) { return ceilDivide(a, b) * b; }

void require(bool condition, int index, const char* what) {
  if (!condition) throw std::invalid_argument("rings[" + std::to_string(index) + "]: " + what);
}

void checkRing(const Ring& ring, int index, int heads, int kvHeads) {
  const int group = heads / kvHeads;
  require(ring.kvHead >= 0 && ring.kvHead < kvHeads, index, "kvHead out of range");
  require(ring.headCount > 0 && ring.firstHead >= ring.kvHead * group &&
              ring.firstHead + ring.headCount <= (ring.kvHead + 1) * group,
          index, "query heads must belong to the ring's KV head");
  require(ring.stride >= 1 && ring.residue >= 0 && ring.residue < ring.stride, index, "0 <= residue < stride must hold");
  require(ring.lo >= 0 && ring.lo < ring.hi, index, "0 <= lo < hi must hold");
  require(ring.kind != RingKind::aligned || (ring.align >= 1 && ring.align % ring.stride == 0), index,
          "an aligned ring needs a segment length that its stride divides");
  require(ring.kind != RingKind::sinks || (ring.stride == 1 && ring.lo == 0 && !ring.endless()), index,
          "a ring of sinks has stride 1, lo 0 and a finite hi");
  require(ring.kind == RingKind::sliding || ring.source < 0, index, "only sliding rings take keys from another ring");
  require(!ring.sparseQueries || ring.kind == RingKind::aligned, index, "only aligned rings have sparse queries");
  require(ring.denseUpTo >= 0, index, "denseUpTo must not be negative");
}

void checkSource(const Ring& ring, const Ring& source, int index) {
  require(source.kvHead == ring.kvHead, index, "source must have the same KV head");
  require(source.kind == RingKind::sliding, index, "source must be a sliding ring");
  require(ring.stride % source.stride == 0 && (ring.residue - source.residue) % source.stride == 0, index,
          "source must hold every key of the ring (nested residues)");
  require(source.enterDistance() <= ring.lo && source.hi >= ring.lo, index,
          "source must still hold the keys at distance lo");
}

}  // namespace

int64_t Ring::span() const {
  if (kind == RingKind::aligned) return align;
  if (kind == RingKind::sinks || endless()) return hi;
  return std::max(hi - enterDistance(), lo == 0 ? denseUpTo : 0);
}

int64_t Ring::capacity(int64_t maxRows) const {
  if (kind == RingKind::sinks) return roundUp(hi, kBlockEntries);
  if (kind == RingKind::sliding && endless()) return kEndless;
  return roundUp(ceilDivide(span() + maxRows, stride) + 1, kBlockEntries);
}

Range Ring::entries(int64_t from, int64_t to) const {
  Range range{std::max<int64_t>(0, ceilDivide(from - residue, stride)),
              std::max<int64_t>(0, ceilDivide(to - residue, stride))};
  range.end = std::max(range.begin, range.end);
  return range;
}

Range Ring::visible(int64_t position) const {
  switch (kind) {
    case RingKind::sinks:
      return entries(0, std::min(hi, position + 1));
    case RingKind::aligned:
      if (sparseQueries && position % stride != residue) return {};
      return entries(position / align * align, position + 1);
    case RingKind::sliding:
      break;
  }
  if (position < denseUpTo) {
    // Every key is seen through the window ring; a band would count it twice.
    if (lo > 0) return {};
    return entries(sinkCount, position + 1);
  }
  return entries(std::max(sinkCount, position - hi + 1), position - lo + 1);
}

Range Ring::retained(int64_t position) const {
  const int64_t end = position - enterDistance();
  switch (kind) {
    case RingKind::sinks:
      return entries(0, std::min(hi, position));
    case RingKind::aligned:
      return entries(position / align * align, end);
    case RingKind::sliding:
      break;
  }
  // One key more than the next query sees: it is handed to the next band with the next token.
  const bool dense = lo == 0 && position < denseUpTo;
  return entries(dense || endless() ? 0 : position - hi, end);
}

Range Ring::entering(int64_t position, int64_t rows) const {
  const int64_t from = position - enterDistance();
  const int64_t to = from + rows;
  return kind == RingKind::sinks ? entries(std::min(hi, from), std::min(hi, to)) : entries(from, to);
}

int64_t Ring::snapshotPeriod() const {
  return kind == RingKind::sliding && endless() ? kEndless : ceilDivide(span(), stride);
}

int64_t Ring::snapshotSlots(int64_t position) const {
  const int64_t held = entries(0, position - enterDistance()).end;
  if (held == 0) return 0;
  if (kind == RingKind::sliding && endless()) return held;
  // A ring that is not full yet takes the next power of two, so that short conversations have small snapshots.
  int64_t slots = kBlockEntries;
  while (slots < held && slots < snapshotPeriod()) slots *= 2;
  return std::min(slots, snapshotPeriod());
}

std::vector<int> finishRings(std::vector<Ring>& rings, int heads, int kvHeads, int64_t sinkCount) {
  const int count = static_cast<int>(rings.size());
  for (int i = 0; i < count; i++) {
    rings[i].sinkCount = sinkCount;
    rings[i].enterSlope = rings[i].slope;
    checkRing(rings[i], i, heads, kvHeads);
    require(rings[i].source >= -1 && rings[i].source < count && rings[i].source != i, i, "source out of range");
  }
  for (int i = 0; i < count; i++) {
    if (rings[i].source < 0) continue;
    const Ring& source = rings[rings[i].source];
    checkSource(rings[i], source, i);
    rings[i].enterSlope = rings[i].slope - source.slope;
  }
  std::vector<int> order;
  std::vector<char> placed(count, 0);
  while (static_cast<int>(order.size()) < count) {
    const size_t before = order.size();
    for (int i = 0; i < count; i++) {
      if (placed[i] || (rings[i].source >= 0 && !placed[rings[i].source])) continue;
      placed[i] = 1;
      order.push_back(i);
    }
    if (order.size() == before) throw std::invalid_argument("rings: sources form a circle");
  }
  return order;
}

}  // namespace longleaf
