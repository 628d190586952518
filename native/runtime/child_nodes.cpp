// Directories, devices and links in the container's root, sysctls, and its terminal: pty(7), devpts.

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "native/kernel/beneath.h"
#include "native/runtime/child_context.h"

namespace drydock::native {

namespace {

/// An empty file at `path`, with `source` bound over it.
int bind_over_file(int root, const char* source, const char* path) {
  const int target = create_beneath(root, path, Create::file);
  if (target < 0) return -target;
  const int code = ::mount(source, ProcPath(target).text, nullptr, MS_BIND, nullptr) < 0 ? errno : 0;
  ::close(target);
  return code;
}

mode_t file_type(char type) {
  switch (type) {
    case 'b':
      return S_IFBLK;
    case 'p':
      return S_IFIFO;
    default:
      return S_IFCHR;  // 'c', and 'u' which is the same
  }
}

}  // namespace

int run_step(ChildContext& context, const runtime::StepMakeDirectory& step) {
  const int root = root_of(context);
  if (root < 0) return -root;
  int fd = open_beneath(root, step.path.c_str());
  if (fd >= 0) {
    struct stat about {};
    const bool directory = ::fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
    ::close(fd);
    return directory ? 0 : ENOTDIR;
  }
  fd = create_beneath(root, step.path.c_str(), Create::directory);
  if (fd < 0) return -fd;
  ::close(fd);
  fd = open_beneath_with_flags(root, step.path.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd < 0) return -fd;
  const int code = ::fchmod(fd, step.mode) < 0 ? errno : 0;
  ::close(fd);
  return code;
}

int run_step(ChildContext& context, const runtime::StepMakeDevice& step) {
  const int root = root_of(context);
  if (root < 0) return -root;
  const runtime::Device& device = step.device;
  if (step.bind_from_host) return bind_over_file(root, device.path.c_str(), device.path.c_str());
  const char* name = nullptr;
  const int parent = open_parent_beneath(root, device.path.c_str(), &name);
  if (parent < 0) return -parent;
  int code = 0;
  if (::mknodat(parent, name, file_type(device.type) | device.mode, makedev(device.major, device.minor)) < 0) {
    code = errno == EEXIST ? 0 : errno;
  } else if (::fchmodat(parent, name, device.mode, 0) < 0 ||  // mknod(2) went through the umask
             ::fchownat(parent, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW) < 0) {
    code = errno;
  }
  ::close(parent);
  return code;
}

int run_step(ChildContext& context, const runtime::StepMakeSymlink& step) {
  if (step.needs_target && ::access(step.target.c_str(), F_OK) < 0) return 0;
  const int root = root_of(context);
  if (root < 0) return -root;
  const char* name = nullptr;
  const int parent = open_parent_beneath(root, step.path.c_str(), &name);
  if (parent < 0) return -parent;
  int code = ::symlinkat(step.target.c_str(), parent, name) < 0 ? errno : 0;
  if (code == EEXIST && step.replace) {
    ::unlinkat(parent, name, 0);
    code = ::symlinkat(step.target.c_str(), parent, name) < 0 ? errno : 0;
  } else if (code == EEXIST) {
    code = 0;
  }
  ::close(parent);
  return code;
}

int run_step(ChildContext& context, const runtime::StepSetSysctl& step) {
  const int root = root_of(context);
  if (root < 0) return -root;
  const int file = open_beneath_with_flags(root, step.path.c_str(), O_WRONLY | O_NOFOLLOW);
  if (file < 0) return -file;
  struct statfs about {};
  int code = 0;
  // A file of the image in the place of /proc would take the value and change nothing.
  if (::fstatfs(file, &about) < 0 || about.f_type != PROC_SUPER_MAGIC) {
    code = EINVAL;
  } else if (::write(file, step.value.data(), step.value.size()) < 0) {
    code = errno;
  }
  ::close(file);
  return code;
}

namespace {

/// A pty of the container's own devpts: its number is what the container sees below /dev/pts.
int open_pty_master(int root) {
  // /dev/ptmx is a link to pts/ptmx; an image may have put something else there.
  const int master = open_beneath_with_flags(root, "/dev/pts/ptmx", O_RDWR | O_NOCTTY);
  if (master < 0) return master;
  struct statfs about {};
  struct stat node {};
  if (::fstatfs(master, &about) < 0 || about.f_type != DEVPTS_SUPER_MAGIC || ::fstat(master, &node) < 0 ||
      node.st_rdev != makedev(5, 2)) {
    ::close(master);
    return -ENODEV;
  }
  int unlock = 0;
  if (::ioctl(master, TIOCSPTLCK, &unlock) < 0) {
    const int code = errno;
    ::close(master);
    return -code;
  }
  return master;
}

}  // namespace

int run_step(ChildContext& context, const runtime::StepSetupConsole& step) {
  const int root = root_of(context);
  if (root < 0) return -root;
  const int master = open_pty_master(root);
  if (master < 0) return -master;
  const int slave = ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (slave < 0) return errno;
  const runtime::ConsoleSize& wanted = context.setup->plan->console_size;
  winsize size{};
  size.ws_row = wanted.height;
  size.ws_col = wanted.width;
  if (wanted.height != 0 || wanted.width != 0) ::ioctl(slave, TIOCSWINSZ, &size);
  if (step.mount_console) {
    unsigned number = 0;
    char path[32];
    if (::ioctl(master, TIOCGPTN, &number) < 0) return errno;
    std::snprintf(path, sizeof(path), "/dev/pts/%u", number);
    const int source = open_beneath(root, path, Symlinks::refuse);
    if (source < 0) return -source;
    const int code = bind_over_file(root, ProcPath(source).text, "/dev/console");
    ::close(source);
    if (code != 0) return code;
  }
  // The process leads a session of its own since its start.
  if (::ioctl(slave, TIOCSCTTY, 0) < 0) return errno;
  for (int fd = 0; fd < 3; ++fd) ::dup2(slave, fd);
  send_news(context.setup->channel, ChildNews::console, 0, 0, master);
  ::close(master);
  if (slave > 2) ::close(slave);
  return 0;
}

}  // namespace drydock::native
