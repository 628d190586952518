// umount2(2), pivot_root(2).

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/tracer.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/mount_tree.h"
#include "machine/vfs/mounts.h"
#include "machine/vfs/propagation.h"

namespace drydock::machine {
namespace {

bool is_here(const Caller& caller, const Path& path) {
  const MountPoint* mount = std::as_const(caller.kernel.mounts).find(path.mount);
  return mount != nullptr && mount->mount_namespace && mount->mount_namespace == caller.self().namespaces.mnt;
}

/// umount2("/") without MNT_DETACH only makes the root read-only, as at the end of a system's life.
Result<void, Errno> freeze_root(const Caller& caller, MountId root) {
  Superblock& superblock = caller.kernel.superblocks[caller.kernel.mounts[root].superblock];
  if (!capable(caller, cap::sys_admin, superblock.user_namespace)) return Errno::eperm;
  superblock.read_only = true;
  return {};
}

}  // namespace

Result<void, Errno> unmount(const Caller& caller, const Path& at, std::uint32_t flags) {
  Kernel& kernel = caller.kernel;
  TRY(may_mount(caller));
  if (!is_here(caller, at)) return Errno::einval;
  const MountId id = at.mount;
  if (kernel.mounts[id].root != at.dentry || kernel.mounts[id].locked) return Errno::einval;
  if (kernel.mounts[id].parent == id) return Errno::einval;  // the namespace's own root goes with the namespace
  if ((flags & abi::mnt_force) != 0 && !capable(caller, cap::sys_admin)) return Errno::eperm;
  const bool detach = (flags & abi::mnt_detach) != 0;
  const bool is_root = kernel.fs_contexts[caller.self().fs].root.mount == id;
  if ((flags & abi::mnt_expire) != 0) {
    if (is_root || detach || (flags & abi::mnt_force) != 0) return Errno::einval;
    if (is_in_use(kernel, id) || !kernel.mounts[id].children.empty()) return Errno::ebusy;
    if (!std::exchange(kernel.mounts[id].expiring, true)) return Errno::eagain;
  }
  if (is_root && !detach) return freeze_root(caller, id);
  if (!detach && (is_in_use(kernel, id) || !kernel.mounts[id].children.empty())) return Errno::ebusy;
  note_mounts(kernel, MountNote{MountNote::Kind::unmounted, caller.self().namespaces.mnt, id});
  std::vector<MountId> going{id};
  for (const MountId below : mount_subtree(kernel, id)) {
    const std::vector<MountId> copies = propagated_copies(kernel, below);
    going.insert(going.end(), copies.begin(), copies.end());
  }
  for (const MountId copy : going) {
    const MountPoint* mount = std::as_const(kernel.mounts).find(copy);
    if (mount == nullptr || !mount->mount_namespace) continue;  // went with another
    // Where something else was mounted on a copy meanwhile, it stays.
    if (copy != id && !detach && !mount->children.empty()) continue;
    unmount_tree(kernel, copy);
  }
  return {};
}

Result<void, Errno> pivot_root(const Caller& caller, const Path& new_root, const Path& put_old) {
  Kernel& kernel = caller.kernel;
  TRY(may_mount(caller));
  const Path root = kernel.fs_contexts[caller.self().fs].root;
  if (!is_here(caller, new_root) || !is_here(caller, put_old) || !is_here(caller, root)) return Errno::einval;
  const MountPoint& fresh = kernel.mounts[new_root.mount];
  const MountPoint& old = kernel.mounts[root.mount];
  const auto shared = [&](MountId id) { return kernel.mounts[id].peer_group != 0; };
  if (shared(put_old.mount) || shared(fresh.parent) || shared(old.parent)) return Errno::einval;
  if (fresh.locked) return Errno::einval;
  if (kernel.dentries[new_root.dentry].unlinked) return Errno::enoent;
  if (new_root.mount == root.mount || put_old.mount == root.mount) return Errno::ebusy;
  if (old.root != root.dentry || old.parent == root.mount) return Errno::einval;
  if (fresh.root != new_root.dentry || fresh.parent == new_root.mount) return Errno::einval;
  // put_old at or below new_root, new_root below the root.
  const auto reachable = [&](Path place, const Path& top) {
    for (;;) {
      if (place.mount == top.mount) return is_below(kernel, place.dentry, top.dentry);
      const MountPoint& mount = kernel.mounts[place.mount];
      if (mount.parent == place.mount) return false;
      place = Path{mount.parent, mount.mountpoint};
    }
  };
  if (!reachable(put_old, new_root) || !reachable(new_root, root)) return Errno::einval;

  const Path above{old.parent, old.mountpoint};
  const MountNamespaceId space = caller.self().namespaces.mnt;
  const bool was_locked = old.locked;
  unhang_mount(kernel, new_root.mount);
  unhang_mount(kernel, root.mount);
  if (was_locked) {
    kernel.mounts[new_root.mount].locked = true;
    kernel.mounts[root.mount].locked = false;
  }
  attach_mount(kernel, new_root.mount, above);
  attach_mount(kernel, root.mount, put_old);
  enter_namespace(kernel, new_root.mount, space);
  for (const FsContextId id : kernel.fs_contexts.ids()) {
    FsContext& context = kernel.fs_contexts[id];
    if (context.root == root) context.root = new_root;
    if (context.cwd == root) context.cwd = new_root;
  }
  note_mounts(kernel, MountNote{MountNote::Kind::pivoted, space, new_root.mount});
  return {};
}

}  // namespace drydock::machine
