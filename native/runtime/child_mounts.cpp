// mount(2), pivot_root(2), mount_setattr(2). Targets inside the container are opened beneath its root and mounted over
// by their descriptor's path, so that a link in the image cannot lead the mount elsewhere.

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "native/kernel/beneath.h"
#include "native/runtime/child_context.h"

namespace drydock::native {

ProcPath::ProcPath(int fd) {
  std::snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
}

namespace {

// The names of mount(2)'s flags clash between <sys/mount.h> and <linux/mount.h> on some systems; those needed here are
// in both. Flags that a mount of a less privileged mount namespace may not drop (mount_namespaces(7)):
constexpr unsigned long kLockedFlags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME;
constexpr std::size_t kMountDataMax = 4096;  // a page, with the null byte

/// The flags that `path` is mounted with. statfs(2) reports them by the values of mount(2), relatime apart.
unsigned long present_flags(const char* path) {
  struct statfs about {};
  if (::statfs(path, &about) < 0) return 0;
  return static_cast<unsigned long>(about.f_flags) & kLockedFlags;
}

int remount_bind(const char* path, unsigned long flags) {
  flags |= MS_REMOUNT | MS_BIND;
  if (::mount("", path, nullptr, flags, nullptr) == 0) return 0;
  if (errno != EPERM) return errno;
  // In a user namespace the flags of the original mount are locked: keep them.
  return ::mount("", path, nullptr, flags | present_flags(path), nullptr) == 0 ? 0 : errno;
}

bool is_pseudo(const std::string& type) {
  return type == "proc" || type == "sysfs";
}

struct Target {
  int fd = -1;  // or -errno
  bool made = false;
};

/// Opens what is mounted over, made if need be.
Target open_target(ChildContext& context, const runtime::StepMount& step) {
  const int root = root_of(context);
  if (root < 0) return {root};
  const char* target = step.target.c_str();
  const bool bind = (step.flags & MS_BIND) != 0 && (step.flags & MS_REMOUNT) == 0;
  struct stat source {};
  if (bind && ::stat(step.source.c_str(), &source) < 0) return {-errno};
  const Create kind = bind && !S_ISDIR(source.st_mode) ? Create::file : Create::directory;
  int fd = open_beneath(root, target);
  const bool made = step.create_target && fd == -ENOENT;
  if (made) fd = create_beneath(root, target, kind);
  if (fd < 0 || !is_pseudo(step.type)) return {fd, made};
  // Masked and read-only paths name what is below /proc and /sys: an image's link in their place would leave them bare.
  ::close(fd);
  return {open_beneath(root, target, Symlinks::refuse), made};
}

/// An overlay of many layers does not fit into mount(2)'s one page of data: each option is set for itself.
int mount_long_overlay(const runtime::StepMount& step, const char* target) {
  const int context = static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC));
  if (context < 0) return errno;
  const auto set = [&](const char* key, const char* value) {
    return ::syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0) < 0 ? errno : 0;
  };
  const auto set_flag = [&](const char* key) {
    return ::syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, key, nullptr, 0) < 0 ? errno : 0;
  };
  int code = set("source", step.source.c_str());
  std::string data = step.data;  // cut in place; freed by execve
  for (char *save = nullptr, *option = ::strtok_r(data.data(), ",", &save); option != nullptr && code == 0;
       option = ::strtok_r(nullptr, ",", &save)) {
    char* value = std::strchr(option, '=');
    if (value == nullptr) {
      code = set_flag(option);
      continue;
    }
    *value++ = '\0';
    if (std::strcmp(option, "lowerdir") != 0) {
      code = set(option, value);
      continue;
    }
    char* layers = nullptr;
    for (char* layer = ::strtok_r(value, ":", &layers); layer != nullptr && code == 0;
         layer = ::strtok_r(nullptr, ":", &layers)) {
      code = set("lowerdir+", layer);
    }
  }
  if (code == 0 && ::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) code = errno;
  const int mounted = code == 0 ? static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0)) : -1;
  if (code == 0 && mounted < 0) code = errno;
  if (code == 0 &&
      ::syscall(SYS_move_mount, mounted, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0) {
    code = errno;
  }
  if (mounted >= 0) ::close(mounted);
  ::close(context);
  return code;
}

int mount_once(const runtime::StepMount& step, const char* target, const char* data) {
  if (step.type == "overlay" && std::strlen(data) >= kMountDataMax) return mount_long_overlay(step, target);
  const char* type = step.type.empty() ? nullptr : step.type.c_str();
  if (::mount(step.source.c_str(), target, type, step.flags, data) == 0) return 0;
  const int code = errno;
  if (!step.fallback_source || (code != EPERM && code != EBUSY)) return code;
  return ::mount(step.fallback_source->c_str(), target, nullptr, MS_BIND | MS_REC, nullptr) == 0 ? 0 : errno;
}

/// The data, with the mode that the target had before it, if it was there.
void data_with_mode(const runtime::StepMount& step, const Target& target, char* out, std::size_t size) {
  struct stat about {};
  const bool known = step.inherit_mode && !target.made && ::fstat(target.fd, &about) == 0;
  if (known) {
    std::snprintf(out, size, "mode=%04o%s%s", about.st_mode & 07777U, step.data.empty() ? "" : ",", step.data.c_str());
  } else {
    std::snprintf(out, size, "%s", step.data.c_str());
  }
}

/// What is done to a mount once it is there. `path` names its root.
int finish_mount(const runtime::StepMount& step, const char* path) {
  if (step.remount_flags != 0) {
    if (const int code = remount_bind(path, step.remount_flags)) return code;
  }
  if (step.propagation != 0 && ::mount("", path, nullptr, step.propagation, nullptr) < 0) return errno;
  if (step.recursive_set == 0 && step.recursive_clear == 0) return 0;
  mount_attr attributes{};
  attributes.attr_set = step.recursive_set;
  attributes.attr_clr = step.recursive_clear;
  const long done = ::syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof(attributes));
  return done < 0 ? errno : 0;
}

int mount_root(ChildContext& context, const runtime::StepMount& step) {
  const char* rootfs = context.setup->plan->rootfs.c_str();
  if (const int code = mount_once(step, rootfs, step.data.c_str())) return code;
  if (const int code = finish_mount(step, rootfs)) return code;
  if (context.root >= 0) ::close(context.root);
  context.root = -1;  // the next one who asks sees the new mount
  return 0;
}

int mount_over(ChildContext& context, const runtime::StepMount& step, const Target& target) {
  const ProcPath path(target.fd);
  const int old = step.copy_up ? ::open(path.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  char data[2 * kMountDataMax];
  data_with_mode(step, target, data, sizeof(data));
  if (const int code = mount_once(step, path.text, data)) return code;
  // The descriptor still names what lies below the new mount: look it up again.
  const int mounted = open_beneath(context.root, step.target.c_str());
  if (mounted < 0) return -mounted;
  int code = finish_mount(step, ProcPath(mounted).text);
  if (code == 0 && old >= 0) {
    const int fresh = ::open(ProcPath(mounted).text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    code = fresh < 0 ? errno : copy_directory(old, fresh);
    if (fresh >= 0) ::close(fresh);
  }
  ::close(mounted);
  if (old >= 0) ::close(old);
  return code;
}

}  // namespace

int root_of(ChildContext& context) {
  if (context.root < 0) {
    const char* path =
        context.pivoted || context.setup->plan->rootfs.empty() ? "/" : context.setup->plan->rootfs.c_str();
    context.root = ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (context.root < 0) return -errno;
  }
  return context.root;
}

int run_step(ChildContext& context, const runtime::StepMount& step) {
  if (step.target == "/" && !context.pivoted) return mount_root(context, step);
  const Target target = open_target(context, step);
  if (target.fd < 0) return -target.fd;
  const int code = mount_over(context, step, target);
  ::close(target.fd);
  return code;
}

int run_step(ChildContext& context, const runtime::StepSetPropagation& step) {
  char path[PATH_MAX];
  if (step.target.size() >= sizeof(path)) return ENAMETOOLONG;
  std::memcpy(path, step.target.c_str(), step.target.size() + 1);
  for (;;) {
    if (::mount("", path, nullptr, step.flags, nullptr) == 0) return 0;
    if (errno != EINVAL || context.pivoted || std::strcmp(path, "/") == 0) return errno;
    // Not a mount point: the one that holds it is further up.
    char* slash = std::strrchr(path, '/');
    if (slash == nullptr) return EINVAL;
    slash[slash == path ? 1 : 0] = '\0';
  }
}

int run_step(ChildContext& context, const runtime::StepPivotRoot& step) {
  const int old_root = ::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (old_root < 0) return errno;
  // With both arguments the same, the old root lies over the new one, and needs no directory inside the image.
  if (::chdir(step.rootfs.c_str()) < 0 || ::syscall(SYS_pivot_root, ".", ".") < 0) return errno;
  if (::fchdir(old_root) < 0) return errno;
  // No unmount may reach the host through a shared mount.
  if (::mount("", ".", nullptr, MS_SLAVE | MS_REC, nullptr) < 0) return errno;
  // The old root is still mounted below: detach it, or the host's tree stays reachable.
  if (::umount2(".", MNT_DETACH) < 0 || ::chdir("/") < 0) return errno;
  ::close(old_root);
  if (context.root >= 0) ::close(context.root);
  context.root = -1;
  context.pivoted = true;
  return 0;
}

int run_step(ChildContext&, const runtime::StepRemountRootReadonly&) {
  return remount_bind("/", MS_RDONLY | present_flags("/"));
}

int run_step(ChildContext& context, const runtime::StepMaskPath& step) {
  const int root = root_of(context);
  if (root < 0) return -root;
  const int target = open_beneath(root, step.path.c_str());
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return -target;
  struct stat about {};
  const bool directory = ::fstat(target, &about) == 0 && S_ISDIR(about.st_mode);
  int code = 0;
  if (directory) {
    if (::mount("tmpfs", ProcPath(target).text, "tmpfs", MS_RDONLY, "") < 0) code = errno;
  } else {
    // Only the real null device hides anything: an image's file of that name would show its content instead.
    const int null = open_beneath(root, "/dev/null", Symlinks::refuse);
    if (null < 0 || ::fstat(null, &about) < 0 || !S_ISCHR(about.st_mode) || about.st_rdev != makedev(1, 3)) {
      code = ENODEV;
    } else if (::mount(ProcPath(null).text, ProcPath(target).text, nullptr, MS_BIND, nullptr) < 0) {
      code = errno;
    }
    if (null >= 0) ::close(null);
  }
  ::close(target);
  return code;
}

int run_step(ChildContext& context, const runtime::StepReadonlyPath& step) {
  const int root = root_of(context);
  if (root < 0) return -root;
  const int target = open_beneath(root, step.path.c_str());
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return -target;
  const ProcPath path(target);
  const unsigned long flags = present_flags(path.text);
  int code = ::mount(path.text, path.text, nullptr, MS_BIND | MS_REC, nullptr) < 0 ? errno : 0;
  ::close(target);
  if (code != 0) return code;
  const int mounted = open_beneath(root, step.path.c_str());
  if (mounted < 0) return -mounted;
  code = remount_bind(ProcPath(mounted).text, MS_RDONLY | MS_REC | flags);
  ::close(mounted);
  return code;
}

}  // namespace drydock::native
