// The registered file system types, in the order of registration.

#include "machine/vfs/filesystem_types.h"

#include <algorithm>

#include "machine/fs/overlay/overlay.h"
#include "machine/fs/tmpfs/tmpfs.h"

namespace drydock::machine {

void register_filesystem(Kernel& kernel, const FileSystemType& type) {
  for (FileSystemType& known : kernel.file_systems) {
    if (known.name != type.name) continue;
    known = type;
    return;
  }
  kernel.file_systems.push_back(type);
}

const FileSystemType* find_filesystem(const Kernel& kernel, std::string_view name) {
  const auto at = std::find_if(kernel.file_systems.begin(), kernel.file_systems.end(),
                               [&](const FileSystemType& type) { return type.name == name; });
  return at != kernel.file_systems.end() ? &*at : nullptr;
}

void register_data_filesystems(Kernel& kernel) {
  register_filesystem(kernel, {"tmpfs", false, true, mount_tmpfs});
  register_filesystem(kernel, {"ramfs", false, true, mount_ramfs});
  register_filesystem(kernel, {"overlay", false, true, mount_overlay});
}

}  // namespace drydock::machine
