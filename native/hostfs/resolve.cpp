#include "native/hostfs/resolve.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <cerrno>

namespace drydock::native::hostfs {
namespace {

constexpr int kAgainMax = 1000;

/// Without slashes at both ends, "." parts at the end included.
std::string_view trimmed(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path;
}

}  // namespace

SysError sys_error(const char* operation, std::string_view object) {
  return {static_cast<Errno>(errno), operation, std::string(object)};
}

std::string proc_path(int fd) {
  return concat("/proc/self/fd/", fd);
}

int open_beneath(int directory, const char* path, int flags, std::uint32_t mode, std::uint64_t resolve) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = resolve;
  for (int attempt = 0;; ++attempt) {
    const long fd = ::syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EINTR && !(errno == EAGAIN && attempt < kAgainMax)) return -1;
  }
}

Result<Fd, SysError> Root::open(std::string_view path, int flags, std::uint32_t mode) const {
  const std::string relative(trimmed(path));
  // A zero byte would cut the name short and thereby name another file.
  if (relative.find('\0') != std::string::npos) return SysError{Errno::einval, "openat2", relative};
  const int fd = open_beneath(fd_.get(), relative.empty() ? "." : relative.c_str(), flags, mode,
                              RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  if (fd < 0) return sys_error("openat2", path);
  return Fd(fd);
}

Result<Slot, SysError> Root::slot(std::string_view path) {
  const std::string_view relative = trimmed(path);
  const std::size_t slash = relative.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? relative : relative.substr(slash + 1);
  const std::string_view parent = slash == std::string_view::npos ? std::string_view() : relative.substr(0, slash);
  if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos) {
    return SysError{Errno::einval, "openat2", std::string(path)};
  }
  if (trimmed(parent).empty()) return Slot{fd_.get(), std::string(name)};
  if (cache_ == CacheParents::no || !parent_.valid() || parent_path_ != parent) {
    parent_ = TRY(open(parent, O_PATH | O_DIRECTORY));
    parent_path_ = parent;
  }
  return Slot{parent_.get(), std::string(name)};
}

Result<Fd, SysError> Root::pin(std::string_view path) {
  const std::string_view relative = trimmed(path);
  const std::size_t slash = relative.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? relative : relative.substr(slash + 1);
  if (relative.empty() || name == "." || name == "..") return open(relative, O_PATH | O_NOFOLLOW);
  const Slot at = TRY(slot(relative));
  const int fd = ::openat(at.directory, at.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return sys_error("open", path);
  return Fd(fd);
}

void Root::forget_parents() {
  parent_.reset();
  parent_path_.clear();
}

}  // namespace drydock::native::hostfs
