// stat(2), statx(2), access(2), chmod(2), chown(2), utimensat(2), statfs(2). Extended attributes: sys_xattr.cpp.

#include <limits>

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/syscalls/families.h"
#include "machine/syscalls/xattr_calls.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/operations.h"

namespace drydock::machine {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::uint32_t kIdStays = ~std::uint32_t{0};

Result<Path, Errno> place_of(const Call& call, int dirfd, int path_at, std::uint32_t flags) {
  WalkOptions options;
  options.follow_last = (flags & abi::at_symlink_nofollow) == 0;
  options.empty_path = (flags & abi::at_empty_path) != 0;
  // Since Linux 6.11 a null path is as good as an empty one.
  if (options.empty_path && call.address(path_at) == 0) return walk(call, dirfd, "", options);
  return walk(call, dirfd, TRY(call.path(path_at)), options);
}
Result<Path, Errno> place_of_fd(const Call& call, int fd, bool path_only_too) {
  const FileId id = TRY(file_of(call, fd));
  if (!path_only_too && (call.kernel.files[id].flags & abi::o_path) != 0) return Errno::ebadf;
  return path_of_file(call.kernel, id);
}

std::uint64_t seconds_of(std::int64_t ns) {
  const std::int64_t seconds = ns / kSecondNs - (ns % kSecondNs < 0 ? 1 : 0);
  return static_cast<std::uint64_t>(seconds);
}
std::uint64_t nanoseconds_of(std::int64_t ns) {
  const std::int64_t rest = ns % kSecondNs;
  return static_cast<std::uint64_t>(rest < 0 ? rest + kSecondNs : rest);
}

Outcome put_stat(const Call& call, const Path& place, std::uint64_t address) {
  Inode& inode = inode_of(call, place);
  const Attributes all = TRY(inode.attributes(call));
  const std::uint64_t rdev = (std::uint64_t{all.rdev_major} & 0xfff) << 8 | (all.rdev_minor & 0xff) |
                             (std::uint64_t{all.rdev_minor} & 0xfff00) << 12;
  StructWriter out;
  out.u64(device_of(call.kernel, inode)).u64(inode.number).u64(all.links).u32(all.mode);
  out.u32(uid_shown(call, all.uid)).u32(gid_shown(call, all.gid)).u32(0).u64(rdev);
  out.u64(all.size).u64(all.block_size).u64(all.blocks);
  for (const std::int64_t time : {all.atime_ns, all.mtime_ns, all.ctime_ns})
    out.u64(seconds_of(time)).u64(nanoseconds_of(time));
  out.zeros(24);
  TRY(call.copy_out(address, out.span()));
  return done();
}

Outcome sys_stat(const Call& call) {
  return put_stat(call, TRY(place_of(call, kAtFdCwd, 0, 0)), call.address(1));
}
Outcome sys_lstat(const Call& call) {
  return put_stat(call, TRY(place_of(call, kAtFdCwd, 0, abi::at_symlink_nofollow)), call.address(1));
}
Outcome sys_fstat(const Call& call) {
  return put_stat(call, TRY(place_of_fd(call, call.fd(0), true)), call.address(1));
}
Outcome sys_newfstatat(const Call& call) {
  const std::uint32_t flags = call.u32(3);
  if ((flags & ~(abi::at_symlink_nofollow | abi::at_empty_path | abi::at_no_automount)) != 0) return Errno::einval;
  return put_stat(call, TRY(place_of(call, call.fd(0), 1, flags)), call.address(2));
}

Outcome sys_statx(const Call& call) {
  constexpr std::uint32_t kBasicAndBirth = 0xfff, kMountId = 0x1000, kReserved = 0x80000000;
  constexpr std::uint64_t kAttributeMountRoot = 0x2000;
  const std::uint32_t flags = call.u32(2), mask = call.u32(3);
  const std::uint32_t known =
      abi::at_symlink_nofollow | abi::at_empty_path | abi::at_no_automount | abi::at_statx_sync_type;
  if ((mask & kReserved) != 0 || (flags & ~known) != 0) return Errno::einval;
  if ((flags & abi::at_statx_sync_type) == abi::at_statx_sync_type) return Errno::einval;
  const Path place = TRY(place_of(call, call.fd(0), 1, flags));
  Inode& inode = inode_of(call, place);
  const Attributes all = TRY(inode.attributes(call));
  const bool has_birth = all.btime_ns != 0;
  const MountPoint* mount = std::as_const(call.kernel.mounts).find(place.mount);
  const bool mount_root = mount != nullptr && mount->root == place.dentry;
  StructWriter out;
  out.u32((kBasicAndBirth & ~(has_birth ? 0U : 0x800U)) | (mask & kMountId)).u32(all.block_size);
  out.u64(mount_root ? kAttributeMountRoot : 0).u32(all.links).u32(uid_shown(call, all.uid));
  out.u32(gid_shown(call, all.gid)).u16(static_cast<std::uint16_t>(all.mode)).u16(0);
  out.u64(inode.number).u64(all.size).u64(all.blocks).u64(kAttributeMountRoot);
  for (const std::int64_t time : {all.atime_ns, all.btime_ns, all.ctime_ns, all.mtime_ns})
    out.u64(seconds_of(time)).u32(static_cast<std::uint32_t>(nanoseconds_of(time))).u32(0);
  const std::uint64_t device = device_of(call.kernel, inode);
  out.u32(all.rdev_major).u32(all.rdev_minor).u32(static_cast<std::uint32_t>(device >> 8 & 0xfff));
  out.u32(static_cast<std::uint32_t>((device & 0xff) | (device >> 12 & 0xfff00)));
  out.u64(mount != nullptr ? mount->number : 0).zeros(256 - 152);
  TRY(call.copy_out(call.address(4), out.span()));
  return done();
}

/// access(2) asks for the real ids, which are put in the place of the file system's for a moment.
class RealIds {
 public:
  explicit RealIds(const Call& call) : call_(call), saved_(call.credentials()) {
    Credentials& own = call.self().credentials;
    own.fsuid = own.uid;
    own.fsgid = own.gid;
    const bool root = uid_into(call.kernel, own.user_namespace, own.uid) == std::uint32_t{0};
    own.effective = root ? own.permitted : 0;
  }
  ~RealIds() { call_.self().credentials = saved_; }
  RealIds(const RealIds&) = delete;
  RealIds& operator=(const RealIds&) = delete;

 private:
  const Call& call_;
  Credentials saved_;
};

Outcome check_access(const Call& call, int dirfd, int path_at, std::uint32_t mode, std::uint32_t flags) {
  if ((mode & ~7U) != 0) return Errno::einval;
  if ((flags & ~(abi::at_eaccess | abi::at_symlink_nofollow | abi::at_empty_path)) != 0) return Errno::einval;
  std::optional<RealIds> real;
  if ((flags & abi::at_eaccess) == 0) real.emplace(call);
  const Path place = TRY(place_of(call, dirfd, path_at, flags));
  const std::uint32_t kind = TRY(attributes_of(call, place)).mode;
  if ((mode & 1) != 0 && abi::is_regular(kind) && (mount_flags_of(call.kernel, place) & abi::ms_noexec) != 0)
    return Errno::eacces;
  TRY(permission(call, place, static_cast<int>(mode)));
  return done();
}
Outcome sys_access(const Call& call) {
  return check_access(call, kAtFdCwd, 0, call.u32(1), 0);
}
Outcome sys_faccessat(const Call& call) {
  return check_access(call, call.fd(0), 1, call.u32(2), 0);
}
Outcome sys_faccessat2(const Call& call) {
  return check_access(call, call.fd(0), 1, call.u32(2), call.u32(3));
}

Outcome set_mode(const Call& call, const Path& place, std::uint32_t mode) {
  TRY(change_mode(call, place, mode));
  return done();
}
Outcome sys_chmod(const Call& call) {
  return set_mode(call, TRY(place_of(call, kAtFdCwd, 0, 0)), call.u32(1));
}
Outcome sys_fchmod(const Call& call) {
  return set_mode(call, TRY(place_of_fd(call, call.fd(0), false)), call.u32(1));
}
Outcome sys_fchmodat(const Call& call) {
  return set_mode(call, TRY(place_of(call, call.fd(0), 1, 0)), call.u32(2));
}

Outcome set_owner(const Call& call, const Path& place, std::uint32_t uid, std::uint32_t gid) {
  const UserNamespaceId space = call.credentials().user_namespace;
  std::optional<std::uint32_t> kernel_uid, kernel_gid;
  if (uid != kIdStays && !(kernel_uid = uid_from(call.kernel, space, uid))) return Errno::einval;
  if (gid != kIdStays && !(kernel_gid = gid_from(call.kernel, space, gid))) return Errno::einval;
  TRY(change_owner(call, place, kernel_uid, kernel_gid));
  return done();
}
Outcome sys_chown(const Call& call) {
  return set_owner(call, TRY(place_of(call, kAtFdCwd, 0, 0)), call.u32(1), call.u32(2));
}
Outcome sys_lchown(const Call& call) {
  return set_owner(call, TRY(place_of(call, kAtFdCwd, 0, abi::at_symlink_nofollow)), call.u32(1), call.u32(2));
}
Outcome sys_fchown(const Call& call) {
  return set_owner(call, TRY(place_of_fd(call, call.fd(0), false)), call.u32(1), call.u32(2));
}
Outcome sys_fchownat(const Call& call) {
  if ((call.u32(4) & ~(abi::at_symlink_nofollow | abi::at_empty_path)) != 0) return Errno::einval;
  return set_owner(call, TRY(place_of(call, call.fd(0), 1, call.u32(4))), call.u32(2), call.u32(3));
}

struct NewTime {
  std::optional<std::int64_t> ns;  // nothing: stays
  bool now = false;
};

/// A time in seconds and parts; those whose nanoseconds do not fit 64 bits are cut as file systems cut them.
std::int64_t time_from(std::int64_t seconds, std::int64_t ns) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max() / kSecondNs - 1;
  return std::min(std::max(seconds, -kMax), kMax) * kSecondNs + ns;
}

Result<NewTime, Errno> load_timespec(const Call& call, std::uint64_t address) {
  constexpr std::int64_t kNow = 0x3fffffff, kOmit = 0x3ffffffe;
  const auto seconds = static_cast<std::int64_t>(TRY(call.load64(address)));
  const auto ns = static_cast<std::int64_t>(TRY(call.load64(address + 8)));
  if (ns == kNow) return NewTime{call.kernel.wall_ns(), true};
  if (ns == kOmit) return NewTime{};
  if (ns < 0 || ns >= kSecondNs) return Errno::einval;
  return NewTime{time_from(seconds, ns), false};
}

Outcome set_times(const Call& call, const Path& place, const NewTime& access, const NewTime& modification) {
  const bool both_now = access.now && modification.now;
  if (!access.ns && !modification.ns) return done();
  TRY(change_times(call, place, access.ns, modification.ns, both_now));
  return done();
}

Outcome sys_utimensat(const Call& call) {
  const std::uint64_t times = call.address(2);
  const std::uint32_t flags = call.u32(3);
  NewTime access{call.kernel.wall_ns(), true}, modification = access;
  if (times != 0) {
    access = TRY(load_timespec(call, times));
    modification = TRY(load_timespec(call, times + 16));
    if (!access.ns && !modification.ns) return done();  // not even the path is looked at
  }
  if (call.address(1) == 0 && call.fd(0) != kAtFdCwd) {
    if (flags != 0) return Errno::einval;
    return set_times(call, TRY(place_of_fd(call, call.fd(0), false)), access, modification);
  }
  if ((flags & ~(abi::at_symlink_nofollow | abi::at_empty_path)) != 0) return Errno::einval;
  return set_times(call, TRY(place_of(call, call.fd(0), 1, flags)), access, modification);
}

Outcome set_times_by_timeval(const Call& call, int dirfd, int path_at, std::uint64_t times) {
  NewTime access{call.kernel.wall_ns(), true}, modification = access;
  const auto load = [&](std::uint64_t address) -> Result<NewTime, Errno> {
    const auto seconds = static_cast<std::int64_t>(TRY(call.load64(address)));
    const auto us = static_cast<std::int64_t>(TRY(call.load64(address + 8)));
    if (us < 0 || us >= 1'000'000) return Errno::einval;
    return NewTime{time_from(seconds, us * 1000), false};
  };
  if (times != 0) {
    access = TRY(load(times));
    modification = TRY(load(times + 16));
  }
  return set_times(call, TRY(place_of(call, dirfd, path_at, 0)), access, modification);
}
Outcome sys_utimes(const Call& call) {
  return set_times_by_timeval(call, kAtFdCwd, 0, call.address(1));
}
Outcome sys_futimesat(const Call& call) {
  return set_times_by_timeval(call, call.fd(0), 1, call.address(2));
}
Outcome sys_utime(const Call& call) {
  NewTime access{call.kernel.wall_ns(), true}, modification = access;
  if (call.address(1) != 0) {
    access = {time_from(static_cast<std::int64_t>(TRY(call.load64(call.address(1)))), 0), false};
    modification = {time_from(static_cast<std::int64_t>(TRY(call.load64(call.address(1) + 8))), 0), false};
  }
  return set_times(call, TRY(place_of(call, kAtFdCwd, 0, 0)), access, modification);
}

Outcome put_statfs(const Call& call, const Path& place, std::uint64_t address) {
  const FileSystemUse use = TRY(use_of(call, place));
  const std::uint64_t mount = mount_flags_of(call.kernel, place);
  constexpr std::uint64_t kValid = 0x20;
  std::uint64_t flags = kValid | (want_write(call.kernel, place).ok() ? 0 : 1) | (mount & 0x0e);
  if ((mount & abi::ms_noatime) != 0) flags |= 0x400;
  if ((mount & abi::ms_nodiratime) != 0) flags |= 0x800;
  if ((mount & abi::ms_relatime) != 0) flags |= 0x1000;
  const std::uint64_t id = device_of(call.kernel, inode_of(call, place));
  StructWriter out;
  out.u64(use.magic).u64(use.block_size).u64(use.blocks).u64(use.blocks_free).u64(use.blocks_available);
  out.u64(use.files).u64(use.files_free).u64(id).u64(use.name_max).u64(use.block_size).u64(flags).zeros(32);
  TRY(call.copy_out(address, out.span()));
  return done();
}
Outcome sys_statfs(const Call& call) {
  return put_statfs(call, TRY(place_of(call, kAtFdCwd, 0, 0)), call.address(1));
}
Outcome sys_fstatfs(const Call& call) {
  return put_statfs(call, TRY(place_of_fd(call, call.fd(0), true)), call.address(1));
}

using enum Arg;
constexpr SyscallRow kRows[] = {
    {4, "stat", sys_stat, {path, stat_out, none, none, none, none}, "stat(2)", Support::full, ""},
    {5, "fstat", sys_fstat, {fd, stat_out, none, none, none, none}, "stat(2)", Support::full, ""},
    {6, "lstat", sys_lstat, {path, stat_out, none, none, none, none}, "stat(2)", Support::full, ""},
    {21, "access", sys_access, {path, access_mode, none, none, none, none}, "access(2)", Support::full, ""},
    {90, "chmod", sys_chmod, {path, octal_mode, none, none, none, none}, "chmod(2)", Support::full, ""},
    {91, "fchmod", sys_fchmod, {fd, octal_mode, none, none, none, none}, "chmod(2)", Support::full, ""},
    {92, "chown", sys_chown, {path, uid, gid, none, none, none}, "chown(2)", Support::full, ""},
    {93, "fchown", sys_fchown, {fd, uid, gid, none, none, none}, "chown(2)", Support::full, ""},
    {94, "lchown", sys_lchown, {path, uid, gid, none, none, none}, "chown(2)", Support::full, ""},
    {132, "utime", sys_utime, {path, address, none, none, none, none}, "utime(2)", Support::full, ""},
    {137, "statfs", sys_statfs, {path, address, none, none, none, none}, "statfs(2)", Support::full, ""},
    {138, "fstatfs", sys_fstatfs, {fd, address, none, none, none, none}, "statfs(2)", Support::full, ""},
    {188, "setxattr", sys_setxattr, {path, string, buffer_in, size, hex, none}, "setxattr(2)", Support::full, ""},
    {189, "lsetxattr", sys_lsetxattr, {path, string, buffer_in, size, hex, none}, "setxattr(2)", Support::full, ""},
    {190, "fsetxattr", sys_fsetxattr, {fd, string, buffer_in, size, hex, none}, "setxattr(2)", Support::full, ""},
    {191, "getxattr", sys_getxattr, {path, string, buffer_out, size, none, none}, "getxattr(2)", Support::full, ""},
    {192, "lgetxattr", sys_lgetxattr, {path, string, buffer_out, size, none, none}, "getxattr(2)", Support::full, ""},
    {193, "fgetxattr", sys_fgetxattr, {fd, string, buffer_out, size, none, none}, "getxattr(2)", Support::full, ""},
    {194, "listxattr", sys_listxattr, {path, buffer_out, size, none, none, none}, "listxattr(2)", Support::full, ""},
    {195, "llistxattr", sys_llistxattr, {path, buffer_out, size, none, none, none}, "listxattr(2)", Support::full, ""},
    {196, "flistxattr", sys_flistxattr, {fd, buffer_out, size, none, none, none}, "listxattr(2)", Support::full, ""},
    {197, "removexattr", sys_removexattr, {path, string, none, none, none, none}, "removexattr(2)", Support::full, ""},
    {198,
     "lremovexattr",
     sys_lremovexattr,
     {path, string, none, none, none, none},
     "removexattr(2)",
     Support::full,
     ""},
    {199, "fremovexattr", sys_fremovexattr, {fd, string, none, none, none, none}, "removexattr(2)", Support::full, ""},
    {235, "utimes", sys_utimes, {path, address, none, none, none, none}, "utimes(2)", Support::full, ""},
    {260, "fchownat", sys_fchownat, {dirfd, path, uid, gid, at_flags, none}, "chown(2)", Support::full, ""},
    {261, "futimesat", sys_futimesat, {dirfd, path, address, none, none, none}, "futimesat(2)", Support::full, ""},
    {262, "newfstatat", sys_newfstatat, {dirfd, path, stat_out, at_flags, none, none}, "stat(2)", Support::full, ""},
    {268, "fchmodat", sys_fchmodat, {dirfd, path, octal_mode, none, none, none}, "chmod(2)", Support::full, ""},
    {269, "faccessat", sys_faccessat, {dirfd, path, access_mode, none, none, none}, "access(2)", Support::full, ""},
    {280, "utimensat", sys_utimensat, {dirfd, path, address, at_flags, none, none}, "utimensat(2)", Support::full, ""},
    {332, "statx", sys_statx, {dirfd, path, at_flags, hex, address, none}, "statx(2)", Support::full, ""},
    {439,
     "faccessat2",
     sys_faccessat2,
     {dirfd, path, access_mode, at_flags, none, none},
     "access(2)",
     Support::full,
     ""},
};

}  // namespace

std::span<const SyscallRow> attribute_calls() {
  return kRows;
}

}  // namespace drydock::machine
