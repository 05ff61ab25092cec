// Rings of a compiled attention plan: which keys a ring stores and which of them a query sees.
//
// A ring belongs to one KV head and holds the keys k = residue (mod stride) while some future query can see them.
// Entry m of a ring is the key k = residue + m * stride. Everything here is a pure function of positions; the rules
// are those of RingLayout in src/main/engine/plan/types.ts.
#pragma once
#include <cstdint>
#include <vector>

namespace longleaf {

enum class RingKind { sliding, aligned, sinks };

/// Stands for hi = Infinity: no position reaches it (positions stay below 2^41).
constexpr int64_t kEndless = int64_t(1) << 50;
/// Positions that a cache accepts: plans list their rings up to 2^40 tokens.
constexpr int64_t kMaximumPosition = int64_t(1) << 40;
/// Entries of one storage block; a ring's capacity is a multiple of it, so a block never wraps.
constexpr int kBlockEntries = 64;
/// Entries of one softmax tile. Tiles start at multiples of this in m, never at a chunk's first key, so that a row's
/// maximum, sum and merge order do not depend on how the rows were chunked.
constexpr int kTileEntries = 512;

struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  bool empty() const { return begin >= end; }
};

struct Ring {
  RingKind kind = RingKind::sliding;
  int kvHead = 0;
  int firstHead = 0;
  int headCount = 0;
  int64_t stride = 1;
  int64_t residue = 0;
  int64_t lo = 0;
  int64_t hi = kEndless;
  int64_t align = 0;
  bool sparseQueries = false;
  int64_t denseUpTo = 0;
  int source = -1;
  double slope = 1;
  double intercept = 0;
  // derived by finishRings
  int64_t sinkCount = 0;
  /// By slope * k a new key is turned; by the difference of the slopes a key that another ring turned already.
  double enterSlope = 1;

  bool endless() const { return hi >= kEndless; }
  /// Distance at which keys enter: at once from new rows, or at lo by handover from the source ring.
  int64_t enterDistance() const { return source >= 0 ? lo : 0; }
  /// Tokens between entering and leaving.
  int64_t span() const;
  /// Entries that a chunk of `maxRows` rows needs at once, a multiple of kBlockEntries; kEndless for endless rings.
  int64_t capacity(int64_t maxRows) const;
  /// Entries [begin, end) whose keys lie in the positions [from, to).
  Range entries(int64_t from, int64_t to) const;
  /// Entries that the query at `position` sees.
  Range visible(int64_t position) const;
  /// Entries held when `position` tokens are committed: what the next query or a handover can still need.
  Range retained(int64_t position) const;
  /// Entries that enter with the rows [position, position + rows).
  Range entering(int64_t position, int64_t rows) const;
  /// Slots of this ring in a snapshot at `position`; 0 while no key has entered.
  int64_t snapshotSlots(int64_t position) const;
  /// Entry m lies in slot m mod period of a snapshot (unchanged entries keep their place as the position grows).
  int64_t snapshotPeriod() const;
};

/// Fills the derived fields, checks the rings against each other.
/// Returns the order in which keys enter: a ring after its source.
/// Throws std::invalid_argument.
std::vector<int> finishRings(std::vector<Ring>& rings, int heads, int kvHeads, int64_t sinkCount);

}  // namespace longleaf
