#pragma once
// The frame of a signal handler on the user's stack, and the way back: sigreturn(2), sigaltstack(2).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Sets the task up to run the handler. False: there is no room for the frame (SIGSEGV).
bool push_signal_frame(Kernel& kernel, TaskId task, const SignalInfo& info, const SignalAction& action,
                       SignalSet mask_to_restore);
/// rt_sigreturn(2). False: the frame is not readable.
bool pop_signal_frame(Kernel& kernel, TaskId task);
/// siginfo_t, 128 bytes, as the task is to see it.
std::string siginfo_bytes(const Kernel& kernel, const Task& receiver, const SignalInfo& info);

}  // namespace drydock::machine
