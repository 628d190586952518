// clone(2), fork(2), vfork(2), clone3(2), execve(2), _exit(2), wait4(2), waitid(2), setpgid(2), setsid(2), getpid(2).
// Not modelled: CLONE_PIDFD, CLONE_PTRACE, CLONE_INTO_CGROUP, clone3(2)'s set_tid.

#include <algorithm>

#include "machine/kernel/capabilities.h"
#include "machine/kernel/create_task.h"
#include "machine/kernel/exec.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/tracer.h"
#include "machine/kernel/wait_child.h"
#include "machine/syscalls/families.h"
#include "machine/syscalls/rusage.h"

namespace drydock::machine {
namespace {

// vfork(2): the parent sleeps until the child has other memory or none. Kept over the attempts: the child's number.
Outcome wait_for_vfork(const Call& call) {
  const Task& task = call.self();
  if (task.vfork_child) return Outcome::block({WaitKind::task, call.task.value}, Interruption::never);
  return static_cast<std::int64_t>(task.restart.scratch[0]);
}

Outcome start_task(const Call& call, const CloneRequest& request) {
  if (call.self().vfork_child || call.self().restart.again) return wait_for_vfork(call);
  constexpr std::uint64_t not_modelled = clone_flag::pidfd | clone_flag::into_cgroup;
  if ((request.flags & not_modelled) != 0) {
    note_unimplemented(call.kernel, call.task, "CLONE_PIDFD and CLONE_INTO_CGROUP of clone(2)");
    return Errno::einval;
  }
  const TaskId child = TRY(clone_task(call, request));
  const std::uint32_t pid = tid_of(call.kernel, child, call.self().pid_namespace);
  if ((request.flags & clone_flag::vfork) == 0) return std::int64_t{pid};
  call.self().restart.scratch[0] = pid;
  return wait_for_vfork(call);
}

// clone(2) on x86-64: flags, stack, parent_tid, child_tid, tls.
Outcome sys_clone(const Call& call) {
  CloneRequest request;
  request.flags = call.u64(0) & 0xffffff00;
  request.exit_signal = static_cast<int>(call.u64(0) & 0xff);
  if (request.exit_signal > kSignalMax) return Errno::einval;
  request.stack_pointer = call.u64(1);
  request.parent_tid = call.u64(2);
  request.child_tid = call.u64(3);
  request.tls = call.u64(4);
  // Of clone(2), 0x80 is part of the signal, not CLONE_NEWTIME.
  return start_task(call, request);
}

Outcome sys_fork(const Call& call) {
  return start_task(call, CloneRequest{});
}

Outcome sys_vfork(const Call& call) {
  CloneRequest request;
  request.flags = clone_flag::vfork | clone_flag::vm;
  return start_task(call, request);
}

// clone3(2). E2BIG: a larger struct with something set in what this kernel does not know.
Outcome sys_clone3(const Call& call) {
  constexpr std::uint64_t smallest = 64, known = 88;
  const std::uint64_t bytes = call.u64(1);
  if (bytes > 4096) return Errno::e2big;
  if (bytes < smallest) return Errno::einval;
  std::string raw(bytes, '\0');
  TRY(call.copy_in(call.address(0), {raw.data(), raw.size()}));
  for (std::size_t at = known; at < raw.size(); ++at)
    if (raw[at] != '\0') return Errno::e2big;
  const StructReader in(std::move(raw));
  CloneRequest request;
  request.flags = in.u64(0);
  request.child_tid = in.u64(16);
  request.parent_tid = in.u64(24);
  const std::uint64_t exit_signal = in.u64(32);
  const std::uint64_t stack = in.u64(40), stack_bytes = in.u64(48);
  request.tls = in.u64(56);
  if ((request.flags & ~std::uint64_t{0x3'ffff'ffff & ~0x7full}) != 0) return Errno::einval;
  if ((request.flags & clone_flag::detached) != 0 || exit_signal > kSignalMax) return Errno::einval;
  if ((request.flags & (clone_flag::thread | clone_flag::parent)) != 0 && exit_signal != 0) return Errno::einval;
  if ((stack == 0) != (stack_bytes == 0)) return Errno::einval;
  if (in.u64(64) != 0 || in.u64(72) != 0) {
    note_unimplemented(call.kernel, call.task, "set_tid of clone3(2)");
    return Errno::enosys;
  }
  request.exit_signal = static_cast<int>(exit_signal);
  if (stack != 0) request.stack_pointer = stack + stack_bytes;
  return start_task(call, request);
}

Outcome sys_exit(const Call& call) {
  exit_task(call.kernel, call.task, (call.i32(0) & 0xff) << 8);
  return done();
}

Outcome sys_exit_group(const Call& call) {
  exit_process(call.kernel, call.self().process, (call.i32(0) & 0xff) << 8);
  return done();
}

Result<WaitSelection, Errno> select_by_pid(const Call& call, std::int64_t pid) {
  WaitSelection selection;
  const PidNamespaceId place = call.self().pid_namespace;
  if (pid == -1) return selection;
  if (pid == std::int64_t{-0x7fffffff} - 1) return Errno::esrch;
  if (pid > 0) {
    selection.which = WaitSelection::Which::pid;
    selection.id = find_process(call.kernel, place, pid);
  } else {
    selection.which = WaitSelection::Which::group;
    selection.id = pid == 0 ? call.kernel.processes[call.self().process].group : find_group(call.kernel, place, -pid);
  }
  if (!selection.id) return Errno::echild;
  return selection;
}

Outcome block_for_children(const Call& call) {
  return Outcome::block({WaitKind::process, call.self().process.value});
}

Outcome sys_wait4(const Call& call) {
  constexpr std::uint32_t allowed = wait_option::nohang | wait_option::stopped | wait_option::continued |
                                    wait_option::nothread | wait_option::clone | wait_option::all;
  const std::uint32_t options = call.u32(2);
  if ((options & ~allowed) != 0) return Errno::einval;
  WaitSelection selection = TRY(select_by_pid(call, call.i32(0)));
  selection.options = options | wait_option::exited;
  const std::optional<ChildNews> news = TRY(take_child_news(call, selection));
  if (!news) return (options & wait_option::nohang) != 0 ? done() : block_for_children(call);
  if (call.address(1) != 0) TRY(call.store32(call.address(1), static_cast<std::uint32_t>(news->status)));
  if (call.address(3) != 0)
    TRY(call.copy_out(call.address(3), rusage_bytes({news->user_ns, news->system_ns, news->peak_pages}).span()));
  return std::int64_t{news->pid};
}

Result<WaitSelection, Errno> select_by_type(const Call& call) {
  constexpr int p_all = 0, p_pid = 1, p_pgid = 2;
  const std::int32_t id = call.i32(1);
  WaitSelection selection;
  const PidNamespaceId place = call.self().pid_namespace;
  switch (call.i32(0)) {
    case p_all:
      return selection;
    case p_pid:
      if (id <= 0) return Errno::einval;
      selection.which = WaitSelection::Which::pid;
      selection.id = find_process(call.kernel, place, id);
      break;
    case p_pgid:
      if (id < 0) return Errno::einval;
      selection.which = WaitSelection::Which::group;
      selection.id = id == 0 ? call.kernel.processes[call.self().process].group : find_group(call.kernel, place, id);
      break;
    default:
      return Errno::einval;  // NOTE(not modelled): P_PIDFD
  }
  if (!selection.id) return Errno::echild;
  return selection;
}

Outcome sys_waitid(const Call& call) {
  constexpr std::uint32_t allowed = wait_option::nohang | wait_option::nowait | wait_option::exited |
                                    wait_option::stopped | wait_option::continued | wait_option::nothread |
                                    wait_option::clone | wait_option::all;
  const std::uint32_t options = call.u32(3);
  if ((options & ~allowed) != 0) return Errno::einval;
  if ((options & (wait_option::exited | wait_option::stopped | wait_option::continued)) == 0) return Errno::einval;
  WaitSelection selection = TRY(select_by_type(call));
  selection.options = options;
  const std::optional<ChildNews> news = TRY(take_child_news(call, selection));
  if (!news && (options & wait_option::nohang) == 0) return block_for_children(call);
  if (call.address(4) != 0)
    TRY(call.copy_out(call.address(4),
                      rusage_bytes(news ? Usage{news->user_ns, news->system_ns, news->peak_pages} : Usage{}).span()));
  if (call.address(2) == 0) return done();
  StructWriter info;
  // Only these fields are written; the rest of the caller's siginfo_t stays.
  info.i32(news ? sig_chld : 0).i32(0).i32(news ? news->code : 0).i32(0);
  info.u32(news ? news->pid : 0).u32(news ? uid_shown(call, news->uid) : 0).i32(news ? news->value : 0);
  TRY(call.copy_out(call.address(2), info.span()));
  return done();
}

Outcome sys_getpid(const Call& call) {
  return std::int64_t{pid_of(call, call.self().process)};
}
Outcome sys_gettid(const Call& call) {
  return std::int64_t{call.self().tids.back()};
}
Outcome sys_getppid(const Call& call) {
  return std::int64_t{pid_of(call, call.kernel.processes[call.self().process].parent)};
}

Outcome sys_getpgid(const Call& call) {
  const ProcessId target =
      call.i32(0) == 0 ? call.self().process : find_process(call.kernel, call.self().pid_namespace, call.i32(0));
  if (!target) return Errno::esrch;
  return std::int64_t{pid_of(call, call.kernel.processes[target].group)};
}
Outcome sys_getpgrp(const Call& call) {
  return std::int64_t{pid_of(call, call.kernel.processes[call.self().process].group)};
}
Outcome sys_getsid(const Call& call) {
  const ProcessId target =
      call.i32(0) == 0 ? call.self().process : find_process(call.kernel, call.self().pid_namespace, call.i32(0));
  if (!target) return Errno::esrch;
  return std::int64_t{pid_of(call, call.kernel.processes[target].session)};
}

// setpgid(2). EACCES: the child has called execve(2). EPERM: a session leader, another session, no such group.
Outcome sys_setpgid(const Call& call) {
  Kernel& kernel = call.kernel;
  const ProcessId self = call.self().process;
  const PidNamespaceId place = call.self().pid_namespace;
  if (call.i32(1) < 0) return Errno::einval;
  const std::int64_t pid = call.i32(0) == 0 ? std::int64_t{pid_of(call, self)} : call.i32(0);
  const std::int64_t pgid = call.i32(1) == 0 ? pid : call.i32(1);
  const ProcessId target = find_process(kernel, place, pid);
  if (!target) return Errno::esrch;
  const Process& process = kernel.processes[target];
  if (process.parent == self) {
    if (process.session != kernel.processes[self].session) return Errno::eperm;
    if (process.executed) return Errno::eacces;
  } else if (target != self) {
    return Errno::esrch;
  }
  if (process.session == target) return Errno::eperm;
  ProcessId group = target;
  if (pgid != pid) {
    group = find_group(kernel, place, pgid);
    const std::vector<ProcessId> members = group ? group_members(kernel, group) : std::vector<ProcessId>{};
    if (members.empty() || kernel.processes[members.front()].session != kernel.processes[self].session)
      return Errno::eperm;
  }
  join_group(kernel, target, group);
  return done();
}

// setsid(2). EPERM: the caller leads a process group.
Outcome sys_setsid(const Call& call) {
  Kernel& kernel = call.kernel;
  const ProcessId self = call.self().process;
  Process& process = kernel.processes[self];
  if (process.session == self || process.group_members > 0) return Errno::eperm;
  join_session(kernel, self, self);
  join_group(kernel, self, self);
  process.terminal = 0;
  return std::int64_t{pid_of(call, self)};
}

Outcome sys_execve(const Call& call) {
  return execve(call, kAtFdCwd, call.address(0), call.address(1), call.address(2), 0);
}
Outcome sys_execveat(const Call& call) {
  return execve(call, call.fd(0), call.address(1), call.address(2), call.address(3), call.u32(4));
}

Outcome sys_set_tid_address(const Call& call) {
  call.self().clear_child_tid = call.address(0);
  return std::int64_t{call.self().tids.back()};
}

constexpr SyscallRow kRows[] = {
    {39, "getpid", sys_getpid, {}, "getpid(2)", Support::full, ""},
    {56,
     "clone",
     sys_clone,
     {Arg::clone_flags, Arg::address, Arg::address, Arg::address, Arg::hex},
     "clone(2)",
     Support::partial,
     "no CLONE_PIDFD"},
    {57, "fork", sys_fork, {}, "fork(2)", Support::full, ""},
    {58, "vfork", sys_vfork, {}, "vfork(2)", Support::full, ""},
    {59, "execve", sys_execve, {Arg::path, Arg::argv, Arg::envp}, "execve(2)", Support::full, ""},
    {60, "exit", sys_exit, {Arg::i32}, "_exit(2)", Support::full, ""},
    {61,
     "wait4",
     sys_wait4,
     {Arg::pid, Arg::wait_status, Arg::wait_options, Arg::address},
     "wait4(2)",
     Support::full,
     ""},
    {109, "setpgid", sys_setpgid, {Arg::pid, Arg::pid}, "setpgid(2)", Support::full, ""},
    {110, "getppid", sys_getppid, {}, "getppid(2)", Support::full, ""},
    {111, "getpgrp", sys_getpgrp, {}, "getpgrp(2)", Support::full, ""},
    {112, "setsid", sys_setsid, {}, "setsid(2)", Support::full, ""},
    {121, "getpgid", sys_getpgid, {Arg::pid}, "getpgid(2)", Support::full, ""},
    {124, "getsid", sys_getsid, {Arg::pid}, "getsid(2)", Support::full, ""},
    {186, "gettid", sys_gettid, {}, "gettid(2)", Support::full, ""},
    {218, "set_tid_address", sys_set_tid_address, {Arg::address}, "set_tid_address(2)", Support::full, ""},
    {231, "exit_group", sys_exit_group, {Arg::i32}, "exit_group(2)", Support::full, ""},
    {247,
     "waitid",
     sys_waitid,
     {Arg::i32, Arg::pid, Arg::address, Arg::wait_options, Arg::address},
     "waitid(2)",
     Support::partial,
     "no P_PIDFD"},
    {322,
     "execveat",
     sys_execveat,
     {Arg::dirfd, Arg::path, Arg::argv, Arg::envp, Arg::at_flags},
     "execveat(2)",
     Support::full,
     ""},
    {435, "clone3", sys_clone3, {Arg::address, Arg::size}, "clone3(2)", Support::partial, "no CLONE_PIDFD, no set_tid"},
};

}  // namespace

std::span<const SyscallRow> process_calls() {
  return kRows;
}

}  // namespace drydock::machine
