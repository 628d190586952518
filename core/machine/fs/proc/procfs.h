#pragma once
// proc(5): the file system of processes and of the kernel's state. Options: hidepid, gid, subset=pid.

#include <string_view>

#include "machine/fs/pseudo/node_table.h"
#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Shows the pid namespace of the caller. EPERM: in a user namespace that does not own it.
Result<SuperblockId, Errno> mount_proc(const Caller& caller, std::string_view source, std::uint64_t flags,
                                       std::string_view data);

/// All that is not about processes: /proc/meminfo, /proc/sys/... A table of tables: system_files.cpp, sysctl.cpp.
const NodeTable& system_nodes();
std::span<const NodeRow> system_file_rows();
std::span<const NodeRow> sysctl_rows();
/// Below sys/ the mode bits hold for everybody, capabilities or not; those of root are also the network namespace's
/// administrator's for sys/net.
std::optional<Result<void, Errno>> sysctl_permission(const Caller& caller, std::string_view path, std::uint32_t mode,
                                                     int mask);

}  // namespace drydock::machine
