// time(7): clock_gettime(2), nanosleep(2), alarm(2), setitimer(2), timer_create(2), times(2), getrusage(2).
// Not modelled: timers on CPU time clocks, slewing the clock (adjtimex(2) only tells: EINVAL with its event for a
// change).

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/families.h"
#include "machine/syscalls/rusage.h"
#include "machine/syscalls/time_values.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kTickNs = 10'000'000;         // clock_t
constexpr std::uint64_t kCoarseNs = 4'000'000;        // of the COARSE clocks: 250 a second
constexpr std::uint64_t kTimerIntervalMinNs = 1'000;  // a timer that repeats faster fires so often at most
constexpr std::size_t kPosixTimersMax = 1024;         // of one process: EAGAIN
enum Clock : std::int32_t {
  realtime = 0,
  monotonic = 1,
  process_cpu = 2,
  thread_cpu = 3,
  monotonic_raw = 4,
  realtime_coarse = 5,
  monotonic_coarse = 6,
  boottime = 7,
  realtime_alarm = 8,
  boottime_alarm = 9,
  tai = 11
};

const TimeNamespace* time_space(const Call& call) {
  return call.kernel.time_namespaces.find(call.self().namespaces.time);
}

/// What the namespace adds to CLOCK_MONOTONIC and CLOCK_BOOTTIME. time_namespaces(7).
std::int64_t clock_offset(const Call& call, std::int32_t clock) {
  const TimeNamespace* space = time_space(call);
  if (space == nullptr) return 0;
  if (clock == boottime || clock == boottime_alarm) return space->boottime_offset_ns;
  if (clock == monotonic || clock == monotonic_raw || clock == monotonic_coarse) return space->monotonic_offset_ns;
  return 0;
}

// Clocks of other processes are named by negative numbers: ~pid << 3 | kind, bit 2 for a thread. clock_getcpuclockid(3)
Result<std::uint64_t, Errno> cpu_clock_ns(const Call& call, std::int32_t clock) {
  const Kernel& kernel = call.kernel;
  const std::int64_t pid = ~(std::int64_t{clock} >> 3);
  const bool of_thread = (clock & 4) != 0;
  if ((clock & 3) == 3) return Errno::einval;
  if (of_thread) {
    const TaskId task = pid == 0 ? call.task : find_task(kernel, call.self().pid_namespace, pid);
    if (!task || kernel.tasks[task].process != call.self().process) return Errno::einval;
    return kernel.tasks[task].user_ns + kernel.tasks[task].system_ns;
  }
  const ProcessId id = pid == 0 ? call.self().process : find_process(kernel, call.self().pid_namespace, pid);
  if (!id) return Errno::einval;
  const Process& process = kernel.processes[id];
  return user_time_ns(kernel, process) + system_time_ns(kernel, process);
}

Result<std::uint64_t, Errno> clock_ns(const Call& call, std::int32_t clock) {
  const Kernel& kernel = call.kernel;
  if (clock < 0) return cpu_clock_ns(call, clock);
  const std::uint64_t since_boot = kernel.clock_ns + static_cast<std::uint64_t>(clock_offset(call, clock));
  const auto wall = static_cast<std::uint64_t>(kernel.wall_ns());
  switch (clock) {
    case realtime:
    case realtime_alarm:
    case tai:
      return wall;
    case realtime_coarse:
      return wall / kCoarseNs * kCoarseNs;
    case monotonic:
    case monotonic_raw:
    case boottime:
    case boottime_alarm:
      return since_boot;
    case monotonic_coarse:
      return since_boot / kCoarseNs * kCoarseNs;
    case process_cpu:
      return cpu_clock_ns(call, static_cast<std::int32_t>(~0u << 3 | 2));
    case thread_cpu:
      return cpu_clock_ns(call, static_cast<std::int32_t>(~0u << 3 | 6));
    default:
      return Errno::einval;
  }
}

Outcome sys_clock_gettime(const Call& call) {
  const std::uint64_t now = TRY(clock_ns(call, call.i32(0)));
  TRY(write_timespec(call, call.address(1), now));
  return done();
}

Outcome sys_clock_getres(const Call& call) {
  const std::int32_t clock = call.i32(0);
  (void)TRY(clock_ns(call, clock));
  const bool coarse = clock == realtime_coarse || clock == monotonic_coarse;
  if (call.address(1) != 0) TRY(write_timespec(call, call.address(1), coarse ? kCoarseNs : 1));
  return done();
}

Outcome set_wall_clock(const Call& call, std::uint64_t wall_ns) {
  if (!capable(call, cap::sys_time)) return Errno::eperm;
  if (wall_ns >= kForeverNs / 2 || wall_ns < call.kernel.clock_ns) return Errno::einval;
  call.kernel.boot_time_ns = static_cast<std::int64_t>(wall_ns - call.kernel.clock_ns);
  return done();
}

Outcome sys_clock_settime(const Call& call) {
  if (call.i32(0) != realtime) {
    (void)TRY(clock_ns(call, call.i32(0)));
    return Errno::einval;
  }
  return set_wall_clock(call, TRY(read_timespec(call, call.address(1))));
}

Outcome sys_gettimeofday(const Call& call) {
  if (call.address(0) != 0)
    TRY(write_timeval(call, call.address(0), static_cast<std::uint64_t>(call.kernel.wall_ns())));
  if (call.address(1) != 0) TRY(call.store64(call.address(1), 0));
  return done();
}

Outcome sys_settimeofday(const Call& call) {
  if (call.address(0) == 0) return capable(call, cap::sys_time) ? done() : Outcome(Errno::eperm);
  return set_wall_clock(call, TRY(read_timeval(call, call.address(0))));
}

Outcome sys_time(const Call& call) {
  const auto seconds = static_cast<std::uint64_t>(call.kernel.wall_ns()) / kSecondNs;
  if (call.address(0) != 0) TRY(call.store64(call.address(0), seconds));
  return static_cast<std::int64_t>(seconds);
}

// struct timex of a clock that nothing has ever set right: the values that Linux boots with.
Outcome tell_timex(const Call& call, std::uint64_t address) {
  constexpr std::uint64_t phase_limit_us = 16'000'000, tolerance = 500 << 16, tick_us = 10'000;
  constexpr std::uint32_t unsynchronised = 0x40;
  constexpr std::int64_t time_error = 5;
  if (TRY(call.load32(address)) != 0) {
    if (!capable(call, cap::sys_time)) return Errno::eperm;
    note_unimplemented(call.kernel, call.task, "adjtimex(2) that changes the clock");
    return Errno::einval;
  }
  const auto now_us = static_cast<std::uint64_t>(call.kernel.wall_ns()) / 1000;
  StructWriter out;
  out.u64(0).u64(0).u64(0).u64(phase_limit_us).u64(phase_limit_us).u32(unsynchronised).u32(0);
  out.u64(2).u64(1).u64(tolerance).u64(now_us / 1'000'000).u64(now_us % 1'000'000).u64(tick_us);
  out.zeros(8 * 8).zeros(12 * 4);
  TRY(call.copy_out(address, out.span()));
  return time_error;
}

Outcome sys_adjtimex(const Call& call) {
  return tell_timex(call, call.address(0));
}

Outcome sys_clock_adjtime(const Call& call) {
  (void)TRY(clock_ns(call, call.i32(0)));
  return call.i32(0) == realtime ? tell_timex(call, call.address(1)) : Outcome(Errno::eopnotsupp);
}

Outcome sleep_until(const Call& call, std::uint64_t remaining_at) {
  const std::uint64_t deadline = *call.self().restart.deadline_ns;
  if (deadline <= call.kernel.clock_ns) return done();
  Block wait{{}, deadline, Interruption::eintr, std::nullopt};
  wait.remaining_at = remaining_at;
  return wait;
}

Outcome sys_nanosleep(const Call& call) {
  Task& task = call.self();
  if (!task.restart.again)
    task.restart.deadline_ns = deadline_after(call.kernel, TRY(read_timespec(call, call.address(0))));
  return sleep_until(call, call.address(1));
}

Outcome sys_clock_nanosleep(const Call& call) {
  constexpr std::uint32_t timer_abstime = 1;
  const std::int32_t clock = call.i32(0);
  const bool absolute = (call.u32(1) & timer_abstime) != 0;
  Task& task = call.self();
  const std::uint64_t now = TRY(clock_ns(call, clock));
  if (clock < 0 || clock == process_cpu || clock == thread_cpu || clock == monotonic_raw || clock == realtime_coarse ||
      clock == monotonic_coarse)
    return Errno::eopnotsupp;
  if (!task.restart.again) {
    const std::uint64_t wanted = TRY(read_timespec(call, call.address(2)));
    const std::uint64_t span = absolute ? (wanted > now ? wanted - now : 0) : wanted;
    task.restart.deadline_ns = deadline_after(call.kernel, span);
  }
  return sleep_until(call, absolute ? 0 : call.address(3));
}

std::uint64_t time_left(const Kernel& kernel, const std::optional<std::uint64_t>& at_ns) {
  if (!at_ns) return 0;
  // One that is due but has not been looked at yet has a little left, since 0 means that it is not set.
  return *at_ns > kernel.clock_ns ? *at_ns - kernel.clock_ns : 1;
}

void set_alarm(const Call& call, std::uint64_t value_ns, std::uint64_t interval_ns) {
  Process& process = call.kernel.processes[call.self().process];
  process.alarm_ns.reset();
  process.alarm_interval_ns = interval_ns == 0 ? 0 : std::max(interval_ns, kTimerIntervalMinNs);
  if (value_ns == 0) return;
  process.alarm_ns = deadline_after(call.kernel, value_ns);
  schedule_timer(call.kernel, *process.alarm_ns, process.id);
}

Outcome sys_alarm(const Call& call) {
  const std::uint64_t left = time_left(call.kernel, call.kernel.processes[call.self().process].alarm_ns);
  set_alarm(call, std::uint64_t{call.u32(0)} * kSecondNs, 0);
  // Never 0 for an alarm that was set: alarm(2) as Linux rounds.
  std::uint64_t seconds = left / kSecondNs;
  if ((seconds == 0 && left != 0) || left % kSecondNs >= kSecondNs / 2) ++seconds;
  return static_cast<std::int64_t>(seconds);
}

struct IntervalTimer {
  std::uint64_t value_ns = 0, interval_ns = 0;
};

Result<IntervalTimer, Errno> interval_timer(const Call& call, std::int32_t which) {
  const Process& process = call.kernel.processes[call.self().process];
  switch (which) {
    case 0:
      return IntervalTimer{time_left(call.kernel, process.alarm_ns), process.alarm_interval_ns};
    case 1:
      return IntervalTimer{process.virtual_timer_ns.value_or(0), process.virtual_interval_ns};
    case 2:
      return IntervalTimer{process.profile_timer_ns.value_or(0), process.profile_interval_ns};
    default:
      return Errno::einval;
  }
}

Result<void, Errno> write_itimerval(const Call& call, std::uint64_t address, const IntervalTimer& timer) {
  TRY(write_timeval(call, address, timer.interval_ns));
  return write_timeval(call, address + 16, timer.value_ns);
}

Outcome sys_getitimer(const Call& call) {
  const IntervalTimer timer = TRY(interval_timer(call, call.i32(0)));
  TRY(write_itimerval(call, call.address(1), timer));
  return done();
}

Outcome sys_setitimer(const Call& call) {
  IntervalTimer wanted;
  if (call.address(1) != 0) {
    wanted.interval_ns = TRY(read_timeval(call, call.address(1)));
    wanted.value_ns = TRY(read_timeval(call, call.address(1) + 16));
  }
  const IntervalTimer before = TRY(interval_timer(call, call.i32(0)));
  Process& process = call.kernel.processes[call.self().process];
  const std::optional<std::uint64_t> value =
      wanted.value_ns == 0 ? std::nullopt : std::optional<std::uint64_t>(wanted.value_ns);
  switch (call.i32(0)) {
    case 0:
      set_alarm(call, wanted.value_ns, wanted.interval_ns);
      break;
    case 1:
      process.virtual_timer_ns = value;
      process.virtual_interval_ns = wanted.interval_ns;
      break;
    default:
      process.profile_timer_ns = value;
      process.profile_interval_ns = wanted.interval_ns;
  }
  if (call.address(2) != 0) TRY(write_itimerval(call, call.address(2), before));
  return done();
}

PosixTimer* find_timer(const Call& call, std::int32_t id) {
  for (PosixTimer& timer : call.kernel.processes[call.self().process].posix_timers)
    if (timer.id == id) return &timer;
  return nullptr;
}

Outcome sys_timer_create(const Call& call) {
  constexpr int notify_signal = 0, notify_none = 1, notify_thread_id = 4;
  const std::int32_t clock = call.i32(0);
  (void)TRY(clock_ns(call, clock));
  if (clock < 0 || clock == process_cpu || clock == thread_cpu || clock == monotonic_raw || clock == realtime_coarse ||
      clock == monotonic_coarse)
    return Errno::eopnotsupp;
  Process& process = call.kernel.processes[call.self().process];
  if (process.posix_timers.size() >= kPosixTimersMax) return Errno::eagain;
  PosixTimer timer;
  while (find_timer(call, timer.id) != nullptr) ++timer.id;
  timer.clock = clock;
  timer.value = static_cast<std::uint64_t>(timer.id);
  if (call.address(1) != 0) {
    std::string raw(64, '\0');
    TRY(call.copy_in(call.address(1), {raw.data(), raw.size()}));
    const StructReader event(std::move(raw));
    timer.value = event.u64(0);
    timer.signal = static_cast<int>(event.u32(8));
    timer.notify = static_cast<int>(event.u32(12));
    if (timer.notify != notify_signal && timer.notify != notify_none && timer.notify != notify_thread_id)
      return Errno::einval;
    if (timer.notify != notify_none && (timer.signal < 1 || timer.signal > kSignalMax)) return Errno::einval;
    if (timer.notify == notify_thread_id) {
      timer.thread = find_task(call.kernel, call.self().pid_namespace, event.u32(16));
      if (!timer.thread || call.kernel.tasks[timer.thread].process != process.id) return Errno::einval;
    }
  }
  TRY(call.store32(call.address(2), static_cast<std::uint32_t>(timer.id)));
  process.posix_timers.push_back(timer);
  return done();
}

Result<void, Errno> write_itimerspec(const Call& call, std::uint64_t address, const PosixTimer& timer) {
  TRY(write_timespec(call, address, timer.interval_ns));
  return write_timespec(call, address + 16, time_left(call.kernel, timer.expiry_ns));
}

Outcome sys_timer_settime(const Call& call) {
  if (call.address(2) == 0) return Errno::einval;
  const std::uint64_t interval = TRY(read_timespec(call, call.address(2)));
  const std::uint64_t value = TRY(read_timespec(call, call.address(2) + 16));
  PosixTimer* timer = find_timer(call, call.i32(0));
  if (timer == nullptr) return Errno::einval;
  const PosixTimer before = *timer;
  timer->interval_ns = interval == 0 ? 0 : std::max(interval, kTimerIntervalMinNs);
  timer->expiry_ns.reset();
  timer->overrun = 0;
  if (value != 0) {
    const std::uint64_t now = TRY(clock_ns(call, timer->clock));
    const bool absolute = (call.u32(1) & 1) != 0;
    timer->expiry_ns = deadline_after(call.kernel, absolute ? (value > now ? value - now : 0) : value);
    schedule_timer(call.kernel, *timer->expiry_ns, call.self().process);
  }
  if (call.address(3) != 0) TRY(write_itimerspec(call, call.address(3), before));
  return done();
}

Outcome sys_timer_gettime(const Call& call) {
  const PosixTimer* timer = find_timer(call, call.i32(0));
  if (timer == nullptr) return Errno::einval;
  TRY(write_itimerspec(call, call.address(1), *timer));
  return done();
}

Outcome sys_timer_getoverrun(const Call& call) {
  const PosixTimer* timer = find_timer(call, call.i32(0));
  if (timer == nullptr) return Errno::einval;
  return static_cast<std::int64_t>(std::min<std::uint64_t>(timer->overrun, 0x7fffffff));
}

Outcome sys_timer_delete(const Call& call) {
  const std::int32_t id = call.i32(0);
  const std::size_t count = std::erase_if(call.kernel.processes[call.self().process].posix_timers,
                                          [id](const PosixTimer& timer) { return timer.id == id; });
  return count == 0 ? Outcome(Errno::einval) : done();
}

Outcome sys_times(const Call& call) {
  const Process& process = call.kernel.processes[call.self().process];
  if (call.address(0) != 0) {
    StructWriter out;
    out.u64(user_time_ns(call.kernel, process) / kTickNs).u64(system_time_ns(call.kernel, process) / kTickNs);
    out.u64(process.children_user_ns / kTickNs).u64(process.children_system_ns / kTickNs);
    TRY(call.copy_out(call.address(0), out.span()));
  }
  return static_cast<std::int64_t>(call.kernel.clock_ns / kTickNs);
}

Outcome sys_getrusage(const Call& call) {
  const Process& process = call.kernel.processes[call.self().process];
  Usage usage;
  const AddressSpace* memory = call.kernel.memories.find(call.self().memory);
  usage.peak_pages = std::max(process.peak_pages_before, memory != nullptr ? memory->peak_resident_pages : 0);
  switch (call.i32(0)) {
    case 0:
      usage.user_ns = user_time_ns(call.kernel, process);
      usage.system_ns = system_time_ns(call.kernel, process);
      break;
    case 1:
      usage.user_ns = call.self().user_ns;
      usage.system_ns = call.self().system_ns;
      break;
    case -1:
      usage = {process.children_user_ns, process.children_system_ns, process.children_peak_pages};
      break;
    default:
      return Errno::einval;
  }
  TRY(call.copy_out(call.address(1), rusage_bytes(usage).span()));
  return done();
}

constexpr SyscallRow kRows[] = {
    {35, "nanosleep", sys_nanosleep, {Arg::timespec, Arg::address}, "nanosleep(2)", Support::full, ""},
    {36, "getitimer", sys_getitimer, {Arg::i32, Arg::address}, "getitimer(2)", Support::full, ""},
    {37, "alarm", sys_alarm, {Arg::u32}, "alarm(2)", Support::full, ""},
    {38, "setitimer", sys_setitimer, {Arg::i32, Arg::address, Arg::address}, "setitimer(2)", Support::full, ""},
    {96, "gettimeofday", sys_gettimeofday, {Arg::timeval, Arg::address}, "gettimeofday(2)", Support::full, ""},
    {98, "getrusage", sys_getrusage, {Arg::i32, Arg::address}, "getrusage(2)", Support::partial, "no fault counts"},
    {100, "times", sys_times, {Arg::address}, "times(2)", Support::full, ""},
    {159, "adjtimex", sys_adjtimex, {Arg::address}, "adjtimex(2)", Support::partial, "only tells"},
    {164, "settimeofday", sys_settimeofday, {Arg::timeval, Arg::address}, "settimeofday(2)", Support::full, ""},
    {201, "time", sys_time, {Arg::address}, "time(2)", Support::full, ""},
    {222,
     "timer_create",
     sys_timer_create,
     {Arg::clock_id, Arg::address, Arg::address},
     "timer_create(2)",
     Support::partial,
     "no timers on CPU time"},
    {223,
     "timer_settime",
     sys_timer_settime,
     {Arg::i32, Arg::hex, Arg::address, Arg::address},
     "timer_settime(2)",
     Support::full,
     ""},
    {224, "timer_gettime", sys_timer_gettime, {Arg::i32, Arg::address}, "timer_settime(2)", Support::full, ""},
    {225, "timer_getoverrun", sys_timer_getoverrun, {Arg::i32}, "timer_getoverrun(2)", Support::full, ""},
    {226, "timer_delete", sys_timer_delete, {Arg::i32}, "timer_delete(2)", Support::full, ""},
    {227, "clock_settime", sys_clock_settime, {Arg::clock_id, Arg::timespec}, "clock_gettime(2)", Support::full, ""},
    {228, "clock_gettime", sys_clock_gettime, {Arg::clock_id, Arg::timespec}, "clock_gettime(2)", Support::full, ""},
    {229, "clock_getres", sys_clock_getres, {Arg::clock_id, Arg::timespec}, "clock_gettime(2)", Support::full, ""},
    {230,
     "clock_nanosleep",
     sys_clock_nanosleep,
     {Arg::clock_id, Arg::hex, Arg::timespec, Arg::address},
     "clock_nanosleep(2)",
     Support::full,
     ""},
    {305,
     "clock_adjtime",
     sys_clock_adjtime,
     {Arg::clock_id, Arg::address},
     "adjtimex(2)",
     Support::partial,
     "only tells"},
    {283, "timerfd_create", nullptr, {Arg::clock_id, Arg::hex}, "timerfd_create(2)", Support::none, ""},
};

}  // namespace

std::span<const SyscallRow> time_calls() {
  return kRows;
}

}  // namespace drydock::machine
