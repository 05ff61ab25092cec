#include "weights.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace longleaf {

Weights::Weights(size_t bytes) : own_(std::make_unique<AlignedBuffer>(bytes)), data_(own_->data()), size_(bytes) {}

Weights::Weights(const std::string& path, size_t offset, size_t bytes) : size_(bytes) {
  const auto fail = [&](const std::string& what) { throw std::runtime_error(path + ": " + what); };
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(std::strerror(errno));
  struct stat status;
  const bool whole = ::fstat(file, &status) == 0 && static_cast<uint64_t>(status.st_size) >= offset + bytes;
  mappedBytes_ = offset + bytes;
  void* mapped = whole ? ::mmap(nullptr, mappedBytes_, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
  const int error = errno;
  ::close(file);
  if (!whole) fail("it is shorter than its header says");
  if (mapped == MAP_FAILED) fail(std::strerror(error));
  mapped_ = mapped;
  ::madvise(mapped, mappedBytes_, MADV_WILLNEED);
  data_ = static_cast<const uint8_t*>(mapped) + offset;
}

// Eight lanes of 64 bits side by side, multiplied and turned (the scheme of xxHash): as quick as memory. It finds
// damage; it is not made to withstand an attacker.
std::string Weights::checksum() const {
  constexpr int kLanes = 8;
  constexpr uint64_t kPrime = 0x9e3779b185ebca87;
  const auto turned = [](uint64_t x, int bits) { return x << bits | x >> (64 - bits); };
  uint64_t lanes[kLanes] = {1, 2, 3, 4, 5, 6, 7, 8};
  size_t at = 0;
  for (; at + sizeof lanes <= size_; at += sizeof lanes)
    for (int i = 0; i < kLanes; i++) {
      uint64_t word;
      std::memcpy(&word, data_ + at + i * sizeof word, sizeof word);
      lanes[i] = turned((lanes[i] ^ word) * kPrime, 31);
    }
  uint64_t sum = size_;
  for (const uint64_t lane : lanes) sum = turned((sum ^ lane) * kPrime, 29);
  for (; at < size_; at++) sum = turned((sum ^ data_[at]) * kPrime, 29);
  sum ^= sum >> 32;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(sum));
  return text;
}

Weights::~Weights() {
  if (mapped_ != nullptr) ::munmap(mapped_, mappedBytes_);
}

}  // namespace longleaf
