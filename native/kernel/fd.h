#pragma once
// A file descriptor that is closed when its owner goes, and the calls on files that the native rooms share. Every
// descriptor made here is close-on-exec.

#include <unistd.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace drydock::native {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

/// The present errno(3) as an error; Errno has Linux' own numbers.
SysError last_error(std::string_view operation, std::string_view object = "");

/// "/proc/self/fd/5": for calls that take a path but no descriptor.
std::string proc_fd_path(int fd);

Result<Fd, SysError> open_file(const std::string& path, int flags, unsigned mode = 0);
Result<Fd, SysError> open_at(int directory, const std::string& path, int flags, unsigned mode = 0);
Result<Fd, SysError> duplicate(int fd);

/// At most `max_bytes`; a longer file is EFBIG.
Result<std::string, SysError> read_file(const std::string& path, std::size_t max_bytes = std::size_t{1} << 20);
Result<std::string, SysError> read_to_end(int fd, std::size_t max_bytes);
/// Writes into a file that exists, in one write(2): the form that /proc, /sys and cgroup files ask for.
Result<void, SysError> write_kernel_file(const std::string& path, std::string_view text);
Result<void, SysError> write_all(int fd, std::string_view bytes, std::string_view object);
/// A new file of this content takes the name in one step: a reader sees the old or the new one, never half.
Result<void, SysError> replace_file(int directory, const std::string& name, std::string_view content);

struct Pipe {
  Fd read_end;
  Fd write_end;
};
Result<Pipe, SysError> make_pipe();
Result<void, SysError> set_nonblocking(int fd);
/// An anonymous file with this content, at its start.
Result<Fd, SysError> make_memory_file(const char* name, std::string_view content);

}  // namespace drydock::native
