// clone(2) and unshare(2) with CLONE_NEWNS, and the end of a mount namespace. mount_namespaces(7).

#include "machine/vfs/mount_namespace.h"

#include "machine/abi/file.h"
#include "machine/vfs/mount_tree.h"
#include "machine/vfs/mounts.h"
#include "machine/vfs/propagation.h"

namespace drydock::machine {

Result<MountNamespaceId, Errno> copy_mount_namespace(const Caller& caller, MountNamespaceId from, UserNamespaceId owner,
                                                     FsContext* fs) {
  Kernel& kernel = caller.kernel;
  const MountNamespace& original = std::as_const(kernel.mount_namespaces)[from];
  const bool less_privileged = original.owner != owner;
  const MountId old_root = original.root;
  std::vector<std::pair<MountId, MountId>> copies;
  const MountId root = copy_mount_tree(kernel, old_root, kernel.mounts[old_root].root, true, true, &copies);

  MountNamespace fresh;
  fresh.owner = owner;
  fresh.number = kernel.next_inode_number++;
  fresh.root = root;
  const MountNamespaceId id = kernel.mount_namespaces.emplace(std::move(fresh));
  enter_namespace(kernel, root, id);
  for (const auto& pair : copies) {
    MountPoint& copy = kernel.mounts[pair.second];
    copy.locked = kernel.mounts[pair.first].locked;
    if (less_privileged) {
      // mount_namespaces(7), "Restrictions on mount namespaces": slaves, locked together, flags locked.
      if (copy.peer_group != 0) copy.master = std::exchange(copy.peer_group, 0);
      copy.locked_flags |= copy.flags & (abi::ms_rdonly | abi::ms_nosuid | abi::ms_nodev | abi::ms_noexec |
                                         abi::ms_noatime | abi::ms_nodiratime | abi::ms_relatime);
      if (pair.second != root) copy.locked = true;
    }
    if (fs == nullptr) continue;
    if (fs->root.mount == pair.first) fs->root.mount = pair.second;
    if (fs->cwd.mount == pair.first) fs->cwd.mount = pair.second;
  }
  return id;
}

void release_mount_namespace(Kernel& kernel, MountNamespaceId id) {
  const MountNamespace* space = std::as_const(kernel.mount_namespaces).find(id);
  if (space == nullptr) return;
  const MountId root = space->root;
  if (kernel.mounts.find(root) != nullptr) unmount_tree(kernel, root);
  kernel.mount_namespaces.erase(id);
}

Path mount_namespace_root(const Kernel& kernel, MountNamespaceId id) {
  const MountId root = kernel.mount_namespaces[id].root;
  return cross_mounts(kernel, Path{root, kernel.mounts[root].root});
}

}  // namespace drydock::machine
