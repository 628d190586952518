// kill(2), tgkill(2), rt_sigqueueinfo(2), sigaction(2), sigprocmask(2), sigsuspend(2), sigtimedwait(2), sigaltstack(2),
// sigreturn(2), pause(2), pidfd_send_signal(2).
// Not modelled: pidfds.

#include <limits>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/signal_frame.h"
#include "machine/syscalls/families.h"
#include "machine/syscalls/time_values.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kSigsetBytes = 8;
constexpr std::uint64_t kMinimalStackBytes = 2048;
constexpr std::uint32_t kOnStack = 1, kDisable = 2, kAutodisarm = 0x8000'0000;

bool is_signal(std::int64_t number) {
  return number >= 1 && number <= kSignalMax;
}

// EPERM only when none could be signalled; ESRCH when there was none.
struct ManyResult {
  bool found = false, sent = false;
  Result<void, Errno> outcome() const {
    if (!found) return Errno::esrch;
    if (!sent) return Errno::eperm;
    return {};
  }
};

void signal_one_of_many(const Call& call, ProcessId target, int signal, ManyResult& result) {
  result.found = true;
  if (!may_signal(call, target, signal).ok()) return;
  result.sent = true;
  if (signal != 0) (void)send_signal(call.kernel, target, user_signal(call, signal, kSiUser, target));
}

Result<void, Errno> kill_group(const Call& call, ProcessId group, int signal) {
  ManyResult result;
  const PidNamespaceId place = call.self().pid_namespace;
  for (ProcessId member : group_members(call.kernel, group))
    if (pid_of(call.kernel, member, place) != 0) signal_one_of_many(call, member, signal, result);
  return result.outcome();
}

// kill(2): everyone that is seen, but init and the caller itself.
Result<void, Errno> kill_everyone(const Call& call, int signal) {
  ManyResult result;
  const PidNamespace& place = call.kernel.pid_namespaces[call.self().pid_namespace];
  std::vector<ProcessId> targets;
  for (const auto& entry : place.processes)
    if (entry.first > 1 && entry.second != call.self().process && !call.kernel.processes[entry.second].reaped)
      targets.push_back(entry.second);
  for (ProcessId target : targets)
    if (const Process* process = call.kernel.processes.find(target); process != nullptr && !process->reaped)
      signal_one_of_many(call, target, signal, result);
  return result.outcome();
}

Outcome sys_kill(const Call& call) {
  const std::int64_t pid = call.i32(0);
  const int signal = call.i32(1);
  if (signal < 0 || signal > kSignalMax) return Errno::einval;
  if (pid == -1) {
    TRY(kill_everyone(call, signal));
    return done();
  }
  if (pid <= 0) {
    if (pid == std::numeric_limits<std::int32_t>::min()) return Errno::esrch;
    const ProcessId group = pid == 0 ? call.kernel.processes[call.self().process].group
                                     : find_group(call.kernel, call.self().pid_namespace, -pid);
    if (!group) return Errno::esrch;
    TRY(kill_group(call, group, signal));
    return done();
  }
  // A thread's number names its process, too.
  const TaskId task = find_task(call.kernel, call.self().pid_namespace, pid);
  if (!task) return Errno::esrch;
  const ProcessId target = call.kernel.tasks[task].process;
  TRY(may_signal(call, target, signal));
  if (signal != 0) TRY(send_signal(call.kernel, target, user_signal(call, signal, kSiUser, target)));
  return done();
}

Outcome signal_thread(const Call& call, std::int64_t tgid, std::int64_t tid, int signal) {
  if (tid <= 0 || signal < 0 || signal > kSignalMax) return Errno::einval;
  const TaskId task = find_task(call.kernel, call.self().pid_namespace, tid);
  if (!task) return Errno::esrch;
  const ProcessId target = call.kernel.tasks[task].process;
  if (tgid > 0 && pid_of(call, target) != tgid) return Errno::esrch;
  TRY(may_signal(call, target, signal));
  if (signal != 0) TRY(send_signal_to_task(call.kernel, task, user_signal(call, signal, kSiTkill, target)));
  return done();
}

Outcome sys_tkill(const Call& call) {
  return signal_thread(call, -1, call.i32(0), call.i32(1));
}
Outcome sys_tgkill(const Call& call) {
  if (call.i32(0) <= 0) return Errno::einval;
  return signal_thread(call, call.i32(0), call.i32(1), call.i32(2));
}

// The caller writes siginfo_t itself; it may pretend to be the kernel or kill(2) only towards itself.
Result<SignalInfo, Errno> queued_info(const Call& call, std::uint64_t address, int signal, bool to_self) {
  std::string raw(128, '\0');
  TRY(call.copy_in(address, {raw.data(), raw.size()}));
  const StructReader in(std::move(raw));
  SignalInfo info;
  info.signal = signal;
  info.error = static_cast<std::int32_t>(in.u32(4));
  info.code = static_cast<std::int32_t>(in.u32(8));
  info.told = true;
  info.sender_told = static_cast<std::int32_t>(in.u32(16));
  info.sender_uid = in.u32(20);
  info.value = in.u64(24);
  if ((info.code >= 0 || info.code == kSiTkill) && !to_self) return Errno::eperm;
  return info;
}

Outcome sys_rt_sigqueueinfo(const Call& call) {
  const int signal = call.i32(1);
  const TaskId task = find_task(call.kernel, call.self().pid_namespace, call.i32(0));
  const bool to_self = task && call.kernel.tasks[task].process == call.self().process;
  const SignalInfo info = TRY(queued_info(call, call.address(2), signal, to_self));
  if (!task) return Errno::esrch;
  if (signal < 0 || signal > kSignalMax) return Errno::einval;
  const ProcessId target = call.kernel.tasks[task].process;
  TRY(may_signal(call, target, signal));
  if (signal != 0) TRY(send_signal(call.kernel, target, info));
  return done();
}

Outcome sys_rt_tgsigqueueinfo(const Call& call) {
  const int signal = call.i32(2);
  if (call.i32(0) <= 0 || call.i32(1) <= 0) return Errno::einval;
  const TaskId task = find_task(call.kernel, call.self().pid_namespace, call.i32(1));
  const bool to_self = task && call.kernel.tasks[task].process == call.self().process;
  const SignalInfo info = TRY(queued_info(call, call.address(3), signal, to_self));
  if (!task || pid_of(call, call.kernel.tasks[task].process) != call.u32(0)) return Errno::esrch;
  if (signal < 0 || signal > kSignalMax) return Errno::einval;
  TRY(may_signal(call, call.kernel.tasks[task].process, signal));
  if (signal != 0) TRY(send_signal_to_task(call.kernel, task, info));
  return done();
}

// rt_sigaction(2), the kernel's struct: handler, flags, restorer, mask.
Outcome sys_rt_sigaction(const Call& call) {
  const int signal = call.i32(0);
  if (call.u64(3) != kSigsetBytes) return Errno::einval;
  SignalAction wanted;
  if (call.address(1) != 0) {
    std::string raw(32, '\0');
    TRY(call.copy_in(call.address(1), {raw.data(), raw.size()}));
    const StructReader in(std::move(raw));
    wanted = {in.u64(0), in.u64(8), in.u64(16), in.u64(24) & ~kUnblockable};
  }
  if (!is_signal(signal)) return Errno::einval;
  if (call.address(1) != 0 && (signal_bit(signal) & kUnblockable) != 0) return Errno::einval;
  SignalAction& action = call.kernel.signal_handlers[call.self().handlers].actions[static_cast<std::size_t>(signal)];
  const SignalAction before = action;
  if (call.address(1) != 0) {
    action = wanted;
    drop_ignored(call.kernel, call.self().process, signal);
  }
  if (call.address(2) != 0) {
    StructWriter out;
    out.u64(before.handler).u64(before.flags).u64(before.restorer).u64(before.mask);
    TRY(call.copy_out(call.address(2), out.span()));
  }
  return done();
}

Outcome sys_rt_sigprocmask(const Call& call) {
  if (call.u64(3) != kSigsetBytes) return Errno::einval;
  Task& task = call.self();
  const SignalSet before = task.blocked_signals;
  if (call.address(1) != 0) {
    const SignalSet set = TRY(call.load64(call.address(1))) & ~kUnblockable;
    switch (call.i32(0)) {
      case 0:
        task.blocked_signals |= set;
        break;
      case 1:
        task.blocked_signals &= ~set;
        break;
      case 2:
        task.blocked_signals = set;
        break;
      default:
        return Errno::einval;
    }
  }
  if (call.address(2) != 0) TRY(call.store64(call.address(2), before));
  return done();
}

Outcome sys_rt_sigpending(const Call& call) {
  if (call.u64(1) > kSigsetBytes) return Errno::einval;
  const Task& task = call.self();
  const SignalSet pending = (task.pending.set | call.kernel.processes[task.process].pending.set) & task.blocked_signals;
  StructWriter out;
  out.u64(pending);
  TRY(call.copy_out(call.address(0), out.span().subspan(0, call.u64(1))));
  return done();
}

Outcome sleep_until_signal() {
  return Block{{}, std::nullopt, Interruption::eintr, std::nullopt};
}

Outcome sys_rt_sigsuspend(const Call& call) {
  if (call.u64(1) != kSigsetBytes) return Errno::einval;
  Task& task = call.self();
  if (!task.restart.again) {
    const SignalSet mask = TRY(call.load64(call.address(0)));
    task.saved_mask = task.blocked_signals;
    task.blocked_signals = mask & ~kUnblockable;
  }
  return sleep_until_signal();
}

Outcome sys_pause(const Call&) {
  return sleep_until_signal();
}

// sigtimedwait(2). EAGAIN: the time is over.
Outcome sys_rt_sigtimedwait(const Call& call) {
  if (call.u64(3) != kSigsetBytes) return Errno::einval;
  const SignalSet wanted = TRY(call.load64(call.address(0))) & ~kUnblockable;
  Task& task = call.self();
  if (call.address(2) != 0 && !task.restart.again) {
    const std::uint64_t timeout_ns = TRY(read_timespec(call, call.address(2)));
    task.restart.deadline_ns = deadline_after(call.kernel, timeout_ns);
  }
  if (const std::optional<SignalInfo> info = take_signal(call.kernel, call.task, wanted)) {
    if (call.address(1) != 0) {
      const std::string bytes = siginfo_bytes(call.kernel, task, *info);
      TRY(call.copy_out(call.address(1), {bytes.data(), bytes.size()}));
    }
    return std::int64_t{info->signal};
  }
  if (task.restart.deadline_ns && *task.restart.deadline_ns <= call.kernel.clock_ns) return Errno::eagain;
  return Block{{{WaitKind::task, call.task.value}}, task.restart.deadline_ns, Interruption::eintr, std::nullopt};
}

bool is_on_alternate_stack(const Task& task) {
  const std::uint64_t sp = task.cpu.gpr[rsp];
  if ((task.alternate_stack_flags & kAutodisarm) != 0 || task.alternate_stack_bytes == 0) return false;
  return sp > task.alternate_stack && sp - task.alternate_stack <= task.alternate_stack_bytes;
}

Outcome sys_sigaltstack(const Call& call) {
  Task& task = call.self();
  StructWriter before;
  const std::uint32_t flags = task.alternate_stack_bytes == 0 ? kDisable
                                                              : (is_on_alternate_stack(task) ? kOnStack : 0) |
                                                                    (task.alternate_stack_flags & kAutodisarm);
  before.u64(task.alternate_stack).u32(flags).u32(0).u64(task.alternate_stack_bytes);
  if (call.address(0) != 0) {
    std::string raw(24, '\0');
    TRY(call.copy_in(call.address(0), {raw.data(), raw.size()}));
    const StructReader in(std::move(raw));
    const std::uint32_t mode = in.u32(8) & ~kAutodisarm;
    if (is_on_alternate_stack(task)) return Errno::eperm;
    if (mode != 0 && mode != kOnStack && mode != kDisable) return Errno::einval;
    const bool disable = mode == kDisable;
    if (!disable && in.u64(16) < kMinimalStackBytes) return Errno::enomem;
    task.alternate_stack = disable ? 0 : in.u64(0);
    task.alternate_stack_bytes = disable ? 0 : in.u64(16);
    task.alternate_stack_flags = in.u32(8);
  }
  if (call.address(1) != 0) TRY(call.copy_out(call.address(1), before.span()));
  return done();
}

Outcome sys_rt_sigreturn(const Call& call) {
  if (!pop_signal_frame(call.kernel, call.task)) {
    force_signal(call.kernel, call.task, kernel_signal(sig_segv));
    return done();
  }
  // What the interrupted code had in rax is the call's result.
  return static_cast<std::int64_t>(call.self().cpu.gpr[rax]);
}

constexpr SyscallRow kRows[] = {
    {13,
     "rt_sigaction",
     sys_rt_sigaction,
     {Arg::signal, Arg::sigaction, Arg::sigaction, Arg::size},
     "sigaction(2)",
     Support::full,
     ""},
    {14,
     "rt_sigprocmask",
     sys_rt_sigprocmask,
     {Arg::i32, Arg::sigset, Arg::sigset, Arg::size},
     "sigprocmask(2)",
     Support::full,
     ""},
    {15, "rt_sigreturn", sys_rt_sigreturn, {}, "sigreturn(2)", Support::full, ""},
    {34, "pause", sys_pause, {}, "pause(2)", Support::full, ""},
    {62, "kill", sys_kill, {Arg::pid, Arg::signal}, "kill(2)", Support::full, ""},
    {127, "rt_sigpending", sys_rt_sigpending, {Arg::sigset, Arg::size}, "sigpending(2)", Support::full, ""},
    {128,
     "rt_sigtimedwait",
     sys_rt_sigtimedwait,
     {Arg::sigset, Arg::address, Arg::timespec, Arg::size},
     "sigtimedwait(2)",
     Support::full,
     ""},
    {129,
     "rt_sigqueueinfo",
     sys_rt_sigqueueinfo,
     {Arg::pid, Arg::signal, Arg::address},
     "rt_sigqueueinfo(2)",
     Support::full,
     ""},
    {130, "rt_sigsuspend", sys_rt_sigsuspend, {Arg::sigset, Arg::size}, "sigsuspend(2)", Support::full, ""},
    {131, "sigaltstack", sys_sigaltstack, {Arg::address, Arg::address}, "sigaltstack(2)", Support::full, ""},
    {200, "tkill", sys_tkill, {Arg::pid, Arg::signal}, "tkill(2)", Support::full, ""},
    {234, "tgkill", sys_tgkill, {Arg::pid, Arg::pid, Arg::signal}, "tgkill(2)", Support::full, ""},
    {297,
     "rt_tgsigqueueinfo",
     sys_rt_tgsigqueueinfo,
     {Arg::pid, Arg::pid, Arg::signal, Arg::address},
     "rt_sigqueueinfo(2)",
     Support::full,
     ""},
    {424,
     "pidfd_send_signal",
     nullptr,
     {Arg::fd, Arg::signal, Arg::address, Arg::hex},
     "pidfd_send_signal(2)",
     Support::none,
     "no pidfds"},
};

}  // namespace

std::span<const SyscallRow> signal_calls() {
  return kRows;
}

}  // namespace drydock::machine
