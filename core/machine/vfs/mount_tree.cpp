// The bare tree of mounts.

#include "machine/vfs/mount_tree.h"

#include <algorithm>

#include "machine/vfs/dcache.h"
#include "machine/vfs/mounts.h"

namespace drydock::machine {

Path cross_mounts(const Kernel& kernel, Path path) {
  while (kernel.dentries[path.dentry].mounts > 0) {
    const MountPoint* mount = kernel.mounts.find(path.mount);
    if (mount == nullptr) break;
    const auto child = mount->children.find(path.dentry);
    if (child == mount->children.end()) break;
    path = Path{child->second, kernel.mounts[child->second].root};
  }
  return path;
}

MountId new_mount(Kernel& kernel, SuperblockId superblock, DentryId root, std::string source, std::uint64_t flags) {
  MountPoint fresh;
  fresh.superblock = superblock;
  fresh.root = root;
  fresh.source = std::move(source);
  fresh.flags = flags;
  fresh.number = kernel.next_mount_number++;
  if (kernel.superblocks[superblock].mounts++ == 0) kernel.superblocks[superblock].first_mount(kernel);
  const MountId id = kernel.mounts.emplace(std::move(fresh));
  kernel.mounts[id].parent = id;
  return id;
}

MountId clone_mount(Kernel& kernel, MountId of, DentryId root) {
  const MountPoint original = kernel.mounts[of];
  const MountId id = new_mount(kernel, original.superblock, root, original.source, original.flags);
  MountPoint& clone = kernel.mounts[id];
  clone.locked_flags = original.locked_flags;
  clone.peer_group = original.peer_group;
  clone.master = original.master;
  clone.locked = original.locked;
  return id;
}

namespace {

void hang(Kernel& kernel, MountId mount, const Path& at) {
  MountPoint& hung = kernel.mounts[mount];
  hung.parent = at.mount;
  hung.mountpoint = at.dentry;
  kernel.mounts[at.mount].children[at.dentry] = mount;
  ++kernel.dentries[at.dentry].mounts;
}

void unhang(Kernel& kernel, MountId mount) {
  MountPoint& hung = kernel.mounts[mount];
  if (hung.parent == mount) return;
  if (MountPoint* parent = kernel.mounts.find(hung.parent)) parent->children.erase(hung.mountpoint);
  if (Dentry* place = kernel.dentries.find(hung.mountpoint)) --place->mounts;
  hung.parent = mount;
  hung.mountpoint = DentryId{};
}

void leave_namespace(Kernel& kernel, MountId mount) {
  MountPoint& its = kernel.mounts[mount];
  if (MountNamespace* space = kernel.mount_namespaces.find(its.mount_namespace)) {
    // What goes is most often what came last.
    const auto at = std::find(space->mounts.rbegin(), space->mounts.rend(), mount);
    if (at != space->mounts.rend()) space->mounts.erase(std::next(at).base());
  }
  its.mount_namespace = MountNamespaceId{};
}

}  // namespace

void enter_namespace(Kernel& kernel, MountId top, MountNamespaceId space) {
  for (const MountId id : mount_subtree(kernel, top)) {
    MountPoint& mount = kernel.mounts[id];
    if (mount.mount_namespace == space) continue;
    if (mount.mount_namespace) leave_namespace(kernel, id);
    mount.mount_namespace = space;
    if (space) kernel.mount_namespaces[space].mounts.push_back(id);
  }
}

void attach_mount(Kernel& kernel, MountId mount, const Path& at) {
  const auto& siblings = kernel.mounts[at.mount].children;
  const auto there = siblings.find(at.dentry);
  const MountId covered = there != siblings.end() ? there->second : MountId{};
  if (covered) unhang(kernel, covered);
  hang(kernel, mount, at);
  enter_namespace(kernel, mount, kernel.mounts[at.mount].mount_namespace);
  if (covered) hang(kernel, covered, Path{mount, kernel.mounts[mount].root});
}

void unhang_mount(Kernel& kernel, MountId mount) {
  unhang(kernel, mount);
}

std::vector<MountId> mount_subtree(const Kernel& kernel, MountId top) {
  std::vector<MountId> all{top};
  for (std::size_t at = 0; at < all.size(); ++at) {
    std::vector<MountId> below;
    for (const auto& child : kernel.mounts[all[at]].children) below.push_back(child.second);
    std::sort(below.begin(), below.end());
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

bool is_in_use(const Kernel& kernel, MountId mount) {
  for (const FileId id : kernel.files.ids())
    if (kernel.files[id].path.mount == mount) return true;
  for (const FsContextId id : kernel.fs_contexts.ids())
    if (kernel.fs_contexts[id].root.mount == mount || kernel.fs_contexts[id].cwd.mount == mount) return true;
  return false;
}

void erase_mount(Kernel& kernel, MountId id) {
  const SuperblockId superblock = kernel.mounts[id].superblock;
  kernel.mounts.erase(id);
  put_superblock(kernel, superblock);
}

void put_superblock(Kernel& kernel, SuperblockId superblock) {
  Superblock* shown = kernel.superblocks.find(superblock);
  if (shown == nullptr || --shown->mounts > 0) return;
  shown->shut_down(kernel);
  kernel.superblocks.erase(superblock);
}

void unmount_tree(Kernel& kernel, MountId top) {
  std::vector<MountId> all = mount_subtree(kernel, top);
  std::reverse(all.begin(), all.end());
  for (const MountId id : all) {
    unhang(kernel, id);
    leave_namespace(kernel, id);
    kernel.mounts[id].peer_group = kernel.mounts[id].master = 0;
    if (!is_in_use(kernel, id)) erase_mount(kernel, id);
  }
}

void detach_mounts_on(Kernel& kernel, DentryId dentry) {
  for (const MountId id : kernel.mounts.ids())
    if (kernel.mounts.find(id) != nullptr && std::as_const(kernel.mounts)[id].mountpoint == dentry)
      unmount_tree(kernel, id);
}

}  // namespace drydock::machine
