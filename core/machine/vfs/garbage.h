#pragma once
// Inodes, dentries and detached mounts that nothing reaches any more are swept: from time to time, between two steps of
// the machine, never while a system call runs.

#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Given to mark() functions, which name what they refer to.
class Marker {
 public:
  explicit Marker(const Kernel& kernel) : kernel_(kernel) {}
  void inode(InodeId id);
  void dentry(DentryId id);
  void mount(MountId id);
  void superblock(SuperblockId id);
  void file(FileId id);
  void path(const Path& path) {
    mount(path.mount);
    dentry(path.dentry);
  }

  /// Follows what was named until there is nothing new.
  void trace();
  bool has(InodeId id) const { return holds(inodes_, id.value); }
  bool has(DentryId id) const { return holds(dentries_, id.value); }
  bool has(MountId id) const { return holds(mounts_, id.value); }

 private:
  static bool holds(const std::vector<bool>& set, std::uint32_t id) { return id < set.size() && set[id]; }
  /// True when it was not in the set yet.
  static bool add(std::vector<bool>& set, std::uint32_t id);

  const Kernel& kernel_;
  std::vector<bool> inodes_, dentries_, mounts_, superblocks_, files_;
  std::vector<InodeId> inodes_to_do_;
  std::vector<DentryId> dentries_to_do_;
  std::vector<MountId> mounts_to_do_;
};

void collect_garbage(Kernel& kernel);
/// Only when there is much that is new since the last time.
void collect_garbage_if_due(Kernel& kernel);

}  // namespace drydock::machine
