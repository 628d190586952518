#pragma once
// The types that mount(2) and /proc/filesystems know. They are registered at boot, each by the room that has it.

#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// One of the same name is replaced.
void register_filesystem(Kernel& kernel, const FileSystemType& type);
const FileSystemType* find_filesystem(const Kernel& kernel, std::string_view name);
/// tmpfs, ramfs, rootfs' type, overlay.
void register_data_filesystems(Kernel& kernel);

}  // namespace drydock::machine
