#pragma once
// The bare tree of mounts: no permissions, no propagation. Used by mounts.cpp, mount_namespace.cpp and pivot.cpp.

#include <functional>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// A mount that hangs nowhere yet.
MountId new_mount(Kernel& kernel, SuperblockId superblock, DentryId root, std::string source, std::uint64_t flags);
/// One more view of what `of` shows, at `root` of it: the flags, and the place among its peers, are the same.
MountId clone_mount(Kernel& kernel, MountId of, DentryId root);
/// Hangs it on `at`. What was mounted there is seen on top of it still.
void attach_mount(Kernel& kernel, MountId mount, const Path& at);
/// Takes it off its parent, with all that is mounted on it, to be hung elsewhere in the same namespace.
void unhang_mount(Kernel& kernel, MountId mount);
/// It and all that is below it, parents first, in the order of mounting.
std::vector<MountId> mount_subtree(const Kernel& kernel, MountId top);
/// Makes `space` the namespace of the whole tree, and appends it there.
void enter_namespace(Kernel& kernel, MountId top, MountNamespaceId space);

/// Is anybody in it: an open file, a task's place, a mapping?
bool is_in_use(const Kernel& kernel, MountId mount);
/// One of those who show the superblock does no longer: with the last it is shut down.
void put_superblock(Kernel& kernel, SuperblockId superblock);
/// Erases a mount that hangs nowhere and that nobody is in; the file system is shut down with its last mount.
void erase_mount(Kernel& kernel, MountId mount);
/// Unhangs every mount of the tree; those that nobody is in are gone at once, the others when they are left.
void unmount_tree(Kernel& kernel, MountId top);

}  // namespace drydock::machine
