// mount(2): new mounts, binds, moves. Changes of what is mounted: remount.cpp; the way out: unmount.cpp.
// Not modelled: the new mount API (fsopen(2), open_tree(2), move_mount(2) are ENOSYS), automounts,
// mount_too_revealing() (a user namespace may mount a fresh proc even where parts of the old one were covered),
// subtypes ("fuse.x").

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/tracer.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/filesystem_types.h"
#include "machine/vfs/mount_tree.h"
#include "machine/vfs/mounts.h"
#include "machine/vfs/propagation.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kPropagation = abi::ms_shared | abi::ms_private | abi::ms_slave | abi::ms_unbindable;

bool is_here(const Caller& caller, const Path& path) {
  const MountPoint* mount = std::as_const(caller.kernel.mounts).find(path.mount);
  return mount != nullptr && mount->mount_namespace && mount->mount_namespace == caller.self().namespaces.mnt;
}

bool is_directory(const Caller& caller, DentryId dentry) {
  const auto attributes = inode_of(caller, dentry).attributes(caller);
  return attributes.ok() && abi::is_directory(attributes->mode);
}

/// May a tree of that many mounts be hung there? EINVAL, ENOENT, ENOTDIR, ENOSPC.
Result<void, Errno> may_attach(const Caller& caller, const Path& at, DentryId root, std::size_t count) {
  Kernel& kernel = caller.kernel;
  const MountPoint* mount = std::as_const(kernel.mounts).find(at.mount);
  if (mount != nullptr && !mount->mount_namespace) return Errno::enoent;  // detached
  if (!is_here(caller, at)) return Errno::einval;
  if (kernel.dentries[at.dentry].unlinked) return Errno::enoent;
  if (is_directory(caller, at.dentry) != is_directory(caller, root)) return Errno::enotdir;
  const MountNamespace& space = kernel.mount_namespaces[caller.self().namespaces.mnt];
  if (space.mounts.size() + count > kernel.limits.mounts_max) return Errno::enospc;
  return {};
}

void note(const Caller& caller, MountNote::Kind kind, MountId mount) {
  note_mounts(caller.kernel, MountNote{kind, caller.self().namespaces.mnt, mount});
}

bool has_unbindable(const Kernel& kernel, MountId top) {
  for (const MountId id : mount_subtree(kernel, top))
    if (kernel.mounts[id].unbindable) return true;
  return false;
}

/// The tree of a bind hides nothing and shows nothing that a less privileged namespace was not to see.
bool has_locked_children(const Kernel& kernel, const Path& from) {
  for (const auto& child : kernel.mounts[from.mount].children)
    if (is_below(kernel, child.first, from.dentry) && kernel.mounts[child.second].locked) return true;
  return false;
}

}  // namespace

Result<void, Errno> may_mount(const Caller& caller) {
  const MountNamespace* space = std::as_const(caller.kernel.mount_namespaces).find(caller.self().namespaces.mnt);
  if (space == nullptr || !capable(caller, cap::sys_admin, space->owner)) return Errno::eperm;
  return {};
}

Result<void, Errno> mount_new(const Caller& caller, const Path& at, std::string_view type, std::string_view source,
                              std::uint64_t flags, std::string_view data) {
  Kernel& kernel = caller.kernel;
  const FileSystemType* known = find_filesystem(kernel, type);
  if (known == nullptr) return Errno::enodev;
  const FileSystemType found = *known;
  if (!found.allowed_in_userns && !capable(caller, cap::sys_admin)) return Errno::eperm;
  if (found.allowed_in_userns && !own_capable(caller, cap::sys_admin)) return Errno::eperm;
  const SuperblockId superblock = TRY(found.mount(caller, source, flags, data));
  const DentryId root = kernel.superblocks[superblock].root;
  const MountId mount = new_mount(kernel, superblock, root, source.empty() ? "none" : std::string(source),
                                  flags & abi::ms_of_mount & ~abi::ms_rdonly);
  if ((flags & abi::ms_rdonly) != 0) kernel.mounts[mount].flags |= abi::ms_rdonly;
  const auto drop = [&](Errno code) -> Result<void, Errno> {
    erase_mount(kernel, mount);
    return code;
  };
  if (const auto allowed = may_attach(caller, at, root, 1); !allowed.ok()) return drop(allowed.error());
  const MountPoint& below = kernel.mounts[at.mount];
  if (below.superblock == superblock && below.root == at.dentry) return drop(Errno::ebusy);
  attach_and_propagate(kernel, mount, at);
  note(caller, MountNote::Kind::mounted, mount);
  return {};
}

/// A namespace's file, which is in no mount yet: /proc/PID/ns leads to it all the same.
Result<void, Errno> mount_namespace_file(const Caller& caller, DentryId file, const Path& at) {
  Kernel& kernel = caller.kernel;
  const SuperblockId id = std::as_const(kernel.dentries)[file].superblock;
  const Superblock* superblock = std::as_const(kernel.superblocks).find(id);
  if (superblock == nullptr || superblock->type != "nsfs") return Errno::einval;
  TRY(may_attach(caller, at, file, 1));
  const MountId mount = new_mount(kernel, id, file, "nsfs", 0);
  attach_and_propagate(kernel, mount, at);
  note(caller, MountNote::Kind::mounted, mount);
  return {};
}

Result<void, Errno> mount_bind(const Caller& caller, const Path& from, const Path& at, bool recursive) {
  Kernel& kernel = caller.kernel;
  if (!from.mount) return mount_namespace_file(caller, from.dentry, at);
  const MountPoint* source = std::as_const(kernel.mounts).find(from.mount);
  if (source == nullptr || source->unbindable) return Errno::einval;
  const bool of_namespaces = kernel.superblocks[source->superblock].type == "nsfs";
  if (!is_here(caller, at) || (!is_here(caller, from) && !of_namespaces)) return Errno::einval;
  if (!recursive && has_locked_children(kernel, from)) return Errno::einval;
  TRY(may_attach(caller, at, from.dentry, recursive ? mount_subtree(kernel, from.mount).size() : 1));
  const MountId copy = copy_mount_tree(kernel, from.mount, from.dentry, recursive, false, nullptr);
  kernel.mounts[copy].locked = false;
  attach_and_propagate(kernel, copy, at);
  note(caller, MountNote::Kind::mounted, copy);
  return {};
}

Result<void, Errno> mount_move(const Caller& caller, const Path& from, const Path& at) {
  Kernel& kernel = caller.kernel;
  if (!is_here(caller, from) || !is_here(caller, at)) return Errno::einval;
  const MountPoint& moved = kernel.mounts[from.mount];
  if (moved.root != from.dentry || moved.parent == from.mount || moved.locked) return Errno::einval;
  if (is_directory(caller, from.dentry) != is_directory(caller, at.dentry)) return Errno::einval;
  if (kernel.mounts[moved.parent].peer_group != 0) return Errno::einval;
  if (kernel.mounts[at.mount].peer_group != 0 && has_unbindable(kernel, from.mount)) return Errno::einval;
  for (MountId above = at.mount;;) {
    if (above == from.mount) return Errno::eloop;
    const MountId next = kernel.mounts[above].parent;
    if (next == above) break;
    above = next;
  }
  const MountId id = from.mount;
  unhang_mount(kernel, id);
  attach_and_propagate(kernel, id, at);
  note(caller, MountNote::Kind::moved, id);
  return {};
}

Result<void, Errno> mount_at(const Caller& caller, std::string_view source, std::string_view target,
                             std::string_view type, std::uint64_t flags, std::string_view data) {
  if ((flags & 0xffff0000) == abi::ms_magic) flags &= 0xffff;
  const Path at = TRY(walk(caller, kAtFdCwd, target));
  TRY(may_mount(caller));
  // mount(2): relatime is the default.
  std::uint64_t kept = flags;
  if ((flags & abi::ms_noatime) == 0) kept |= abi::ms_relatime;
  if ((flags & abi::ms_strictatime) != 0) kept &= ~(abi::ms_relatime | abi::ms_noatime);
  const bool no_time_flag =
      (flags & (abi::ms_noatime | abi::ms_nodiratime | abi::ms_relatime | abi::ms_strictatime)) == 0;
  if ((flags & abi::ms_remount) != 0 && no_time_flag) {
    const std::uint64_t times = abi::ms_noatime | abi::ms_nodiratime | abi::ms_relatime;
    const MountPoint* mount = std::as_const(caller.kernel.mounts).find(at.mount);
    if (mount != nullptr) kept = (kept & ~times) | (mount->flags & times);
  }
  const bool recursive = (flags & abi::ms_rec) != 0;
  if ((flags & (abi::ms_remount | abi::ms_bind)) == (abi::ms_remount | abi::ms_bind))
    return remount_bind(caller, at, kept & abi::ms_of_mount);
  if ((flags & abi::ms_remount) != 0) return remount_superblock(caller, at, kept, data);
  if ((flags & abi::ms_bind) != 0) {
    if (source.empty()) return Errno::einval;
    return mount_bind(caller, TRY(walk(caller, kAtFdCwd, source)), at, recursive);
  }
  if ((flags & kPropagation) != 0) {
    const std::uint64_t kind = flags & kPropagation;
    if ((flags & ~(kPropagation | abi::ms_rec | abi::ms_silent)) != 0 || (kind & (kind - 1)) != 0) return Errno::einval;
    return mount_propagation(caller, at, kind, recursive);
  }
  if ((flags & abi::ms_move) != 0) {
    if (source.empty()) return Errno::einval;
    return mount_move(caller, TRY(walk(caller, kAtFdCwd, source)), at);
  }
  return mount_new(caller, at, type, source, kept, data);
}

}  // namespace drydock::machine
