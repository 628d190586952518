#pragma once
// The types of the file systems that keep no data, for vfs/filesystem_types.h.

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// proc, sysfs, cgroup, cgroup2, devpts, devtmpfs, mqueue.
void register_pseudo_filesystems(Kernel& kernel);

}  // namespace drydock::machine
