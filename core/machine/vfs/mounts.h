#pragma once
// What is done to mounts: mount(2), umount2(2), pivot_root(2), mount_setattr(2), mount_namespaces(7).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// The place that is seen at `path`: what is mounted there, if anything is.
Path cross_mounts(const Kernel& kernel, Path path);
/// All mounts on that dentry go, in every namespace: its name was removed.
void detach_mounts_on(Kernel& kernel, DentryId dentry);

}  // namespace drydock::machine
