// devtmpfs is a tmpfs that every mount shows the same of. It keeps its nodes while it is not mounted.

#include "machine/fs/dev/devtmpfs.h"

#include "machine/fs/dev/device.h"
#include "machine/fs/tmpfs/tmpfs.h"

namespace drydock::machine {

Result<SuperblockId, Errno> mount_devtmpfs(const Caller& caller, std::string_view, std::uint64_t, std::string_view) {
  Kernel& kernel = caller.kernel;
  for (const SuperblockId id : kernel.superblocks.ids()) {
    const Superblock& known = std::as_const(kernel.superblocks)[id];
    if (known.type == "devtmpfs" && std::as_const(kernel.dentries).find(known.root) != nullptr) return id;
  }
  const SuperblockId id = add_tmpfs(kernel, 0755);
  kernel.superblocks[id].type = "devtmpfs";
  ++kernel.superblocks[id].mounts;  // the kernel's own
  TRY(populate_dev(caller, {MountId{}, kernel.superblocks[id].root}));
  return id;
}

}  // namespace drydock::machine
