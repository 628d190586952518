// Mark and sweep of inodes, dentries and detached mounts. What is reached from mounts, tasks' places, open files and
// mappings stays; a directory that stays keeps all that is in it by its inode, and its cached names where its file
// system keeps data.

#include "machine/vfs/garbage.h"

#include "machine/vfs/mount_tree.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kSweepAfter = 20000;  // new inodes and dentries

void mark_roots(const Kernel& kernel, Marker& marker) {
  for (const MountId id : kernel.mounts.ids())
    if (kernel.mounts[id].mount_namespace) marker.mount(id);
  for (const SuperblockId id : kernel.superblocks.ids()) marker.superblock(id);
  for (const FsContextId id : kernel.fs_contexts.ids()) {
    marker.path(kernel.fs_contexts[id].root);
    marker.path(kernel.fs_contexts[id].cwd);
  }
  for (const FileId id : kernel.files.ids()) marker.file(id);
  for (const AddressSpaceId id : kernel.memories.ids()) {
    const AddressSpace& memory = kernel.memories[id];
    marker.inode(memory.executable);
    for (const auto& mapping : memory.mappings()) marker.inode(mapping.second.inode);
  }
}

void sweep(Kernel& kernel, const Marker& marker) {
  const Kernel& view = kernel;
  for (const MountId id : view.mounts.ids()) {
    if (marker.has(id)) continue;
    MountPoint& mount = kernel.mounts[id];
    if (mount.parent != id && mount.mountpoint) {
      if (MountPoint* parent = kernel.mounts.find(mount.parent)) parent->children.erase(mount.mountpoint);
      if (Dentry* place = kernel.dentries.find(mount.mountpoint)) --place->mounts;
    }
    erase_mount(kernel, id);
  }
  for (const DentryId id : view.dentries.ids()) {
    if (marker.has(id)) continue;
    const Dentry& dentry = view.dentries[id];
    const Dentry* parent = view.dentries.find(dentry.parent);
    if (parent != nullptr && dentry.parent != id && marker.has(dentry.parent)) {
      const auto at = parent->children.find(dentry.name);
      if (at != parent->children.end() && at->second == id) kernel.dentries[dentry.parent].children.erase(dentry.name);
    }
    kernel.dentries.erase(id);
  }
  for (const InodeId id : view.inodes.ids())
    if (!marker.has(id)) kernel.inodes.erase(id);
}

}  // namespace

bool Marker::add(std::vector<bool>& set, std::uint32_t id) {
  if (id == 0) return false;
  if (id >= set.size()) set.resize(id + 1 + id / 2);
  if (set[id]) return false;
  set[id] = true;
  return true;
}

void Marker::inode(InodeId id) {
  if (kernel_.inodes.find(id) != nullptr && add(inodes_, id.value)) inodes_to_do_.push_back(id);
}
void Marker::dentry(DentryId id) {
  if (kernel_.dentries.find(id) != nullptr && add(dentries_, id.value)) dentries_to_do_.push_back(id);
}
void Marker::mount(MountId id) {
  if (kernel_.mounts.find(id) != nullptr && add(mounts_, id.value)) mounts_to_do_.push_back(id);
}
void Marker::superblock(SuperblockId id) {
  const Superblock* superblock = kernel_.superblocks.find(id);
  if (superblock == nullptr || !add(superblocks_, id.value)) return;
  dentry(superblock->root);
  superblock->mark(*this);
}
void Marker::file(FileId id) {
  const File* file = kernel_.files.find(id);
  if (file == nullptr || !add(files_, id.value)) return;
  path(file->path);
  inode(file->inode);
  file->mark(*this);
}

void Marker::trace() {
  while (!inodes_to_do_.empty() || !dentries_to_do_.empty() || !mounts_to_do_.empty()) {
    if (!inodes_to_do_.empty()) {
      const InodeId id = inodes_to_do_.back();
      inodes_to_do_.pop_back();
      kernel_.inodes[id].mark(*this);
    } else if (!dentries_to_do_.empty()) {
      const DentryId id = dentries_to_do_.back();
      dentries_to_do_.pop_back();
      const Dentry& its = kernel_.dentries[id];
      inode(its.inode);
      dentry(its.parent);
      const Superblock* shown = kernel_.superblocks.find(its.superblock);
      if (shown != nullptr && shown->keeps_names())
        for (const auto& child : its.children) dentry(child.second);
    } else {
      const MountId id = mounts_to_do_.back();
      mounts_to_do_.pop_back();
      const MountPoint& its = kernel_.mounts[id];
      dentry(its.root);
      dentry(its.mountpoint);
      if (its.parent != id) mount(its.parent);
    }
  }
}

void collect_garbage(Kernel& kernel) {
  Marker marker(kernel);
  mark_roots(kernel, marker);
  marker.trace();
  sweep(kernel, marker);
  kernel.garbage_inserted = kernel.inodes.size() + kernel.dentries.size();
}

void collect_garbage_if_due(Kernel& kernel) {
  const std::uint64_t now = kernel.inodes.size() + kernel.dentries.size();
  // Twice as many as survived the last time, so that the work stays in proportion.
  if (now > kernel.garbage_inserted + kSweepAfter && now > 2 * kernel.garbage_inserted) collect_garbage(kernel);
}

}  // namespace drydock::machine
