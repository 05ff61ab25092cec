// Zeroed memory aligned to cache lines. Pages that are never written cost nothing: calloc takes them from the system.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace longleaf {

class AlignedBuffer {
 public:
  explicit AlignedBuffer(size_t bytes) : size_(bytes), base_(std::calloc(bytes + 64, 1)) {
    if (base_ == nullptr)
      throw std::runtime_error("not enough memory: " + std::to_string(bytes >> 20) + " MB more are needed");
    data_ = reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(base_) + 63) & ~uintptr_t(63));
  }
  ~AlignedBuffer() { std::free(base_); }
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  void* base_;
  uint8_t* data_;
};

}  // namespace longleaf
