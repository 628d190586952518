#pragma once
// The first mount namespace of a machine.

#include "machine/kernel/kernel.h"

namespace drydock::machine {

struct BootRoot {
  MountNamespaceId mount_namespace;  // no users yet
  FsContext fs;                      // at its root
};
/// Registers the file system types, and mounts a tmpfs over an empty rootfs, as Linux has it when it comes from its
/// initial RAM disk: pivot_root(2) asks for a root that is mounted on something.
BootRoot boot_mounts(Kernel& kernel);

}  // namespace drydock::machine
