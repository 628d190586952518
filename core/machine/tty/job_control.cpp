// Sessions, foreground groups and hang-ups.

#include "machine/tty/job_control.h"

#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/send_signal.h"

namespace drydock::machine {

Terminal* find_terminal(Kernel& kernel, std::uint32_t number) {
  const auto found = kernel.terminals.find(number);
  return found == kernel.terminals.end() ? nullptr : &found->second;
}

WaitKey terminal_key(std::uint32_t number) {
  return {WaitKind::tty, number};
}

Outcome check_foreground(const Caller& caller, const Terminal& terminal, int signal) {
  Kernel& kernel = caller.kernel;
  const Task& task = caller.self();
  const Process& process = kernel.processes[task.process];
  if (process.terminal != terminal.number || !terminal.foreground || process.group == terminal.foreground)
    return done();
  const bool no_effect = is_ignored(kernel, task, signal) || (task.blocked_signals & signal_bit(signal)) != 0;
  if (no_effect) return signal == sig_ttin ? Outcome(Errno::eio) : done();
  if (is_orphaned_group(kernel, process.group)) return Errno::eio;
  send_signal_to_group(kernel, process.group, kernel_signal(signal));
  // The signal is what ends this wait: the call is attempted again when the group is continued.
  return Outcome::block({WaitKind::task, caller.task.value});
}

void signal_foreground(Kernel& kernel, const Terminal& terminal, int signal) {
  if (terminal.foreground) send_signal_to_group(kernel, terminal.foreground, kernel_signal(signal));
}

void acquire_terminal(const Caller& caller, Terminal& terminal) {
  Process& process = caller.kernel.processes[caller.self().process];
  terminal.session = process.session;
  terminal.foreground = process.group;
  process.terminal = terminal.number;
}

namespace {

/// All processes of the session forget the terminal.
void forget_in_session(Kernel& kernel, ProcessId session, std::uint32_t number) {
  for (const ProcessId id : kernel.processes.ids()) {
    Process& process = kernel.processes[id];
    if (process.session == session && process.terminal == number) process.terminal = 0;
  }
}

}  // namespace

Result<void, Errno> set_controlling_terminal(const Caller& caller, Terminal& terminal, bool steal) {
  Kernel& kernel = caller.kernel;
  const Process& process = kernel.processes[caller.self().process];
  const bool leads = process.session == process.id;
  if (leads && terminal.session == process.session && process.terminal == terminal.number) return {};
  if (!leads || process.terminal != 0) return Errno::eperm;
  if (terminal.session) {
    if (!steal || !capable(caller, cap::sys_admin)) return Errno::eperm;
    forget_in_session(kernel, terminal.session, terminal.number);
  }
  acquire_terminal(caller, terminal);
  return {};
}

void give_up_terminal(Kernel& kernel, ProcessId id, bool exiting) {
  Process& process = kernel.processes[id];
  if (process.session != id) {
    if (!exiting) process.terminal = 0;
    return;
  }
  Terminal* terminal = find_terminal(kernel, process.terminal);
  if (terminal == nullptr) {
    // A leader whose terminal was hung up before: those who were in the foreground then are told at its end.
    if (!exiting || !process.hung_up_group) return;
    const ProcessId group = process.hung_up_group;
    process.hung_up_group = {};
    send_signal_to_group(kernel, group, kernel_signal(sig_hup));
    send_signal_to_group(kernel, group, kernel_signal(sig_cont));
    return;
  }
  const ProcessId foreground = terminal->foreground;
  terminal->session = terminal->foreground = {};
  forget_in_session(kernel, id, terminal->number);
  wake(kernel, terminal_key(terminal->number));
  if (!foreground) return;
  send_signal_to_group(kernel, foreground, kernel_signal(sig_hup));
  if (!exiting) send_signal_to_group(kernel, foreground, kernel_signal(sig_cont));
}

Outcome set_foreground_group(const Caller& caller, Terminal& terminal, std::int32_t pid) {
  Kernel& kernel = caller.kernel;
  Outcome may = check_foreground(caller, terminal, sig_ttou);
  if (may.blocked()) return may;
  const Process& process = kernel.processes[caller.self().process];
  if (may.failed() || process.terminal != terminal.number || terminal.session != process.session) return Errno::enotty;
  if (pid < 0) return Errno::einval;
  const ProcessId group = find_group(kernel, caller.self().pid_namespace, pid);
  const std::vector<ProcessId> members = group ? group_members(kernel, group) : std::vector<ProcessId>();
  // A pid that leads no group stands for its own process.
  const ProcessId member = members.empty() ? find_process(kernel, caller.self().pid_namespace, pid) : members.front();
  if (!member) return Errno::esrch;
  if (kernel.processes[member].session != process.session) return Errno::eperm;
  terminal.foreground = group ? group : member;
  return done();
}

void hang_up(Kernel& kernel, Terminal& terminal) {
  if (terminal.hung_up) return;
  terminal.hung_up = true;
  const ProcessId session = terminal.session, foreground = terminal.foreground;
  terminal.session = terminal.foreground = {};
  if (session) {
    forget_in_session(kernel, session, terminal.number);
    if (Process* leader = kernel.processes.find(session); leader != nullptr) {
      leader->hung_up_group = foreground;
      (void)send_signal(kernel, session, kernel_signal(sig_hup));
      (void)send_signal(kernel, session, kernel_signal(sig_cont));
    }
  }
  wake(kernel, terminal_key(terminal.number));
}

void resize_terminal(Kernel& kernel, Terminal& terminal, WindowSize size) {
  if (terminal.size == size) return;
  terminal.size = size;
  signal_foreground(kernel, terminal, sig_winch);
}

Terminal& create_terminal(Kernel& kernel, SuperblockId devpts, std::uint32_t index) {
  const std::uint32_t number = kernel.next_terminal++;
  Terminal& terminal = kernel.terminals[number];
  terminal.number = number;
  terminal.devpts = devpts;
  terminal.index = index;
  terminal.locked = static_cast<bool>(devpts);
  terminal.atime_ns = terminal.mtime_ns = terminal.ctime_ns = kernel.wall_ns();
  return terminal;
}

}  // namespace drydock::machine
