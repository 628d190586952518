// mknod(2), mkdir(2), symlink(2), link(2), unlink(2), rmdir(2), rename(2): changes of names, with the order of checks,
// and so the error, that Linux has.

#include "machine/abi/file.h"
#include "machine/vfs/access.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/mounts.h"
#include "machine/vfs/operations.h"

namespace drydock::machine {
namespace {

bool is_plain(const LastComponent& last) {
  return !last.name.empty() && last.name != "." && last.name != "..";
}

Result<std::uint32_t, Errno> mode_of(const Caller& caller, DentryId dentry) {
  return TRY(inode_of(caller, dentry).attributes(caller)).mode;
}

/// A place for a new name: EEXIST before EROFS before EACCES.
Result<LastComponent, Errno> walk_to_new(const Caller& caller, int dirfd, std::string_view path, bool directory) {
  LastComponent last = TRY(walk_parent(caller, dirfd, path));
  if (!is_plain(last)) return Errno::eexist;
  const auto there = lookup_child(caller, last.directory.dentry, last.name);
  if (there.ok()) return Errno::eexist;
  if (there.error() != Errno::enoent) return there.error();
  if (last.trailing_slash && !directory) return Errno::enoent;
  TRY(want_write(caller.kernel, last.directory));
  TRY(may_create_in(caller, inode_of(caller, last.directory)));
  return last;
}

/// Is something mounted on it that the caller's namespace sees?
bool is_mountpoint_here(const Caller& caller, DentryId dentry) {
  const Kernel& kernel = caller.kernel;
  if (kernel.dentries[dentry].mounts == 0) return false;
  const MountNamespace* space = kernel.mount_namespaces.find(caller.self().namespaces.mnt);
  if (space == nullptr) return false;
  for (const MountId id : space->mounts)
    if (kernel.mounts[id].mountpoint == dentry && !(kernel.mounts[id].parent == id)) return true;
  return false;
}

Result<void, Errno> remove_name(const Caller& caller, int dirfd, std::string_view path, bool directory) {
  const LastComponent last = TRY(walk_parent(caller, dirfd, path));
  if (!is_plain(last)) {
    if (!directory) return Errno::eisdir;
    return last.name.empty() ? Errno::ebusy : last.name == "." ? Errno::einval : Errno::enotempty;
  }
  TRY(want_write(caller.kernel, last.directory));
  const DentryId child = TRY(lookup_child(caller, last.directory.dentry, last.name));
  const std::uint32_t mode = TRY(mode_of(caller, child));
  if (!directory && last.trailing_slash) return abi::is_directory(mode) ? Errno::eisdir : Errno::enotdir;
  TRY(may_delete_from(caller, inode_of(caller, last.directory), inode_of(caller, child)));
  if (directory && !abi::is_directory(mode)) return Errno::enotdir;
  if (!directory && abi::is_directory(mode)) return Errno::eisdir;
  if (is_mountpoint_here(caller, child)) return Errno::ebusy;
  return remove_child(caller, last.directory.dentry, child);
}

}  // namespace

Result<void, Errno> make_node(const Caller& caller, int dirfd, std::string_view path, NewNode node) {
  const bool directory = abi::is_directory(node.mode);
  const LastComponent last = TRY(walk_to_new(caller, dirfd, path, directory));
  const std::uint32_t umask = abi::is_symlink(node.mode) ? 0 : caller.kernel.fs_contexts[caller.self().fs].umask;
  const std::uint32_t allowed = directory ? 01777 : 07777;
  const NewNode owned = TRY(new_node_in(caller, inode_of(caller, last.directory),
                                        (node.mode & abi::s_ifmt) | (node.mode & allowed & ~umask)));
  node.mode = owned.mode;
  node.uid = owned.uid;
  node.gid = owned.gid;
  TRY(create_child(caller, last.directory.dentry, last.name, node));
  return {};
}

Result<void, Errno> make_link(const Caller& caller, const Path& existing, int dirfd, std::string_view path) {
  Kernel& kernel = caller.kernel;
  const LastComponent last = TRY(walk_to_new(caller, dirfd, path, false));
  if (!(existing.mount == last.directory.mount)) return Errno::exdev;
  const InodeId target = kernel.dentries[existing.dentry].inode;
  Inode& inode = kernel.inodes[target];
  if (!(inode.superblock == kernel.inodes[kernel.dentries[last.directory.dentry].inode].superblock))
    return Errno::exdev;
  const Attributes attributes = TRY(inode.attributes(caller));
  if (abi::is_directory(attributes.mode)) return Errno::eperm;
  // A file without a name gets one only from whoever made it (O_TMPFILE).
  if (attributes.links == 0 && !kernel.dentries[existing.dentry].name.starts_with("#")) return Errno::enoent;
  TRY(link_child(caller, last.directory.dentry, last.name, target));
  return {};
}

Result<void, Errno> remove_file(const Caller& caller, int dirfd, std::string_view path) {
  return remove_name(caller, dirfd, path, false);
}
Result<void, Errno> remove_directory(const Caller& caller, int dirfd, std::string_view path) {
  return remove_name(caller, dirfd, path, true);
}

namespace {

/// The permissions and kinds, once both names are known.
Result<void, Errno> may_rename(const Caller& caller, const LastComponent& from, DentryId child, const LastComponent& to,
                               DentryId replaced, std::uint32_t flags) {
  Inode& from_directory = inode_of(caller, from.directory);
  Inode& to_directory = inode_of(caller, to.directory);
  const std::uint32_t mode = TRY(mode_of(caller, child));
  TRY(may_delete_from(caller, from_directory, inode_of(caller, child)));
  if (!replaced) {
    TRY(may_create_in(caller, to_directory));
  } else {
    const std::uint32_t other = TRY(mode_of(caller, replaced));
    TRY(may_delete_from(caller, to_directory, inode_of(caller, replaced)));
    if ((flags & abi::rename_exchange) == 0) {
      if (abi::is_directory(mode) && !abi::is_directory(other)) return Errno::enotdir;
      if (!abi::is_directory(mode) && abi::is_directory(other)) return Errno::eisdir;
    }
  }
  // A directory that gets another parent is itself written to: its "..".
  if (from.directory.dentry == to.directory.dentry) return {};
  if (abi::is_directory(mode)) TRY(inode_permission(caller, inode_of(caller, child), abi::may_write));
  if ((flags & abi::rename_exchange) != 0 && abi::is_directory(TRY(mode_of(caller, replaced))))
    TRY(inode_permission(caller, inode_of(caller, replaced), abi::may_write));
  return {};
}

}  // namespace

Result<void, Errno> rename_at(const Caller& caller, int from_dirfd, std::string_view from_path, int to_dirfd,
                              std::string_view to_path, std::uint32_t flags) {
  const std::uint32_t known = abi::rename_noreplace | abi::rename_exchange | abi::rename_whiteout;
  if ((flags & ~known) != 0) return Errno::einval;
  if ((flags & (abi::rename_noreplace | abi::rename_whiteout)) != 0 && (flags & abi::rename_exchange) != 0)
    return Errno::einval;
  Kernel& kernel = caller.kernel;
  const LastComponent from = TRY(walk_parent(caller, from_dirfd, from_path));
  const LastComponent to = TRY(walk_parent(caller, to_dirfd, to_path));
  if (!(from.directory.mount == to.directory.mount)) return Errno::exdev;
  if (!is_plain(from)) return Errno::ebusy;
  if (!is_plain(to)) return (flags & abi::rename_noreplace) != 0 ? Errno::eexist : Errno::ebusy;
  TRY(want_write(kernel, from.directory));
  const DentryId child = TRY(lookup_child(caller, from.directory.dentry, from.name));
  DentryId replaced;
  const auto found = lookup_child(caller, to.directory.dentry, to.name);
  if (found.ok())
    replaced = *found;
  else if (found.error() != Errno::enoent)
    return found.error();
  if (replaced && (flags & abi::rename_noreplace) != 0) return Errno::eexist;
  if (!replaced && (flags & abi::rename_exchange) != 0) return Errno::enoent;
  const bool directory = abi::is_directory(TRY(mode_of(caller, child)));
  if (!directory) {
    if (from.trailing_slash) return Errno::enotdir;
    if ((flags & abi::rename_exchange) == 0 && to.trailing_slash) return Errno::enotdir;
  }
  if ((flags & abi::rename_exchange) != 0 && to.trailing_slash && !abi::is_directory(TRY(mode_of(caller, replaced))))
    return Errno::enotdir;
  // Not into itself, and not onto what it is in.
  if (is_below(kernel, to.directory.dentry, child)) return Errno::einval;
  if (replaced && is_below(kernel, from.directory.dentry, replaced))
    return (flags & abi::rename_exchange) != 0 ? Errno::einval : Errno::enotempty;
  if (replaced && kernel.dentries[child].inode == kernel.dentries[replaced].inode) return {};
  TRY(may_rename(caller, from, child, to, replaced, flags));
  if (is_mountpoint_here(caller, child) || (replaced && is_mountpoint_here(caller, replaced))) return Errno::ebusy;
  return rename_child(caller, from.directory.dentry, child, to.directory.dentry, to.name, flags);
}

}  // namespace drydock::machine
