#include "native/hostfs/metadata.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace drydock::native::hostfs {
namespace {

constexpr std::size_t kLinkTargetMax = 65536;
constexpr std::int64_t kNanos = 1'000'000'000;

storage::FileType type_of(mode_t mode) {
  using storage::FileType;
  if (S_ISDIR(mode)) return FileType::directory;
  if (S_ISLNK(mode)) return FileType::symlink;
  if (S_ISCHR(mode)) return FileType::character_device;
  if (S_ISBLK(mode)) return FileType::block_device;
  if (S_ISFIFO(mode)) return FileType::fifo;
  if (S_ISSOCK(mode)) return FileType::socket;
  return FileType::regular;
}

timespec to_timespec(std::int64_t ns) {
  std::int64_t seconds = ns / kNanos;
  std::int64_t rest = ns % kNanos;
  if (rest < 0) {
    rest += kNanos;
    --seconds;
  }
  return {static_cast<time_t>(seconds), static_cast<long>(rest)};
}

std::array<timespec, 2> times_of(std::int64_t mtime_ns) {
  return {to_timespec(mtime_ns), to_timespec(mtime_ns)};
}

constexpr std::uint32_t kUnchanged = static_cast<std::uint32_t>(-1);

}  // namespace

storage::FileInfo info_of(const struct stat& status) {
  storage::FileInfo info;
  info.type = type_of(status.st_mode);
  info.mode = status.st_mode & 07777;
  info.uid = status.st_uid;
  info.gid = status.st_gid;
  info.size = static_cast<std::uint64_t>(status.st_size);
  info.mtime_ns = status.st_mtim.tv_sec * kNanos + status.st_mtim.tv_nsec;
  info.device_major = major(status.st_rdev);
  info.device_minor = minor(status.st_rdev);
  info.inode = status.st_ino;
  info.filesystem = status.st_dev;
  info.links = static_cast<std::uint32_t>(status.st_nlink);
  return info;
}

Result<std::string, SysError> read_link(int directory, const char* name, std::string_view path) {
  for (std::string target(256, '\0'); target.size() <= kLinkTargetMax; target.resize(target.size() * 4)) {
    const ssize_t size = ::readlinkat(directory, name, target.data(), target.size());
    if (size < 0) return sys_error("readlink", path);
    if (static_cast<std::size_t>(size) < target.size()) {
      target.resize(static_cast<std::size_t>(size));
      return target;
    }
  }
  return SysError{Errno::enametoolong, "readlink", std::string(path)};
}

Result<void, SysError> apply_metadata(int fd, const storage::Metadata& metadata, std::string_view path) {
  if (metadata.uid || metadata.gid) {
    if (::fchownat(fd, "", metadata.uid.value_or(kUnchanged), metadata.gid.value_or(kUnchanged), AT_EMPTY_PATH) != 0) {
      return sys_error("lchown", path);
    }
  }
  const std::string link = proc_path(fd);
  if (metadata.mode && ::chmod(link.c_str(), *metadata.mode & 07777) != 0) return sys_error("chmod", path);
  for (const auto& [name, value] : metadata.xattrs) {
    if (::setxattr(link.c_str(), name.c_str(), value.data(), value.size(), 0) != 0) {
      return sys_error("lsetxattr", concat(path, " ", name));
    }
  }
  if (metadata.mtime_ns) {
    const auto times = times_of(*metadata.mtime_ns);
    // Kernels before 5.8 do not take AT_EMPTY_PATH here; there /proc leads to the same inode.
    if (::utimensat(fd, "", times.data(), AT_EMPTY_PATH) != 0 &&
        ::utimensat(AT_FDCWD, link.c_str(), times.data(), 0) != 0) {
      return sys_error("utimensat", path);
    }
  }
  return {};
}

Result<void, SysError> apply_metadata_to_open_file(int fd, const storage::Metadata& metadata, std::string_view path) {
  if (metadata.uid || metadata.gid) {
    if (::fchown(fd, metadata.uid.value_or(kUnchanged), metadata.gid.value_or(kUnchanged)) != 0) {
      return sys_error("chown", path);
    }
  }
  if (metadata.mode && ::fchmod(fd, *metadata.mode & 07777) != 0) return sys_error("chmod", path);
  for (const auto& [name, value] : metadata.xattrs) {
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
      return sys_error("setxattr", concat(path, " ", name));
    }
  }
  if (metadata.mtime_ns && ::futimens(fd, times_of(*metadata.mtime_ns).data()) != 0) {
    return sys_error("utimensat", path);
  }
  return {};
}

Result<storage::Xattrs, SysError> read_xattrs(int fd, std::string_view path) {
  const std::string link = proc_path(fd);
  std::string names(1024, '\0');
  ssize_t size = 0;
  while ((size = ::listxattr(link.c_str(), names.data(), names.size())) < 0) {
    if (errno == EOPNOTSUPP) return storage::Xattrs{};
    if (errno != ERANGE || names.size() > 65536) return sys_error("llistxattr", path);
    names.resize(names.size() * 4);
  }
  names.resize(static_cast<std::size_t>(size));
  storage::Xattrs xattrs;
  for (std::size_t at = 0; at < names.size();) {
    const std::string name(names.c_str() + at);
    at += name.size() + 1;
    std::string value(1024, '\0');
    ssize_t length = 0;
    while ((length = ::getxattr(link.c_str(), name.c_str(), value.data(), value.size())) < 0 && errno == ERANGE &&
           value.size() <= 65536) {
      value.resize(value.size() * 4);
    }
    if (length < 0 && (errno == ENODATA || errno == EOPNOTSUPP)) continue;  // gone meanwhile
    if (length < 0) return sys_error("lgetxattr", concat(path, " ", name));
    value.resize(static_cast<std::size_t>(length));
    xattrs.emplace_back(name, std::move(value));
  }
  return xattrs;
}

std::uint32_t current_umask() {
  unsigned mask = 022;
  Fd status(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  if (!status.valid() || ::read(status.get(), text.data(), text.size() - 1) <= 0) return 07777;
  const std::string_view lines(text.data());
  const std::size_t at = lines.find("\nUmask:");
  // Unknown: as if every bit were masked, so that modes are always set by hand.
  if (at == std::string_view::npos || std::sscanf(text.data() + at, "\nUmask: %o", &mask) != 1) return 07777;
  return mask;
}

}  // namespace drydock::native::hostfs
