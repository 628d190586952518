// chmod(2), chown(2), utimensat(2), truncate(2), xattr(7), statfs(2), and what getdents(2) lists.

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/send_signal.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/operations.h"
#include "machine/vfs/regular_file.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kAnonymousFsMagic = 0x50495045;  // PIPEFS_MAGIC

Result<void, Errno> check_xattr(const Caller& caller, const Path& place, std::string_view name, bool write) {
  if (name == "user." || name == "trusted." || name == "security.") return Errno::einval;
  if (write) TRY(want_write(caller.kernel, place));
  Inode& inode = inode_of(caller, place);
  const Attributes attributes = TRY(inode.attributes(caller));
  if (name.starts_with("security.")) {
    if (write && !capable(caller, cap::sys_admin)) return Errno::eperm;
    return {};
  }
  if (name.starts_with("trusted.")) {
    if (capable(caller, cap::sys_admin)) return {};
    return write ? Errno::eperm : Errno::enodata;
  }
  if (name.starts_with("user.")) {
    // Device nodes and links are not their writers' to hang things on.
    if (!abi::is_regular(attributes.mode) && !abi::is_directory(attributes.mode))
      return write ? Errno::eperm : Errno::enodata;
    if (abi::is_directory(attributes.mode) && (attributes.mode & abi::s_isvtx) != 0 && write &&
        !owns(caller, attributes))
      return Errno::eperm;
  }
  return inode_permission(caller, inode, write ? abi::may_write : abi::may_read);
}

}  // namespace

Result<Attributes, Errno> attributes_of(const Caller& caller, const Path& place) {
  return inode_of(caller, place).attributes(caller);
}

std::uint64_t device_of(const Kernel& kernel, const Inode& inode) {
  if (const auto own = inode.own_device(kernel)) return *own;
  const Superblock* superblock = kernel.superblocks.find(inode.superblock);
  return superblock != nullptr ? superblock->device : 12;  // pipes and sockets: one nameless device for all here
}

Result<void, Errno> change_mode(const Caller& caller, const Path& place, std::uint32_t permissions) {
  TRY(want_write(caller.kernel, place));
  Inode& inode = inode_of(caller, place);
  const Attributes attributes = TRY(inode.attributes(caller));
  if (abi::is_symlink(attributes.mode)) return Errno::eopnotsupp;
  if (!owns(caller, attributes)) return Errno::eperm;
  AttributeChange change;
  change.permissions = permissions & 07777;
  if (!in_group(caller.credentials(), attributes.gid) && !has_capability_over(caller, abi::cap_fsetid, attributes))
    *change.permissions &= ~abi::s_isgid;
  return inode.change(caller, change);
}

Result<void, Errno> change_owner(const Caller& caller, const Path& place, std::optional<std::uint32_t> uid,
                                 std::optional<std::uint32_t> gid) {
  TRY(want_write(caller.kernel, place));
  Inode& inode = inode_of(caller, place);
  const Attributes attributes = TRY(inode.attributes(caller));
  const Credentials& who = caller.credentials();
  const bool is_owner = who.fsuid == attributes.uid;
  const bool may_chown = has_capability_over(caller, abi::cap_chown, attributes);
  if (uid && !(is_owner && *uid == attributes.uid) && !may_chown) return Errno::eperm;
  if (gid && !(is_owner && (*gid == attributes.gid || in_group(who, *gid))) && !may_chown) return Errno::eperm;
  AttributeChange change;
  change.uid = uid;
  change.gid = gid;
  if (!abi::is_directory(attributes.mode)) change.permissions = without_privilege_bits(attributes);
  return inode.change(caller, change);
}

Result<void, Errno> change_times(const Caller& caller, const Path& place, std::optional<std::int64_t> atime_ns,
                                 std::optional<std::int64_t> mtime_ns, bool to_now) {
  TRY(want_write(caller.kernel, place));
  Inode& inode = inode_of(caller, place);
  const Attributes attributes = TRY(inode.attributes(caller));
  if (!owns(caller, attributes)) {
    if (!to_now) return Errno::eperm;
    TRY(inode_permission(caller, inode, abi::may_write));
  }
  AttributeChange change;
  change.atime_ns = atime_ns;
  change.mtime_ns = mtime_ns;
  return inode.change(caller, change);
}

Result<void, Errno> truncate_inode(const Caller& caller, Inode& inode, std::uint64_t size) {
  const std::uint64_t limit = caller.kernel.processes[caller.self().process].limits[kRlimitFileSize].soft;
  const Attributes attributes = TRY(inode.attributes(caller));
  if (size > attributes.size && size > limit) {
    (void)send_signal_to_task(caller.kernel, caller.task, kernel_signal(sig_xfsz));
    return Errno::efbig;
  }
  if (size > std::uint64_t{1} << 47) return Errno::efbig;
  TRY(drop_privilege_bits(caller, inode));
  AttributeChange change;
  change.size = size;
  return inode.change(caller, change);
}

Result<void, Errno> truncate_place(const Caller& caller, const Path& place, std::uint64_t size) {
  Inode& inode = inode_of(caller, place);
  const std::uint32_t mode = TRY(inode.attributes(caller)).mode;
  if (abi::is_directory(mode)) return Errno::eisdir;
  if (!abi::is_regular(mode)) return Errno::einval;
  TRY(want_write(caller.kernel, place));
  TRY(inode_permission(caller, inode, abi::may_write));
  if (inode.executors > 0) return Errno::etxtbsy;
  return truncate_inode(caller, inode, size);
}

Result<std::string, Errno> read_xattr(const Caller& caller, const Path& place, std::string_view name) {
  TRY(check_xattr(caller, place, name, false));
  return inode_of(caller, place).xattr(caller, name);
}

Result<std::vector<std::string>, Errno> list_xattrs(const Caller& caller, const Path& place) {
  std::vector<std::string> names = TRY(inode_of(caller, place).xattr_names(caller));
  if (!capable(caller, cap::sys_admin))
    names.erase(std::remove_if(names.begin(), names.end(),
                               [](const std::string& name) { return name.starts_with("trusted."); }),
                names.end());
  return names;
}

Result<void, Errno> write_xattr(const Caller& caller, const Path& place, std::string_view name, std::string_view value,
                                std::uint32_t flags) {
  TRY(check_xattr(caller, place, name, true));
  return inode_of(caller, place).set_xattr(caller, name, value, flags);
}

Result<void, Errno> erase_xattr(const Caller& caller, const Path& place, std::string_view name) {
  TRY(check_xattr(caller, place, name, true));
  return inode_of(caller, place).remove_xattr(caller, name);
}

// Positions 0 and 1 are "." and ".."; what the inode lists comes behind: its cookie plus 2.
Result<std::vector<DirectoryItem>, Errno> list_directory(const Caller& caller, const Path& place,
                                                         std::uint64_t position, std::size_t count_max) {
  const Kernel& kernel = caller.kernel;
  Inode& inode = inode_of(caller, place);
  const Dentry& dentry = kernel.dentries[place.dentry];
  if (dentry.unlinked) return Errno::enoent;
  std::vector<DirectoryItem> items;
  const std::uint8_t directory = abi::s_ifdir >> 12;
  if (position == 0) items.push_back({".", inode.number, directory, 1});
  if (position <= 1) items.push_back({"..", kernel.inodes[kernel.dentries[dentry.parent].inode].number, directory, 2});
  auto rest = TRY(inode.list(caller, position > 2 ? position - 2 : 0, count_max));
  for (DirectoryItem& item : rest) {
    item.next_cookie += 2;
    items.push_back(std::move(item));
  }
  return items;
}

Result<FileSystemUse, Errno> use_of(const Caller& caller, const Path& place) {
  Superblock* superblock = caller.kernel.superblocks.find(inode_of(caller, place).superblock);
  if (superblock != nullptr) return superblock->use(caller);
  FileSystemUse nameless;
  nameless.magic = kAnonymousFsMagic;
  return nameless;
}

}  // namespace drydock::machine
