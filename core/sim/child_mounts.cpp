// mount(2), pivot_root(2), mount_setattr(2). Targets inside the container are opened beneath its root and mounted over
// by their descriptor's path, so that a link in the image cannot lead the mount elsewhere.
// Not modelled: overlays whose options do not fit into mount(2)'s page (natively fsopen(2) takes them one by one).

#include <algorithm>

#include "base/text.h"
#include "sim/beneath.h"
#include "sim/child.h"

namespace drydock::sim {

using machine::HostArgument;
using machine::StructReader;
using machine::StructWriter;

namespace {

constexpr std::uint64_t kReadOnly = 1, kRemount = 0x20, kBind = 0x1000, kRecursive = 0x4000, kSlave = 0x80000;
/// Flags that a mount of a less privileged mount namespace may not drop: MS_RDONLY, NOSUID, NODEV, NOEXEC, NOATIME,
/// NODIRATIME. mount_namespaces(7).
constexpr std::uint64_t kLockedFlags = 1 | 2 | 4 | 8 | 0x400 | 0x800;
constexpr int kDetach = 2;
constexpr int kAtRecursive = 0x8000;
constexpr int kCopyDepthMax = 128;
constexpr std::size_t kPieceBytes = 65536;

bool is_pseudo(const std::string& type) {
  return type == "proc" || type == "sysfs";
}

/// mount(2) takes null for what is not given.
HostArgument or_null(const std::string& text) {
  return text.empty() ? HostArgument::null() : HostArgument(text);
}

}  // namespace

/// statfs(2) reports flags by the values of mount(2), relatime apart.
std::uint64_t Child::present_flags(std::string_view path) const {
  std::string raw(120, '\0');
  if (!call(number::statfs, {path, HostArgument::room(raw)}).ok()) return 0;
  return StructReader(raw).u64(80) & kLockedFlags;
}

Result<void, Errno> Child::remount_bind(std::string_view path, std::uint64_t flags) const {
  flags |= kRemount | kBind;
  const Done done = call(number::mount, {"", path, HostArgument::null(), flags, HostArgument::null()});
  if (done.ok() || done.error() != Errno::eperm) return done;
  // In a user namespace the flags of the original mount are locked: keep them.
  return call(number::mount, {"", path, HostArgument::null(), flags | present_flags(path), HostArgument::null()});
}

Result<int, Errno> Child::root() {
  if (!root_) {
    const std::string path = pivoted_ || plan_.rootfs.empty() ? "/" : plan_.rootfs;
    root_ = TRY(owned(task_, task_.open(kHere, path, kOpenPath | kOpenDirectory)));
  }
  return root_.get();
}

Result<void, Errno> Child::mount_once(const runtime::StepMount& step, std::string_view target,
                                      const std::string& data) const {
  const Done done = call(number::mount, {step.source, target, or_null(step.type), step.flags, HostArgument(data)});
  if (done.ok() || !step.fallback_source) return done;
  if (done.error() != Errno::eperm && done.error() != Errno::ebusy) return done;
  return call(number::mount,
              {*step.fallback_source, target, HostArgument::null(), kBind | kRecursive, HostArgument::null()});
}

Result<void, Errno> Child::finish_mount(const runtime::StepMount& step, std::string_view path) const {
  if (step.remount_flags != 0) TRY(remount_bind(path, step.remount_flags));
  if (step.propagation != 0)
    TRY(call(number::mount, {"", path, HostArgument::null(), step.propagation, HostArgument::null()}));
  if (step.recursive_set == 0 && step.recursive_clear == 0) return {};
  const std::string attributes = StructWriter().u64(step.recursive_set).u64(step.recursive_clear).zeros(16).bytes();
  return call(number::mount_setattr,
              {kHere, path, kAtRecursive, HostArgument::bytes(std::string_view(attributes)), attributes.size()});
}

Result<void, Errno> Child::mount_root(const runtime::StepMount& step) {
  TRY(mount_once(step, plan_.rootfs, step.data));
  TRY(finish_mount(step, plan_.rootfs));
  root_.reset();  // the next one who asks sees the new mount
  return {};
}

Result<void, Errno> Child::mount_over(const runtime::StepMount& step, SimFd target) {
  const std::string path = descriptor_path(target.get());
  SimFd old;
  if (step.copy_up) old = TRY(owned(task_, task_.open(kHere, path, kOpenRead | kOpenDirectory)));
  std::string data = step.data;
  if (step.inherit_mode) {
    if (const auto about = task_.stat(target.get(), "", kAtEmptyPath); about.ok()) {
      std::string mode;
      for (int shift = 9; shift >= 0; shift -= 3) mode += static_cast<char>('0' + (about->mode >> shift & 7));
      data = concat("mode=", mode, data.empty() ? "" : ",", data);
    }
  }
  TRY(mount_once(step, path, data));
  // The descriptor still names what lies below the new mount: look it up again.
  const SimFd mounted = TRY(open_beneath(task_, root_.get(), step.target));
  TRY(finish_mount(step, descriptor_path(mounted.get())));
  if (!old) return {};
  const SimFd fresh = TRY(owned(task_, task_.open(kHere, descriptor_path(mounted.get()), kOpenRead | kOpenDirectory)));
  return copy_tree(old.get(), fresh.get(), 0);
}

Result<void, Errno> Child::run_step(const runtime::StepMount& step) {
  if (step.target == "/" && !pivoted_) return mount_root(step);
  const int at = TRY(root());
  const bool bind = (step.flags & kBind) != 0 && (step.flags & kRemount) == 0;
  Create kind = Create::directory;
  if (bind && TRY(task_.stat(kHere, step.source, 0)).type() != kTypeDirectory) kind = Create::file;
  SimFd target =
      TRY(step.create_target ? create_beneath(task_, at, step.target, kind) : open_beneath(task_, at, step.target));
  // Masked and read-only paths name what is below /proc and /sys: an image's link in their place would leave them bare.
  if (is_pseudo(step.type)) target = TRY(open_beneath(task_, at, step.target, kOpenPath, Links::refuse));
  return mount_over(step, std::move(target));
}

Result<void, Errno> Child::run_step(const runtime::StepSetPropagation& step) {
  std::string path = step.target;
  for (;;) {
    const Done done = call(number::mount, {"", path, HostArgument::null(), step.flags, HostArgument::null()});
    if (done.ok()) return {};
    if (done.error() != Errno::einval || pivoted_ || path == "/") return done.error();
    // Not a mount point: the one that holds it is further up.
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return Errno::einval;
    path.resize(slash == 0 ? 1 : slash);
  }
}

Result<void, Errno> Child::run_step(const runtime::StepPivotRoot& step) {
  const SimFd old_root = TRY(owned(task_, task_.open(kHere, "/", kOpenPath | kOpenDirectory)));
  // With both arguments the same, the old root lies over the new one, and needs no directory inside the image.
  TRY(call(number::chdir, {step.rootfs}));
  TRY(call(number::pivot_root, {".", "."}));
  TRY(call(number::fchdir, {old_root.get()}));
  // No unmount may reach the host through a shared mount.
  TRY(call(number::mount, {"", ".", HostArgument::null(), kSlave | kRecursive, HostArgument::null()}));
  // The old root is still mounted below: detach it, or the host's tree stays reachable.
  TRY(call(number::umount2, {".", kDetach}));
  TRY(call(number::chdir, {"/"}));
  root_.reset();
  pivoted_ = true;
  return {};
}

Result<void, Errno> Child::run_step(const runtime::StepRemountRootReadonly&) {
  return remount_bind("/", kReadOnly | present_flags("/"));
}

Result<void, Errno> Child::run_step(const runtime::StepMaskPath& step) {
  const int at = TRY(root());
  const auto target = open_beneath(task_, at, step.path);
  if (!target.ok() && (target.error() == Errno::enoent || target.error() == Errno::enotdir)) return {};
  if (!target.ok()) return target.error();
  const std::string path = descriptor_path(target->get());
  if (TRY(task_.stat(target->get(), "", kAtEmptyPath)).type() == kTypeDirectory)
    return call(number::mount, {"tmpfs", path, "tmpfs", kReadOnly, ""});
  // Only the real null device hides anything: an image's file of that name would show its content instead.
  const SimFd null = TRY(open_beneath(task_, at, "/dev/null", kOpenPath, Links::refuse));
  const StatRecord about = TRY(task_.stat(null.get(), "", kAtEmptyPath));
  if (about.type() != kTypeCharacterDevice || about.rdev_major != 1 || about.rdev_minor != 3) return Errno::enodev;
  return call(number::mount, {descriptor_path(null.get()), path, HostArgument::null(), kBind, HostArgument::null()});
}

Result<void, Errno> Child::run_step(const runtime::StepReadonlyPath& step) {
  const int at = TRY(root());
  auto target = open_beneath(task_, at, step.path);
  if (!target.ok() && (target.error() == Errno::enoent || target.error() == Errno::enotdir)) return {};
  if (!target.ok()) return target.error();
  const std::string path = descriptor_path(target->get());
  const std::uint64_t flags = present_flags(path);
  TRY(call(number::mount, {path, path, HostArgument::null(), kBind | kRecursive, HostArgument::null()}));
  const SimFd mounted = TRY(open_beneath(task_, at, step.path));
  return remount_bind(descriptor_path(mounted.get()), kReadOnly | kRecursive | flags);
}

/// The tmpfs option "tmpcopyup": what the image has at the mount's place is copied into it. Devices, sockets and pipes
/// mean nothing in a fresh tmpfs.
Result<void, Errno> Child::copy_tree(int from, int to, int depth) const {
  if (depth > kCopyDepthMax) return Errno::eloop;
  for (const std::string& name : TRY(task_.names(from))) TRY(copy_entry(from, to, name, depth));
  return {};
}

Result<void, Errno> Child::copy_entry(int from, int to, const std::string& name, int depth) const {
  const StatRecord about = TRY(task_.stat(from, name, kAtNoFollow));
  if (about.type() == kTypeLink) {
    TRY(call(number::symlinkat, {TRY(task_.read_link(from, name)), to, name}));
  } else if (about.type() == kTypeDirectory) {
    TRY(call(number::mkdirat, {to, name, 0700}));
    const std::uint32_t flags = kOpenRead | kOpenDirectory | kOpenNoFollow;
    const SimFd source = TRY(owned(task_, task_.open(from, name, flags)));
    const SimFd target = TRY(owned(task_, task_.open(to, name, flags)));
    TRY(copy_tree(source.get(), target.get(), depth + 1));
  } else if (about.type() == kTypeRegular) {
    const SimFd source = TRY(owned(task_, task_.open(from, name, kOpenRead | kOpenNoFollow)));
    const SimFd target =
        TRY(owned(task_, task_.open(to, name, kOpenWrite | kOpenCreate | kOpenExclusive | kOpenNoFollow, 0600)));
    for (;;) {
      const std::string piece = TRY(task_.read_all(source.get(), kPieceBytes));
      if (piece.empty()) break;
      TRY(task_.write_all(target.get(), piece));
    }
  } else {
    return {};
  }
  TRY(call(number::fchownat, {to, name, about.uid, about.gid, kAtNoFollow}));
  if (about.type() == kTypeLink) return {};
  return call(number::fchmodat, {to, name, about.mode & 07777});
}

}  // namespace drydock::sim
