#include "native/hostfs/features.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "native/hostfs/remove_tree.h"

namespace drydock::native::hostfs {
namespace {

constexpr uid_t kForeignOwner = 54321;

bool write_file(const char* path, const char* text) {
  Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  const std::size_t size = std::strlen(text);
  return fd.valid() && ::write(fd.get(), text, size) == static_cast<ssize_t>(size);
}

struct IdMapTexts {
  char uid_map[32];
  char gid_map[32];
};

// The functions down to try_overlay run between fork and _exit: system calls only, no allocation.

bool enter_user_namespace(const IdMapTexts& maps) {
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  write_file("/proc/self/setgroups", "deny");
  return write_file("/proc/self/uid_map", maps.uid_map) && write_file("/proc/self/gid_map", maps.gid_map);
}

/// A mount that works may still fail on the first deletion, which needs whiteouts in the upper directory.
bool mount_and_delete(const char* data) {
  if (::mount("overlay", "merged", "overlay", 0, data) != 0) return false;
  const bool deleted = ::unlink("merged/file") == 0;
  struct stat status {};
  const bool whiteout = ::lstat("upper/file", &status) == 0 && S_ISCHR(status.st_mode) && status.st_rdev == 0;
  ::umount2("merged", MNT_DETACH);
  return deleted && whiteout;
}

enum class UserNamespace { current, own };

bool try_overlay(int directory, UserNamespace user_namespace, const char* data) {
  IdMapTexts maps{};
  std::snprintf(maps.uid_map, sizeof maps.uid_map, "0 %u 1", static_cast<unsigned>(::geteuid()));
  std::snprintf(maps.gid_map, sizeof maps.gid_map, "0 %u 1", static_cast<unsigned>(::getegid()));
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    // First: a descriptor belongs to the mounts of the old namespace, the working directory moves to the new ones.
    const bool inside = ::fchdir(directory) == 0;
    const bool entered =
        inside && (user_namespace == UserNamespace::own ? enter_user_namespace(maps) : ::unshare(CLONE_NEWNS) == 0);
    const bool private_mounts = entered && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    ::_exit(private_mounts && mount_and_delete(data) ? 0 : 1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool make_overlay_directories(int probe, const char* name) {
  if (::mkdirat(probe, name, 0755) != 0) return false;
  Fd directory(::openat(probe, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const char* part : {"lower", "upper", "work", "merged"}) {
    if (::mkdirat(directory.get(), part, 0755) != 0) return false;
  }
  return Fd(::openat(directory.get(), "lower/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644)).valid();
}

/// Each try in directories of its own: a failed one may leave its marks there.
bool probe_overlay(int probe, const char* name, UserNamespace user_namespace, const char* data) {
  if (!make_overlay_directories(probe, name)) return false;
  Fd directory(::openat(probe, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return directory.valid() && try_overlay(directory.get(), user_namespace, data);
}

storage::HostFsFeatures probe_in(int probe) {
  storage::HostFsFeatures features;
  Fd file(::openat(probe, "file", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  features.trusted_xattrs = file.valid() && ::fsetxattr(file.get(), "trusted.overlay.opaque", "y", 1, 0) == 0;
  features.chown = file.valid() && ::fchown(file.get(), kForeignOwner, kForeignOwner) == 0;
  // /dev/null's twin: permitted to root, but not to the root of a user namespace.
  features.device_nodes = ::mknodat(probe, "device", S_IFCHR | 0600, makedev(1, 3)) == 0;
  constexpr const char* kTrusted = "lowerdir=lower,upperdir=upper,workdir=work";
  constexpr const char* kUser = "lowerdir=lower,upperdir=upper,workdir=work,userxattr";
  features.overlay =
      probe_overlay(probe, "overlay", UserNamespace::current, features.trusted_xattrs ? kTrusted : kUser);
  features.overlay_in_userns = probe_overlay(probe, "overlay-userns", UserNamespace::own, kUser);
  return features;
}

}  // namespace

storage::HostFsFeatures probe_features(int root) {
  // The pid alone would do, were it not for what a killed daemon with the same pid left there.
  const std::string name = concat(".probe-", ::getpid());
  if (!remove_tree_at(root, name, name).ok() || ::mkdirat(root, name.c_str(), 0700) != 0) return {};
  storage::HostFsFeatures features;
  Fd probe(::openat(root, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (probe.valid()) features = probe_in(probe.get());
  static_cast<void>(remove_tree_at(root, name, name).ok());
  return features;
}

}  // namespace drydock::native::hostfs
