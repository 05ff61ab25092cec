// Packed weights in memory: a mapped cache file, or memory of our own where there is none.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "memory.h"

namespace longleaf {

class Weights {
 public:
  /// Zeroed memory. Throws std::runtime_error where there is not enough.
  explicit Weights(size_t bytes);
  /// Maps `bytes` bytes of a file from `offset` on, read-only. Throws std::runtime_error, saying why it can't.
  Weights(const std::string& path, size_t offset, size_t bytes);
  ~Weights();
  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

  const uint8_t* data() const { return data_; }
  /// null for a mapped file
  uint8_t* writable() { return own_ ? own_->data() : nullptr; }
  size_t size() const { return size_; }
  /// 16 hexadecimal digits that change with any bit
  std::string checksum() const;

 private:
  std::unique_ptr<AlignedBuffer> own_;
  void* mapped_ = nullptr;
  size_t mappedBytes_ = 0;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace longleaf
