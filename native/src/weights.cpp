#include "weights.h"

#include <cerrno>
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

Weights::~Weights() {
  if (mapped_ != nullptr) ::munmap(mapped_, mappedBytes_);
}

}  // namespace longleaf
