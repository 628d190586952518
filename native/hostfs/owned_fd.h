#pragma once
// A file descriptor that is closed when its owner goes.

#include <unistd.h>

#include <utility>

#include "base/error.h"

namespace drydock::native::hostfs {

class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~OwnedFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/// The present errno(3) as an error; Errno has Linux' own numbers.
SysError sys_error(const char* operation, std::string_view object);

/// What /proc calls the file that `fd` has open: for calls that take no descriptor, or none opened with O_PATH.
std::string proc_path(int fd);

}  // namespace drydock::native::hostfs
