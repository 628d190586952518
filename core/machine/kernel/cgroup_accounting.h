#pragma once
// cgroups(7): what groups use, and what their limits do. fs/cgroup shows and sets them.

#include <cstdint>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// The hierarchy with that controller ("memory", "cpu", "pids", "freezer"); kCgroupHierarchiesMax: none has it.
std::size_t hierarchy_with(const Kernel& kernel, std::string_view controller);
/// The process's group for that controller; none when there is no such hierarchy.
CgroupId cgroup_for(const Kernel& kernel, const Process& process, std::string_view controller);
/// In every hierarchy, of a new process whose `cgroups` is set: false (EAGAIN) when pids.max of a group forbids it.
bool attach_new_task(Kernel& kernel, ProcessId process);
void detach_task(Kernel& kernel, ProcessId process);  // a thread has ended
void detach_process(Kernel& kernel, ProcessId process);
/// Writing to cgroup.procs. Memory that has been charged stays where it is in Linux; here it moves along.
Result<void, Errno> migrate(Kernel& kernel, ProcessId process, CgroupId to);

/// One more private page: false when a limit (after the OOM killer's work) does not allow it.
bool charge_page(Kernel& kernel, TaskId task, AddressSpaceId memory);
/// The groups are told how much the address space really has now (after munmap(2), exit).
void settle_memory(Kernel& kernel, AddressSpaceId memory);
void uncharge_all(Kernel& kernel, AddressSpaceId memory);

/// CPU time used by a task: counted, and held against the quotas. True: the task may not go on in this period.
bool charge_cpu(Kernel& kernel, TaskId task, std::uint64_t user_ns, std::uint64_t system_ns);
/// Periods that have ended: throttled tasks run again.
void end_cpu_periods(Kernel& kernel);
/// cgroup.freeze: the group's processes and those below stop, or go on.
void set_frozen(Kernel& kernel, CgroupId group, bool frozen);

}  // namespace drydock::machine
