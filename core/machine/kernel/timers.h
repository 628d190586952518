#pragma once
// Timers of processes: alarm(2), setitimer(2), timer_create(2), RLIMIT_CPU.

#include <cstdint>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Sends the signals of those of the process's timers that are due.
void fire_timers(Kernel& kernel, ProcessId process);
/// CPU time was used: ITIMER_VIRTUAL, ITIMER_PROF, RLIMIT_CPU.
void account_cpu(Kernel& kernel, TaskId task, std::uint64_t user_ns, std::uint64_t system_ns);

}  // namespace drydock::machine
