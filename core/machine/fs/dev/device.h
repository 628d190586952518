#pragma once
// Character devices by number: what opening an inode made by mknod(2) gives. Linux's admin-guide/devices.txt.
//
// Not modelled: block devices (ENXIO), and character devices but those of the table in device.cpp.

#include <memory>
#include <span>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Every file system calls it for its device inodes, after the permission check. `mode` has the type (S_IFCHR,
/// S_IFBLK). EPERM: the cgroup's device rules forbid it. ENXIO: there is no such device. The caller sets the file's
/// fields.
Result<std::unique_ptr<File>, Errno> open_device(const Caller& caller, const Path& path, std::uint32_t mode,
                                                 std::uint32_t major, std::uint32_t minor, std::uint32_t flags);
/// mknod(2)'s check of the same rules. EPERM.
Result<void, Errno> may_make_device(const Caller& caller, std::uint32_t mode, std::uint32_t major, std::uint32_t minor);

struct DeviceNode {
  std::string_view name;  // below /dev
  std::uint32_t permissions = 0;
  std::uint32_t major = 0, minor = 0;
};
/// What devtmpfs has.
std::span<const DeviceNode> standard_devices();
/// Makes those nodes, and the directories and links that udev or a runtime adds (fd, stdin, stdout, stderr, pts, shm).
Result<void, Errno> populate_dev(const Caller& caller, const Path& directory);

}  // namespace drydock::machine
