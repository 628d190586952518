#pragma once
// Process and thread numbers: a task has one in its own pid namespace and in each above it. pid_namespaces(7).

#include <cstdint>
#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// The number of a process (also of one that only names a group or session any more) or thread as it is seen from a
/// pid namespace; 0: it is not seen there.
std::uint32_t pid_of(const Kernel& kernel, ProcessId process, PidNamespaceId seen_from);
std::uint32_t tid_of(const Kernel& kernel, TaskId task, PidNamespaceId seen_from);
/// As the caller sees it.
std::uint32_t pid_of(const Caller& caller, ProcessId process);

/// None when there is no such. find_process() finds zombies, but nothing that has been waited for.
ProcessId find_process(const Kernel& kernel, PidNamespaceId seen_from, std::int64_t pid);
TaskId find_task(const Kernel& kernel, PidNamespaceId seen_from, std::int64_t tid);
/// Also one that is only the name of a group or session.
ProcessId find_group(const Kernel& kernel, PidNamespaceId seen_from, std::int64_t pid);
/// True when `inner` is `outer` or lies below it.
bool is_within(const Kernel& kernel, PidNamespaceId inner, PidNamespaceId outer);

/// Numbers for a new task in `place` and in each namespace above it. EAGAIN: none is free. ENOMEM: its init has ended.
Result<std::vector<std::uint32_t>, Errno> free_tids(Kernel& kernel, PidNamespaceId place);
void enter_pid_tables(Kernel& kernel, TaskId task);
void leave_pid_tables(Kernel& kernel, TaskId task);
/// The process is done with: its number is free again once it names no group and no session.
void retire_pid(Kernel& kernel, ProcessId process);

/// Process groups and sessions, counting their members.
void join_group(Kernel& kernel, ProcessId process, ProcessId group);
void join_session(Kernel& kernel, ProcessId process, ProcessId session);
/// Living members, zombies included, in the order of their creation.
std::vector<ProcessId> group_members(const Kernel& kernel, ProcessId group);
/// setpgid(2): nobody in it has a parent in another group of the same session. `ignoring` is left out of account.
bool is_orphaned_group(const Kernel& kernel, ProcessId group, ProcessId ignoring = {});
bool has_stopped_member(const Kernel& kernel, ProcessId group);

}  // namespace drydock::machine
