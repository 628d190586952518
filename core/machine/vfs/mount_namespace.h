#pragma once
// Mount namespaces as the kernel room makes and ends them: clone(2), unshare(2), setns(2). mount_namespaces(7).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// A copy of `from` with a number of its own and no users yet; mounts are locked when `owner` is not from's owner. The
/// places in `fs` (if given) are moved to the same places of the copy. ENOSPC.
Result<MountNamespaceId, Errno> copy_mount_namespace(const Caller& caller, MountNamespaceId from, UserNamespaceId owner,
                                                     FsContext* fs);
/// The last user is gone: unmounts everything in it and erases it.
void release_mount_namespace(Kernel& kernel, MountNamespaceId id);
/// The root of the namespace as setns(2) makes it the caller's: the topmost mount on its root.
Path mount_namespace_root(const Kernel& kernel, MountNamespaceId id);

}  // namespace drydock::machine
