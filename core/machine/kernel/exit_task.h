#pragma once
// The end of tasks and processes, orphans and zombies. _exit(2), wait(2), credentials(7).

#include <cstdint>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// `status` as wait(2) tells it: code << 8, or a signal, | 0x80 when a core would have been dumped.
/// exit_task ends one thread, and the process when it is the last; exit_process all of them.
/// Both may be called for any task, running or not, hosted or not.
void exit_task(Kernel& kernel, TaskId task, int status);
void exit_process(Kernel& kernel, ProcessId process, int status);
/// For execve(2): all threads but this one end, and it becomes the leader.
void end_other_threads(Kernel& kernel, TaskId survivor);
/// vfork(2)'s parent goes on: the child has other memory, or none, now.
void release_vfork_parent(Kernel& kernel, TaskId child);
/// Waited for: nothing is left of the process.
void reap(Kernel& kernel, ProcessId process);
/// Gives the task's memory back (execve(2), exit).
void release_memory(Kernel& kernel, AddressSpaceId memory);

/// CPU time of all threads, ended ones included.
std::uint64_t user_time_ns(const Kernel& kernel, const Process& process);
std::uint64_t system_time_ns(const Kernel& kernel, const Process& process);

}  // namespace drydock::machine
