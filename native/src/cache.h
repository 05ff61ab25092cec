// Keys and values of one sequence in every layer, and attention over them. See native-contract.ts for the surface.
//
// A chunk of rows at [position, position + rows): begin() makes the rotation tables once for all layers; attend()
// does one layer: new keys enter (fresh rings from the rows, bands from the ring before, in that order), then every
// query head reads its rings in their fixed order, tiles in ascending absolute order. What is stored before a commit
// lies in slack that no committed query sees, so a chunk can be abandoned between layers and repeated.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dispatch.h"
#include "ring.h"
#include "ring_store.h"
#include "rotation.h"
#include "workers.h"

namespace longleaf {

struct CacheSpec {
  std::vector<Ring> rings;
  std::vector<DistanceSegment> distanceMap;
  RotationSpec rotation;
  int heads = 0;
  int kvHeads = 0;
  int headDim = 0;
  int layers = 0;
  int maxRows = 0;
  int threads = 1;
  bool bf16 = true;
  const Kernel* kernel = nullptr;
  int64_t sinkCount = 0;
  /// c of c tanh(s / c) in base-2 logarithms; 0 = none
  float softCap = 0;
  // derived
  std::vector<int> enterOrder;
  /// elements from one rotated query to the next
  int queryStride = 0;
  StoreLayout layout;
};

/// Checks and completes a spec. Throws std::invalid_argument.
void finishSpec(CacheSpec& spec);

struct Reach {
  int64_t exact = 0;
  int64_t sparse = 0;
};

/// Working memory of one thread of attend().
struct AttendScratch;
struct RowStates;

class Cache {
 public:
  explicit Cache(CacheSpec spec);
  Cache(const Cache& other);
  ~Cache();

  int64_t position() const { return position_; }
  size_t bytes() const;
  Reach reach() const { return reach_; }
  int rows() const { return rows_; }
  const CacheSpec& spec() const { return *spec_; }

  void begin(int64_t rows);
  void attend(int64_t layer, const float* qkv, float* out);
  /// keeps the chunk's first `rows` rows
  void commit(int64_t rows);

  int64_t snapshotBytes() const;
  void readSnapshot(int64_t offset, uint8_t* target, int64_t length) const;
  void writeSnapshot(int64_t offset, const uint8_t* bytes, int64_t length);
  void finishRestore(int64_t position);
  void fillSynthetic(int64_t position, uint64_t seed);

 private:
  struct Unit {
    int kvHead;
    int rowBegin;
    int rowEnd;
  };
  struct Part;
  struct SnapshotPiece {
    int ring;
    int layer;
    int64_t begin;
    int64_t slots;
  };

  RingStore& store(int layer, int ring) { return stores_[static_cast<size_t>(layer) * spec_->rings.size() + ring]; }
  const RingStore& store(int layer, int ring) const {
    return stores_[static_cast<size_t>(layer) * spec_->rings.size() + ring];
  }
  void requirePosition(int64_t position, const char* what) const;
  void makeTables();
  void enterKeys(int layer, const float* qkv);
  bool worthThreads() const;
  bool ringInUse(int layer, int ring) const;
  Range stackQueries(int ring, const Unit& unit, const float* qkv, AttendScratch& scratch) const;
  int64_t attendTile(const RingStore& stored, int64_t tile, bool fetchNext, int countedSlot, RowStates& states,
                     AttendScratch& scratch) const;
  void finishRows(const Unit& unit, RowStates& states, float* out) const;
  void countTile(int ring, int64_t keys);
  void attendUnit(int layer, const Unit& unit, const float* qkv, float* out, AttendScratch& scratch);
  void attendUnits(int layer, int threads, const float* qkv, float* out);
  void attendPart(int layer, Part& part, int first, bool fetchNext, const float* qkv, AttendScratch& scratch);
  void attendParts(int layer, int threads, const float* qkv, float* out);
  void mergeParts(const std::vector<Part>& parts, float* out);
  void countReach();
  std::vector<SnapshotPiece> snapshotPieces(int64_t position) const;

  std::shared_ptr<const CacheSpec> spec_;
  std::vector<RingStore> stores_;
  int64_t position_ = 0;
  Reach reach_;

  // the chunk between begin and commit
  int rows_ = 0;
  Reach pendingReach_;
  std::vector<char> layerDone_;
  std::vector<RotationTable> queryTables_;
  std::vector<int> queryTableOf_;
  std::vector<RotationTable> keyTables_;
  std::vector<int> keyTableOf_;

  // a restore in progress: what was written so far, freed piece by piece
  std::vector<std::unique_ptr<AlignedBuffer>> restored_;
  int64_t restoredBytes_ = 0;

  std::vector<std::unique_ptr<AttendScratch>> scratch_;
  std::unique_ptr<RowStates> partStates_;
};

}  // namespace longleaf
