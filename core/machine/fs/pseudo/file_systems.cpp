// Registration of the file systems that keep no data.

#include "machine/fs/pseudo/file_systems.h"

#include "machine/fs/cgroup/cgroupfs.h"
#include "machine/fs/dev/devtmpfs.h"
#include "machine/fs/devpts/devpts.h"
#include "machine/fs/mqueue/mqueue.h"
#include "machine/fs/proc/procfs.h"
#include "machine/fs/sys/sysfs.h"
#include "machine/vfs/filesystem_types.h"

namespace drydock::machine {

void register_pseudo_filesystems(Kernel& kernel) {
  register_filesystem(kernel, {"sysfs", false, true, mount_sysfs});
  register_filesystem(kernel, {"proc", false, true, mount_proc});
  register_filesystem(kernel, {"cgroup", false, true, mount_cgroup1});
  register_filesystem(kernel, {"cgroup2", false, true, mount_cgroup2});
  register_filesystem(kernel, {"devtmpfs", false, false, mount_devtmpfs});
  register_filesystem(kernel, {"devpts", false, true, mount_devpts});
  register_filesystem(kernel, {"mqueue", false, true, mount_mqueue});
}

}  // namespace drydock::machine
