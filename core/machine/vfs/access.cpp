// path_resolution(7), capabilities(7). Not modelled: POSIX ACLs, file capabilities, inode flags (chattr), security
// modules, protected_{symlinks,hardlinks,fifos,regular} (0, the kernel's own default).

#include "machine/vfs/access.h"

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"

namespace drydock::machine {
namespace {

constexpr std::int64_t kDayNs = 86'400'000'000'000;

}  // namespace

bool has_capability_over(const Caller& caller, int capability, const Attributes& attributes) {
  return capable_over(caller, capability, attributes.uid, attributes.gid);
}

bool owns(const Caller& caller, const Attributes& attributes) {
  return caller.credentials().fsuid == attributes.uid || has_capability_over(caller, abi::cap_fowner, attributes);
}

Result<void, Errno> permission_of(const Caller& caller, const Attributes& attributes, int mask) {
  const Credentials& who = caller.credentials();
  std::uint32_t granted = attributes.mode & 7;
  if (who.fsuid == attributes.uid)
    granted = attributes.mode >> 6 & 7;
  else if (in_group(who, attributes.gid))
    granted = attributes.mode >> 3 & 7;
  if ((static_cast<std::uint32_t>(mask) & ~granted) == 0) return {};
  const bool directory = abi::is_directory(attributes.mode);
  if (directory && (mask & abi::may_write) == 0 && has_capability_over(caller, abi::cap_dac_read_search, attributes))
    return {};
  if (!directory && mask == abi::may_read && has_capability_over(caller, abi::cap_dac_read_search, attributes))
    return {};
  // Execution needs an x bit somewhere, even for root.
  if (directory || (mask & abi::may_exec) == 0 || (attributes.mode & 0111) != 0)
    if (has_capability_over(caller, abi::cap_dac_override, attributes)) return {};
  return Errno::eacces;
}

Result<void, Errno> inode_permission(const Caller& caller, Inode& inode, int mask) {
  const Attributes attributes = TRY(inode.attributes(caller));
  if ((mask & abi::may_write) != 0) {
    const Superblock* superblock = caller.kernel.superblocks.find(inode.superblock);
    const bool data =
        abi::is_regular(attributes.mode) || abi::is_directory(attributes.mode) || abi::is_symlink(attributes.mode);
    if (superblock != nullptr && superblock->read_only && data) return Errno::erofs;
  }
  if (const auto own = inode.own_permission(caller, mask)) return *own;
  return permission_of(caller, attributes, mask);
}

std::uint64_t mount_flags_of(const Kernel& kernel, const Path& path) {
  const MountPoint* mount = kernel.mounts.find(path.mount);
  return mount != nullptr ? mount->flags : 0;
}

Result<void, Errno> want_write(const Kernel& kernel, const Path& path) {
  if ((mount_flags_of(kernel, path) & abi::ms_rdonly) != 0) return Errno::erofs;
  const MountPoint* mount = kernel.mounts.find(path.mount);
  if (mount == nullptr) return {};
  const Superblock* superblock = kernel.superblocks.find(mount->superblock);
  if (superblock != nullptr && superblock->read_only) return Errno::erofs;
  return {};
}

Result<void, Errno> permission(const Caller& caller, const Path& path, int mask) {
  Inode& inode = caller.kernel.inodes[caller.kernel.dentries[path.dentry].inode];
  TRY(inode_permission(caller, inode, mask));
  if ((mask & abi::may_write) == 0 || (mount_flags_of(caller.kernel, path) & abi::ms_rdonly) == 0) return {};
  const std::uint32_t mode = TRY(inode.attributes(caller)).mode;
  const bool special =
      abi::is_device(mode) || (mode & abi::s_ifmt) == abi::s_ififo || (mode & abi::s_ifmt) == abi::s_ifsock;
  if (!special) return Errno::erofs;
  return {};
}

Result<void, Errno> may_create_in(const Caller& caller, Inode& directory) {
  return inode_permission(caller, directory, abi::may_write | abi::may_exec);
}

Result<void, Errno> may_delete_from(const Caller& caller, Inode& directory, Inode& victim) {
  TRY(inode_permission(caller, directory, abi::may_write | abi::may_exec));
  const Attributes above = TRY(directory.attributes(caller));
  if ((above.mode & abi::s_isvtx) == 0) return {};
  const Attributes attributes = TRY(victim.attributes(caller));
  const std::uint32_t fsuid = caller.credentials().fsuid;
  if (attributes.uid == fsuid || above.uid == fsuid) return {};
  if (has_capability_over(caller, abi::cap_fowner, attributes)) return {};
  return Errno::eperm;
}

Result<NewNode, Errno> new_node_in(const Caller& caller, Inode& directory, std::uint32_t mode) {
  const Attributes above = TRY(directory.attributes(caller));
  const Credentials& who = caller.credentials();
  NewNode node;
  node.mode = mode;
  node.uid = who.fsuid;
  node.gid = who.fsgid;
  if (const Superblock* superblock = caller.kernel.superblocks.find(directory.superblock)) {
    const UserNamespaceId space = superblock->user_namespace;
    if (!uid_into(caller.kernel, space, node.uid) || !gid_into(caller.kernel, space, node.gid)) return Errno::eoverflow;
  }
  if ((above.mode & abi::s_isgid) == 0) return node;
  node.gid = above.gid;
  if (abi::is_directory(mode))
    node.mode |= abi::s_isgid;
  else if ((mode & (abi::s_isgid | abi::s_ixgrp)) == (abi::s_isgid | abi::s_ixgrp) && !in_group(who, above.gid) &&
           !has_capability_over(caller, abi::cap_fsetid, above))
    node.mode &= ~abi::s_isgid;
  return node;
}

std::optional<std::uint32_t> without_privilege_bits(const Attributes& attributes) {
  if (!abi::is_regular(attributes.mode)) return std::nullopt;
  std::uint32_t lost = attributes.mode & abi::s_isuid;
  // Without group execution setgid once meant mandatory locking: it stays.
  if ((attributes.mode & abi::s_ixgrp) != 0) lost |= attributes.mode & abi::s_isgid;
  if (lost == 0) return std::nullopt;
  return attributes.mode & 07777 & ~lost;
}

void touch_on_read(const Caller& caller, const Path& path, Inode& inode, std::uint32_t open_flags) {
  if ((open_flags & abi::o_noatime) != 0) return;
  const std::uint64_t flags = mount_flags_of(caller.kernel, path);
  if ((flags & (abi::ms_noatime | abi::ms_rdonly)) != 0) return;
  const Superblock* superblock = caller.kernel.superblocks.find(inode.superblock);
  if (superblock == nullptr || superblock->read_only) return;
  const auto attributes = inode.attributes(caller);
  if (!attributes.ok()) return;
  if ((flags & abi::ms_nodiratime) != 0 && abi::is_directory(attributes->mode)) return;
  const bool due = attributes->atime_ns <= attributes->mtime_ns || attributes->atime_ns <= attributes->ctime_ns ||
                   caller.kernel.wall_ns() - attributes->atime_ns >= kDayNs;
  if ((flags & abi::ms_relatime) != 0 && !due) return;
  inode.touch_access_time(caller.kernel);
}

}  // namespace drydock::machine
