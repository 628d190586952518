#pragma once
// Handlers of the system family that have files of their own: sys_schedule.cpp, sys_futex.cpp. And what uname(2) says.

#include "machine/syscalls/call.h"

namespace drydock::machine {

inline constexpr std::string_view kKernelRelease = "6.1.0-drydock";
inline constexpr std::string_view kKernelVersion = "#1 SMP PREEMPT_DYNAMIC Drydock";

Outcome sys_sched_yield(const Call& call);
Outcome sys_getpriority(const Call& call);
Outcome sys_setpriority(const Call& call);
Outcome sys_sched_setparam(const Call& call);
Outcome sys_sched_getparam(const Call& call);
Outcome sys_sched_setscheduler(const Call& call);
Outcome sys_sched_getscheduler(const Call& call);
Outcome sys_sched_get_priority_max(const Call& call);
Outcome sys_sched_get_priority_min(const Call& call);
Outcome sys_sched_rr_get_interval(const Call& call);
Outcome sys_sched_setaffinity(const Call& call);
Outcome sys_sched_getaffinity(const Call& call);
Outcome sys_ioprio_set(const Call& call);
Outcome sys_ioprio_get(const Call& call);

Outcome sys_futex(const Call& call);
Outcome sys_set_robust_list(const Call& call);
Outcome sys_get_robust_list(const Call& call);

}  // namespace drydock::machine
