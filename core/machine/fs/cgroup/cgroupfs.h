#pragma once
// The cgroup and cgroup2 file systems: directories are groups, files are their settings. cgroups(7).

#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// The unified hierarchy from the root of the caller's cgroup namespace. ENODEV when the machine has none.
Result<SuperblockId, Errno> mount_cgroup2(const Caller& caller, std::string_view source, std::uint64_t flags,
                                          std::string_view data);
/// The version 1 hierarchy of the controllers that `data` names. EBUSY: no hierarchy has just these (the machine's
/// hierarchies are made at boot).
Result<SuperblockId, Errno> mount_cgroup1(const Caller& caller, std::string_view source, std::uint64_t flags,
                                          std::string_view data);

/// mkdir(2) and rmdir(2) in it, for those who are no file system either. EEXIST, EAGAIN, EINVAL; EBUSY, ENOENT.
Result<CgroupId, Errno> make_cgroup(Kernel& kernel, CgroupId parent, std::string_view name);
Result<void, Errno> remove_cgroup(Kernel& kernel, CgroupId parent, std::string_view name);

}  // namespace drydock::machine
