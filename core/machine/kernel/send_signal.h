#pragma once
// Sending signals: kill(2), and the signals that the kernel itself sends.

#include <optional>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// To a whole process, to each member of a group, to one thread. Nothing happens to who is gone.
/// EAGAIN: RLIMIT_SIGPENDING (real-time signals with a value only).
Result<void, Errno> send_signal(Kernel& kernel, ProcessId process, SignalInfo info);
Result<void, Errno> send_signal_to_task(Kernel& kernel, TaskId task, SignalInfo info);
void send_signal_to_group(Kernel& kernel, ProcessId group, SignalInfo info);

/// The kernel's own (SI_KERNEL), without a sender: SIGHUP of a hang-up, SIGINT of a terminal, SIGPIPE.
SignalInfo kernel_signal(int signal);
/// For a signal that must have an effect, of the task's own doing: a fault. Default action if it is blocked or ignored.
void force_signal(Kernel& kernel, TaskId task, SignalInfo info);

/// kill(2)'s rule. EPERM.
Result<void, Errno> may_signal(const Caller& caller, ProcessId target, int signal);
/// SI_USER or SI_TKILL from the caller to that process.
SignalInfo user_signal(const Caller& caller, int signal, int code, ProcessId target);

/// Whether that signal would be thrown away at once: ignored, or by default so.
bool is_ignored(const Kernel& kernel, const Task& task, int signal);
/// Signals that are pending for the task or its process and that it does not block.
SignalSet deliverable_signals(const Kernel& kernel, const Task& task);
/// Takes the next of `wanted` off the queues.
std::optional<SignalInfo> take_signal(Kernel& kernel, TaskId task, SignalSet wanted);
/// The handler that is set is of no use for pending signals any more: those that are ignored now go.
void drop_ignored(Kernel& kernel, ProcessId process, int signal);

}  // namespace drydock::machine
