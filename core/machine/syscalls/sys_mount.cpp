// mount(2), umount2(2), pivot_root(2), mount_setattr(2).
// Not modelled: the new mount API (open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2), fspick(2)), quotas,
// swap: they have no handlers and answer ENOSYS.

#include "machine/abi/file.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/families.h"
#include "machine/vfs/mounts.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kMountDataMax = 4096;

/// mount(2)'s data is at most a page, and need not end with a NUL there.
Result<std::string, Errno> data_text(const Call& call, std::uint64_t address) {
  if (address == 0) return std::string();
  std::string bytes(call.readable_bytes(address, kMountDataMax), '\0');
  if (bytes.empty()) return Errno::efault;
  TRY(call.copy_in(address, bytes));
  return bytes.substr(0, bytes.find('\0'));
}

Result<std::string, Errno> optional_string(const Call& call, int n) {
  if (call.address(n) == 0) return std::string();
  return call.string(call.address(n), kPathBytesMax);
}

Outcome sys_mount(const Call& call) {
  const std::string type = TRY(optional_string(call, 2));
  const std::string source = TRY(optional_string(call, 0));
  const std::string data = TRY(data_text(call, call.address(4)));
  const std::uint64_t flags = call.u64(3);
  const std::string target = TRY(call.path(1));
  constexpr std::uint64_t kNoType = abi::ms_remount | abi::ms_bind | abi::ms_move | abi::ms_shared | abi::ms_private |
                                    abi::ms_slave | abi::ms_unbindable;
  if ((flags & kNoType) == 0 && type.empty()) {
    TRY(walk(call, kAtFdCwd, target));
    TRY(may_mount(call));
    return Errno::einval;
  }
  TRY(mount_at(call, source, target, type, flags, data));
  return done();
}

Outcome sys_umount2(const Call& call) {
  const std::uint32_t flags = call.u32(1);
  if ((flags & ~(abi::mnt_force | abi::mnt_detach | abi::mnt_expire | abi::umount_nofollow)) != 0) return Errno::einval;
  WalkOptions options;
  options.follow_last = (flags & abi::umount_nofollow) == 0;
  const Path at = TRY(walk(call, kAtFdCwd, TRY(call.path(0)), options));
  TRY(unmount(call, at, flags));
  return done();
}

Outcome sys_pivot_root(const Call& call) {
  TRY(may_mount(call));
  WalkOptions directory;
  const Path new_root = TRY(walk(call, kAtFdCwd, TRY(call.path(0)), directory));
  const Path put_old = TRY(walk(call, kAtFdCwd, TRY(call.path(1)), directory));
  for (const Path& place : {new_root, put_old}) {
    const auto& dentry = std::as_const(call.kernel.dentries)[place.dentry];
    if (!abi::is_directory(TRY(call.kernel.inodes[dentry.inode].attributes(call)).mode)) return Errno::enotdir;
  }
  TRY(pivot_root(call, new_root, put_old));
  return done();
}

/// MOUNT_ATTR_* to the MS_* that a mount keeps. EINVAL for those that are not known.
Result<std::uint64_t, Errno> mount_flags_from(std::uint64_t attributes) {
  constexpr std::uint64_t kRdonly = 1, kNosuid = 2, kNodev = 4, kNoexec = 8, kAtime = 0x70, kNoatime = 0x10,
                          kStrictatime = 0x20, kNodiratime = 0x80, kNosymfollow = 0x200000;
  if ((attributes & ~(kRdonly | kNosuid | kNodev | kNoexec | kAtime | kNodiratime | kNosymfollow)) != 0)
    return Errno::einval;
  std::uint64_t flags = attributes & 0xf;
  if ((attributes & kNodiratime) != 0) flags |= abi::ms_nodiratime;
  if ((attributes & kNosymfollow) != 0) flags |= abi::ms_nosymfollow;
  if ((attributes & kAtime) == kNoatime) flags |= abi::ms_noatime;
  if ((attributes & kAtime) != kNoatime && (attributes & kAtime) != kStrictatime) flags |= abi::ms_relatime;
  return flags;
}

Outcome sys_mount_setattr(const Call& call) {
  constexpr std::uint64_t kAtime = 0x70, kIdmap = 0x100000;
  const std::uint32_t flags = call.u32(2);
  const std::uint32_t known = abi::at_empty_path | abi::at_recursive | abi::at_symlink_nofollow | abi::at_no_automount;
  if ((flags & ~known) != 0) return Errno::einval;
  if (call.u64(4) < 32) return Errno::einval;
  if (call.u64(4) > 4096) return Errno::e2big;
  TRY(may_mount(call));
  std::string bytes(32, '\0');
  TRY(call.copy_in(call.address(3), bytes));
  const StructReader raw(std::move(bytes));
  const std::uint64_t set = raw.u64(0), clear = raw.u64(8), propagation = raw.u64(16);
  if (((set | clear) & kIdmap) != 0) {
    note_unimplemented(call.kernel, call.task, "mount_setattr MOUNT_ATTR_IDMAP");
    return Errno::einval;
  }
  if ((set & kAtime) != 0 && (clear & kAtime) != kAtime) return Errno::einval;
  if ((clear & kAtime) != 0 && (clear & kAtime) != kAtime) return Errno::einval;
  MountAttributes change;
  const std::uint64_t times = abi::ms_noatime | abi::ms_relatime;
  const bool changes_atime = (clear & kAtime) != 0;
  change.set = TRY(mount_flags_from(set)) & ~(changes_atime ? 0 : times);
  change.clear = (TRY(mount_flags_from(clear & ~kAtime)) & ~times) | (changes_atime ? times : 0);
  change.propagation = propagation;
  const std::uint64_t kinds = abi::ms_shared | abi::ms_private | abi::ms_slave | abi::ms_unbindable;
  if ((propagation & ~kinds) != 0 || (propagation & (propagation - 1)) != 0) return Errno::einval;
  if (set == 0 && clear == 0 && propagation == 0) return done();
  WalkOptions options;
  options.follow_last = (flags & abi::at_symlink_nofollow) == 0;
  options.empty_path = (flags & abi::at_empty_path) != 0;
  const Path at = TRY(walk(call, call.fd(0), TRY(call.path(1)), options));
  TRY(change_mount_attributes(call, at, change, (flags & abi::at_recursive) != 0));
  return done();
}

using enum Arg;
constexpr SyscallRow kRows[] = {
    {155, "pivot_root", sys_pivot_root, {path, path, none, none, none, none}, "pivot_root(2)", Support::full, ""},
    {165,
     "mount",
     sys_mount,
     {string, path, string, mount_flags, string, none},
     "mount(2)",
     Support::partial,
     "the file systems of /proc/filesystems"},
    {166, "umount2", sys_umount2, {path, umount_flags, none, none, none, none}, "umount(2)", Support::full, ""},
    {428, "open_tree", nullptr, {dirfd, path, hex, none, none, none}, "open_tree(2)", Support::none, ""},
    {429, "move_mount", nullptr, {dirfd, path, dirfd, path, hex, none}, "move_mount(2)", Support::none, ""},
    {430, "fsopen", nullptr, {string, hex, none, none, none, none}, "fsopen(2)", Support::none, ""},
    {431, "fsconfig", nullptr, {fd, u32, string, address, i32, none}, "fsconfig(2)", Support::none, ""},
    {432, "fsmount", nullptr, {fd, hex, hex, none, none, none}, "fsmount(2)", Support::none, ""},
    {433, "fspick", nullptr, {dirfd, path, hex, none, none, none}, "fspick(2)", Support::none, ""},
    {442,
     "mount_setattr",
     sys_mount_setattr,
     {dirfd, path, hex, address, size, none},
     "mount_setattr(2)",
     Support::partial,
     "no MOUNT_ATTR_IDMAP"},
};

}  // namespace

std::span<const SyscallRow> mount_calls() {
  return kRows;
}

}  // namespace drydock::machine
