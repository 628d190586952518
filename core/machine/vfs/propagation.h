#pragma once
// Shared subtrees: where else a mount, or an unmount, happens. mount_namespaces(7), "SHARED SUBTREES".

#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Makes every mount of the tree shared that is not yet, each in a group of its own.
void make_tree_shared(Kernel& kernel, MountId top);
void set_propagation(Kernel& kernel, MountId mount, std::uint64_t type);  // MS_SHARED ...

/// Hangs the tree on `at`, and copies of it on the same place of every mount that gets events from at's.
void attach_and_propagate(Kernel& kernel, MountId tree, const Path& at);
/// The other mounts that go when this one does: what is mounted on the same place of its parent's peers and slaves.
std::vector<MountId> propagated_copies(const Kernel& kernel, MountId mount);

/// A copy of what is mounted at and below `root` of the mount; `recursive`: with the mounts on it. Unbindable ones are
/// left out unless `unbindable_too`. `copies` (may be null) tells which is whose copy.
MountId copy_mount_tree(Kernel& kernel, MountId top, DentryId root, bool recursive, bool unbindable_too,
                        std::vector<std::pair<MountId, MountId>>* copies);

}  // namespace drydock::machine
