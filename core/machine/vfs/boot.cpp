// The first mount namespace.

#include "machine/vfs/boot.h"

#include "machine/abi/file.h"
#include "machine/fs/pseudo/file_systems.h"
#include "machine/fs/tmpfs/tmpfs.h"
#include "machine/vfs/filesystem_types.h"
#include "machine/vfs/mount_tree.h"

namespace drydock::machine {

BootRoot boot_mounts(Kernel& kernel) {
  register_data_filesystems(kernel);
  register_pseudo_filesystems(kernel);
  BootRoot boot;
  MountNamespace space;
  space.owner = kernel.initial_user_namespace;
  space.number = kernel.next_inode_number++;
  boot.mount_namespace = kernel.mount_namespaces.emplace(std::move(space));

  const SuperblockId hidden = add_tmpfs(kernel, 0755);
  kernel.superblocks[hidden].type = "rootfs";
  const MountId rootfs = new_mount(kernel, hidden, kernel.superblocks[hidden].root, "none", 0);
  kernel.mount_namespaces[boot.mount_namespace].root = rootfs;
  enter_namespace(kernel, rootfs, boot.mount_namespace);
  const SuperblockId disk = add_tmpfs(kernel, 0755);
  const MountId root = new_mount(kernel, disk, kernel.superblocks[disk].root, "tmpfs", abi::ms_relatime);
  attach_mount(kernel, root, Path{rootfs, kernel.superblocks[hidden].root});
  boot.fs.root = boot.fs.cwd = Path{root, kernel.superblocks[disk].root};
  return boot;
}

}  // namespace drydock::machine
