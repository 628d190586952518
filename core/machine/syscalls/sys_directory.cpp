// mkdir(2), rmdir(2), unlink(2), rename(2), link(2), symlink(2), mknod(2), getdents(2), getcwd(2), chdir(2), chroot(2),
// umask(2), readlink(2).

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/fs/dev/device.h"
#include "machine/kernel/capabilities.h"
#include "machine/syscalls/families.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/operations.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kDirectoryItemsAtOnce = 512;

Outcome create_node(const Call& call, int dirfd, const std::string& path, NewNode node) {
  TRY(make_node(call, dirfd, path, std::move(node)));
  return done();
}

NewNode directory_node(std::uint32_t mode) {
  NewNode node;
  node.mode = abi::s_ifdir | (mode & 07777);
  return node;
}
Outcome sys_mkdir(const Call& call) {
  return create_node(call, kAtFdCwd, TRY(call.path(0)), directory_node(call.u32(1)));
}
Outcome sys_mkdirat(const Call& call) {
  return create_node(call, call.fd(0), TRY(call.path(1)), directory_node(call.u32(2)));
}

Outcome make_special(const Call& call, int dirfd, int path_at, std::uint32_t mode, std::uint64_t device) {
  NewNode node;
  const std::uint32_t type = (mode & abi::s_ifmt) == 0 ? abi::s_ifreg : mode & abi::s_ifmt;
  node.mode = type | (mode & 07777);
  switch (type) {
    case abi::s_ifreg:
    case abi::s_ififo:
    case abi::s_ifsock:
      break;
    case abi::s_ifchr:
    case abi::s_ifblk:
      node.rdev_major = static_cast<std::uint32_t>(device >> 8 & 0xfff);
      node.rdev_minor = static_cast<std::uint32_t>((device & 0xff) | (device >> 12 & 0xfff00));
      break;
    case abi::s_ifdir:
      return Errno::eperm;
    default:
      return Errno::einval;
  }
  const std::string path = TRY(call.path(path_at));
  if (abi::is_device(type)) {
    const bool whiteout = type == abi::s_ifchr && node.rdev_major == 0 && node.rdev_minor == 0;
    if (!whiteout && !capable(call, cap::mknod)) return Errno::eperm;
    if (!whiteout) TRY(may_make_device(call, type, node.rdev_major, node.rdev_minor));
  }
  return create_node(call, dirfd, path, std::move(node));
}
Outcome sys_mknod(const Call& call) {
  return make_special(call, kAtFdCwd, 0, call.u32(1) & 0xffff, call.u32(2));
}
Outcome sys_mknodat(const Call& call) {
  return make_special(call, call.fd(0), 1, call.u32(2) & 0xffff, call.u32(3));
}

Outcome make_symlink(const Call& call, int target_at, int dirfd, int path_at) {
  NewNode node;
  node.mode = abi::s_iflnk | 0777;
  node.link_target = TRY(call.path(target_at));
  if (node.link_target.empty()) return Errno::enoent;
  return create_node(call, dirfd, TRY(call.path(path_at)), std::move(node));
}
Outcome sys_symlink(const Call& call) {
  return make_symlink(call, 0, kAtFdCwd, 1);
}
Outcome sys_symlinkat(const Call& call) {
  return make_symlink(call, 0, call.fd(1), 2);
}

Outcome hard_link(const Call& call, int from_dirfd, int from_at, int to_dirfd, int to_at, std::uint32_t flags) {
  if ((flags & ~(abi::at_symlink_follow | abi::at_empty_path)) != 0) return Errno::einval;
  WalkOptions options;
  options.follow_last = (flags & abi::at_symlink_follow) != 0;
  options.empty_path = (flags & abi::at_empty_path) != 0;
  const std::string from = TRY(call.path(from_at));
  if (from.empty() && options.empty_path && !capable(call, cap::dac_read_search)) return Errno::enoent;
  const Path existing = TRY(walk(call, from_dirfd, from, options));
  TRY(make_link(call, existing, to_dirfd, TRY(call.path(to_at))));
  return done();
}
Outcome sys_link(const Call& call) {
  return hard_link(call, kAtFdCwd, 0, kAtFdCwd, 1, 0);
}
Outcome sys_linkat(const Call& call) {
  return hard_link(call, call.fd(0), 1, call.fd(2), 3, call.u32(4));
}

Outcome sys_unlink(const Call& call) {
  TRY(remove_file(call, kAtFdCwd, TRY(call.path(0))));
  return done();
}
Outcome sys_rmdir(const Call& call) {
  TRY(remove_directory(call, kAtFdCwd, TRY(call.path(0))));
  return done();
}
Outcome sys_unlinkat(const Call& call) {
  if ((call.u32(2) & ~abi::at_removedir) != 0) return Errno::einval;
  const std::string path = TRY(call.path(1));
  if ((call.u32(2) & abi::at_removedir) != 0)
    TRY(remove_directory(call, call.fd(0), path));
  else
    TRY(remove_file(call, call.fd(0), path));
  return done();
}

Outcome move_name(const Call& call, int from_dirfd, int from_at, int to_dirfd, int to_at, std::uint32_t flags) {
  const std::string from = TRY(call.path(from_at));
  const std::string to = TRY(call.path(to_at));
  if ((flags & abi::rename_whiteout) != 0 && !capable(call, cap::mknod)) return Errno::eperm;
  TRY(rename_at(call, from_dirfd, from, to_dirfd, to, flags));
  return done();
}
Outcome sys_rename(const Call& call) {
  return move_name(call, kAtFdCwd, 0, kAtFdCwd, 1, 0);
}
Outcome sys_renameat(const Call& call) {
  return move_name(call, call.fd(0), 1, call.fd(2), 3, 0);
}
Outcome sys_renameat2(const Call& call) {
  return move_name(call, call.fd(0), 1, call.fd(2), 3, call.u32(4));
}

/// linux_dirent64 and linux_dirent: the same but for the place of d_type, which ends the older one.
std::string directory_record(const DirectoryItem& item, bool with_type_first) {
  const std::size_t head = with_type_first ? 19 : 18;
  const std::size_t used = head + item.name.size() + (with_type_first ? 1 : 2);
  const std::size_t length = (used + 7) & ~std::size_t{7};
  StructWriter record;
  record.u64(item.inode_number).u64(item.next_cookie).u16(static_cast<std::uint16_t>(length));
  if (with_type_first) record.u8(item.type);
  std::string bytes = record.bytes() + item.name;
  bytes.resize(length, '\0');
  if (!with_type_first) bytes.back() = static_cast<char>(item.type);
  return bytes;
}

Outcome read_directory(const Call& call, bool with_type_first) {
  File& file = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  if ((file.flags & abi::o_path) != 0) return Errno::ebadf;
  if (!file.path || !abi::is_directory(TRY(attributes_of(call, file.path)).mode)) return Errno::enotdir;
  const std::uint64_t room = std::min<std::uint64_t>(call.u32(2), kIoChunkBytes);
  std::string bytes;
  std::uint64_t position = file.position;
  for (bool full = false; !full;) {
    const auto items = TRY(list_directory(call, file.path, position, kDirectoryItemsAtOnce));
    if (items.empty()) break;
    for (const DirectoryItem& item : items) {
      const std::string record = directory_record(item, with_type_first);
      if (bytes.size() + record.size() > room) {
        full = true;
        break;
      }
      bytes += record;
      position = item.next_cookie;
    }
    if (full && bytes.empty()) return Errno::einval;  // not even one fits
  }
  TRY(call.copy_out(call.address(1), bytes));
  File& again = call.kernel.files[TRY(file_of(call, call.fd(0)))];
  again.position = position;
  touch_on_read(call, again.path, inode_of(call, again.path), again.flags);
  return static_cast<std::int64_t>(bytes.size());
}
Outcome sys_getdents64(const Call& call) {
  return read_directory(call, true);
}
Outcome sys_getdents(const Call& call) {
  return read_directory(call, false);
}

FsContext& context_of(const Call& call) {
  return call.kernel.fs_contexts[call.self().fs];
}

Outcome sys_getcwd(const Call& call) {
  const FsContext& context = context_of(call);
  if (call.kernel.dentries[context.cwd.dentry].unlinked) return Errno::enoent;
  std::string text = path_text(call.kernel, context.cwd, context.root);
  text.push_back('\0');
  if (text.size() > kPathBytesMax) return Errno::enametoolong;
  if (text.size() > call.u64(1)) return Errno::erange;
  TRY(call.copy_out(call.address(0), text));
  return static_cast<std::int64_t>(text.size());
}

/// A directory that the caller may be in.
Result<void, Errno> may_enter(const Call& call, const Path& place) {
  Inode& inode = inode_of(call, place);
  if (!abi::is_directory(TRY(inode.attributes(call)).mode)) return Errno::enotdir;
  return inode_permission(call, inode, abi::may_exec);
}

Outcome sys_chdir(const Call& call) {
  const Path place = TRY(walk(call, kAtFdCwd, TRY(call.path(0))));
  TRY(may_enter(call, place));
  context_of(call).cwd = place;
  return done();
}
Outcome sys_fchdir(const Call& call) {
  const Path place = path_of_file(call.kernel, TRY(file_of(call, call.fd(0))));
  TRY(may_enter(call, place));
  context_of(call).cwd = place;
  return done();
}
Outcome sys_chroot(const Call& call) {
  const Path place = TRY(walk(call, kAtFdCwd, TRY(call.path(0))));
  TRY(may_enter(call, place));
  if (!own_capable(call, cap::sys_chroot)) return Errno::eperm;
  context_of(call).root = place;
  return done();
}
Outcome sys_umask(const Call& call) {
  const std::uint32_t before = context_of(call).umask;
  context_of(call).umask = call.u32(0) & 0777;
  return std::int64_t{before};
}

Outcome read_link(const Call& call, int dirfd, int path_at, std::uint64_t buffer, std::uint64_t room) {
  if (static_cast<std::int32_t>(room) <= 0) return Errno::einval;
  const std::string path = TRY(call.path(path_at));
  WalkOptions options;
  options.follow_last = false;
  options.empty_path = true;
  if (path.empty() && dirfd == kAtFdCwd) return Errno::enoent;
  const Path place = TRY(walk(call, dirfd, path, options));
  Inode& inode = inode_of(call, place);
  if (!abi::is_symlink(TRY(inode.attributes(call)).mode)) return path.empty() ? Errno::enoent : Errno::einval;
  const std::string text = TRY(inode.readlink(call));
  touch_on_read(call, place, inode, 0);
  const std::size_t count = std::min<std::size_t>(text.size(), static_cast<std::size_t>(room & 0x7fffffff));
  TRY(call.copy_out(buffer, std::span<const char>(text).first(count)));
  return static_cast<std::int64_t>(count);
}
Outcome sys_readlink(const Call& call) {
  return read_link(call, kAtFdCwd, 0, call.address(1), call.u64(2));
}
Outcome sys_readlinkat(const Call& call) {
  return read_link(call, call.fd(0), 1, call.address(2), call.u64(3));
}

using enum Arg;
constexpr SyscallRow kRows[] = {
    {78, "getdents", sys_getdents, {fd, dirents, u32, none, none, none}, "getdents(2)", Support::full, ""},
    {79, "getcwd", sys_getcwd, {buffer_out, size, none, none, none, none}, "getcwd(2)", Support::full, ""},
    {80, "chdir", sys_chdir, {path, none, none, none, none, none}, "chdir(2)", Support::full, ""},
    {81, "fchdir", sys_fchdir, {fd, none, none, none, none, none}, "chdir(2)", Support::full, ""},
    {82, "rename", sys_rename, {path, path, none, none, none, none}, "rename(2)", Support::full, ""},
    {83, "mkdir", sys_mkdir, {path, octal_mode, none, none, none, none}, "mkdir(2)", Support::full, ""},
    {84, "rmdir", sys_rmdir, {path, none, none, none, none, none}, "rmdir(2)", Support::full, ""},
    {86, "link", sys_link, {path, path, none, none, none, none}, "link(2)", Support::full, ""},
    {87, "unlink", sys_unlink, {path, none, none, none, none, none}, "unlink(2)", Support::full, ""},
    {88, "symlink", sys_symlink, {path, path, none, none, none, none}, "symlink(2)", Support::full, ""},
    {89, "readlink", sys_readlink, {path, buffer_out, size, none, none, none}, "readlink(2)", Support::full, ""},
    {95, "umask", sys_umask, {octal_mode, none, none, none, none, none}, "umask(2)", Support::full, ""},
    {133, "mknod", sys_mknod, {path, octal_mode, dev, none, none, none}, "mknod(2)", Support::full, ""},
    {161, "chroot", sys_chroot, {path, none, none, none, none, none}, "chroot(2)", Support::full, ""},
    {217, "getdents64", sys_getdents64, {fd, dirents, u32, none, none, none}, "getdents(2)", Support::full, ""},
    {258, "mkdirat", sys_mkdirat, {dirfd, path, octal_mode, none, none, none}, "mkdir(2)", Support::full, ""},
    {259, "mknodat", sys_mknodat, {dirfd, path, octal_mode, dev, none, none}, "mknod(2)", Support::full, ""},
    {263, "unlinkat", sys_unlinkat, {dirfd, path, at_flags, none, none, none}, "unlink(2)", Support::full, ""},
    {264, "renameat", sys_renameat, {dirfd, path, dirfd, path, none, none}, "rename(2)", Support::full, ""},
    {265, "linkat", sys_linkat, {dirfd, path, dirfd, path, at_flags, none}, "link(2)", Support::full, ""},
    {266, "symlinkat", sys_symlinkat, {path, dirfd, path, none, none, none}, "symlink(2)", Support::full, ""},
    {267, "readlinkat", sys_readlinkat, {dirfd, path, buffer_out, size, none, none}, "readlink(2)", Support::full, ""},
    {316, "renameat2", sys_renameat2, {dirfd, path, dirfd, path, hex, none}, "rename(2)", Support::full, ""},
};

}  // namespace

std::span<const SyscallRow> directory_calls() {
  return kRows;
}

}  // namespace drydock::machine
