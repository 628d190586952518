// ITIMER_REAL, POSIX timers, and the timers and limits of CPU time.

#include "machine/kernel/timers.h"

#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"

namespace drydock::machine {
namespace {

// The next expiry after now, and how many were missed in between.
std::uint64_t advance(std::uint64_t expiry_ns, std::uint64_t interval_ns, std::uint64_t now_ns, std::uint64_t* missed) {
  const std::uint64_t behind = (now_ns - expiry_ns) / interval_ns;
  *missed = behind;
  return expiry_ns + (behind + 1) * interval_ns;
}

void fire_alarm(Kernel& kernel, Process& process) {
  if (!process.alarm_ns || *process.alarm_ns > kernel.clock_ns) return;
  std::uint64_t missed = 0;
  if (process.alarm_interval_ns == 0) {
    process.alarm_ns.reset();
  } else {
    process.alarm_ns = advance(*process.alarm_ns, process.alarm_interval_ns, kernel.clock_ns, &missed);
    schedule_timer(kernel, *process.alarm_ns, process.id);
  }
  SignalInfo info = kernel_signal(sig_alrm);
  info.from_ancestor = false;
  (void)send_signal(kernel, process.id, info);
}

void fire_posix(Kernel& kernel, ProcessId owner, PosixTimer& timer) {
  if (!timer.expiry_ns || *timer.expiry_ns > kernel.clock_ns) return;
  std::uint64_t missed = 0;
  if (timer.interval_ns == 0) {
    timer.expiry_ns.reset();
  } else {
    timer.expiry_ns = advance(*timer.expiry_ns, timer.interval_ns, kernel.clock_ns, &missed);
    schedule_timer(kernel, *timer.expiry_ns, owner);
  }
  timer.overrun = missed;
  if (timer.notify == 1) return;
  SignalInfo info;
  info.signal = timer.signal;
  info.code = kSiTimer;
  info.timer_id = timer.id;
  info.overrun = static_cast<int>(missed > 0x7fffffff ? 0x7fffffff : missed);
  info.value = timer.value;
  if (timer.thread) {
    (void)send_signal_to_task(kernel, timer.thread, info);
  } else {
    (void)send_signal(kernel, owner, info);
  }
}

void count_down(Kernel& kernel, ProcessId id, std::optional<std::uint64_t>& left, std::uint64_t interval_ns,
                std::uint64_t used_ns, int signal) {
  if (!left) return;
  if (*left > used_ns) {
    *left -= used_ns;
    return;
  }
  if (interval_ns == 0) {
    left.reset();
  } else {
    left = interval_ns - (used_ns - *left) % interval_ns;
  }
  SignalInfo info = kernel_signal(signal);
  info.from_ancestor = false;
  (void)send_signal(kernel, id, info);
}

void hold_cpu_limit(Kernel& kernel, Process& process, std::uint64_t before_ns, std::uint64_t after_ns) {
  constexpr std::uint64_t second = 1'000'000'000;
  const ResourceLimit& limit = process.limits[kRlimitCpu];
  if (limit.hard != ~std::uint64_t{0} && after_ns / second >= limit.hard) {
    (void)send_signal(kernel, process.id, kernel_signal(sig_kill));
    return;
  }
  // SIGXCPU once the soft limit is reached, and again each second. setrlimit(2).
  if (limit.soft == ~std::uint64_t{0} || after_ns / second < limit.soft) return;
  if (before_ns / second < limit.soft || after_ns / second != before_ns / second)
    (void)send_signal(kernel, process.id, kernel_signal(sig_xcpu));
}

}  // namespace

void fire_timers(Kernel& kernel, ProcessId id) {
  Process* process = kernel.processes.find(id);
  if (process == nullptr || process->threads.empty()) return;
  fire_alarm(kernel, *process);
  for (std::size_t at = 0; at < process->posix_timers.size(); ++at) {
    fire_posix(kernel, id, process->posix_timers[at]);
    process = kernel.processes.find(id);
    if (process == nullptr) return;
  }
}

void account_cpu(Kernel& kernel, TaskId id, std::uint64_t user_ns, std::uint64_t system_ns) {
  Task& task = kernel.tasks[id];
  task.user_ns += user_ns;
  task.system_ns += system_ns;
  Process& process = kernel.processes[task.process];
  if (process.virtual_timer_ns)
    count_down(kernel, process.id, process.virtual_timer_ns, process.virtual_interval_ns, user_ns, sig_vtalrm);
  if (process.profile_timer_ns)
    count_down(kernel, process.id, process.profile_timer_ns, process.profile_interval_ns, user_ns + system_ns,
               sig_prof);
  if (process.limits[kRlimitCpu].soft == ~std::uint64_t{0} && process.limits[kRlimitCpu].hard == ~std::uint64_t{0})
    return;
  std::uint64_t used = process.threads_user_ns + process.threads_system_ns;
  for (TaskId thread : process.threads) used += kernel.tasks[thread].user_ns + kernel.tasks[thread].system_ns;
  hold_cpu_limit(kernel, process, used - user_ns - system_ns, used);
}

}  // namespace drydock::machine
