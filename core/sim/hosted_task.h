#pragma once
// A process of the simulated host whose code is ours (the daemon, a container's monitor, a container before its
// execve): it acts on the machine by system calls, and by nothing else.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/result.h"
#include "machine/syscalls/inject.h"

namespace drydock::sim {

namespace number = machine::call_number;

/// open(2), openat2(2).
inline constexpr std::uint32_t kOpenRead = 0, kOpenWrite = 1, kOpenReadWrite = 2, kOpenCreate = 0100,
                               kOpenExclusive = 0200, kOpenNoTty = 0400, kOpenTruncate = 01000, kOpenAppend = 02000,
                               kOpenNonblock = 04000, kOpenDirectory = 0200000, kOpenNoFollow = 0400000,
                               kOpenCloseOnExec = 02000000, kOpenPath = 010000000;
inline constexpr std::uint64_t kResolveNoXdev = 1, kResolveNoMagicLinks = 2, kResolveNoSymlinks = 4,
                               kResolveInRoot = 16;
inline constexpr int kHere = -100;  // AT_FDCWD
inline constexpr int kAtNoFollow = 0x100, kAtRemoveDirectory = 0x200, kAtEmptyPath = 0x1000;

/// struct stat, as newfstatat(2) fills it.
struct StatRecord {
  std::uint64_t device = 0, inode = 0, links = 0, size = 0;
  std::uint32_t mode = 0, uid = 0, gid = 0, rdev_major = 0, rdev_minor = 0;
  std::int64_t mtime_ns = 0;
  std::uint32_t type() const { return mode & 0170000; }
};
inline constexpr std::uint32_t kTypeDirectory = 0040000, kTypeLink = 0120000, kTypeRegular = 0100000,
                               kTypeCharacterDevice = 0020000, kTypeBlockDevice = 0060000, kTypeFifo = 0010000,
                               kTypeSocket = 0140000;

class HostedTask {
 public:
  HostedTask(machine::Kernel& kernel, machine::TaskId task) : kernel_(&kernel), task_(task) {}

  machine::Kernel& kernel() const { return *kernel_; }
  machine::TaskId id() const { return task_; }

  machine::Outcome call(std::int64_t which, std::initializer_list<machine::HostArgument> arguments) const {
    return machine::inject(*kernel_, task_, which, arguments);
  }
  /// The number that the call returned, or its errno.
  Result<std::int64_t, Errno> attempt(std::int64_t which, std::initializer_list<machine::HostArgument> arguments) const;

  /// openat2(2); close-on-exec is added.
  Result<int, Errno> open(int directory, std::string_view path, std::uint32_t flags, std::uint32_t mode = 0,
                          std::uint64_t resolve = 0) const;
  void close(int fd) const { static_cast<void>(call(number::close, {fd})); }
  Result<StatRecord, Errno> stat(int directory, std::string_view path, int flags) const;
  Result<std::string, Errno> read_link(int directory, std::string_view name) const;
  /// Names in directory order, without "." and "..".
  Result<std::vector<std::string>, Errno> names(int fd) const;
  /// Until the end of the file, at most bytes_max.
  Result<std::string, Errno> read_all(int fd, std::size_t bytes_max) const;
  Result<void, Errno> write_all(int fd, std::string_view bytes) const;
  /// A small file as the kernel shows it in /proc, /sys and cgroup file systems.
  Result<std::string, Errno> read_file(std::string_view path, std::size_t bytes_max = 1 << 20) const;
  Result<void, Errno> write_file(std::string_view path, std::string_view bytes) const;

 private:
  machine::Kernel* kernel_;
  machine::TaskId task_;
};

/// A descriptor of a hosted task; closed at the end.
class SimFd {
 public:
  SimFd() = default;
  SimFd(HostedTask task, int fd) : task_(task), fd_(fd) {}
  SimFd(SimFd&& other) noexcept : task_(other.task_), fd_(std::exchange(other.fd_, -1)) {}
  SimFd& operator=(SimFd&& other) noexcept {
    std::swap(task_, other.task_);
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~SimFd() { reset(); }
  void reset() {
    if (fd_ >= 0) task_->close(std::exchange(fd_, -1));
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  std::optional<HostedTask> task_;
  int fd_ = -1;
};

inline Result<SimFd, Errno> owned(HostedTask task, Result<int, Errno> fd) {
  if (!fd.ok()) return fd.error();
  return SimFd(task, *fd);
}

}  // namespace drydock::sim
