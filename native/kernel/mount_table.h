#pragma once
// The mounts of this process as proc_pid_mountinfo(5) lists them.

#include <string>
#include <string_view>
#include <vector>

#include "native/kernel/fd.h"

namespace drydock::native {

struct MountEntry {
  std::string root;         // which directory of the file system is mounted
  std::string mount_point;  // on this process's side
  std::string type;
  std::string super_options;
};

/// Lines that do not have the documented form are left out.
std::vector<MountEntry> parse_mount_info(std::string_view text);
Result<std::vector<MountEntry>, SysError> read_mount_table();

}  // namespace drydock::native
