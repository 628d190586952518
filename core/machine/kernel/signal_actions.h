#pragma once
// What signals do by themselves, and how a parent is told. signal(7), "Standard signals"; sigaction(2).

#include "machine/kernel/kernel.h"

namespace drydock::machine {

inline constexpr int kFirstRealTimeSignal = 32;
inline constexpr std::uint64_t kSignalDefault = 0, kSignalIgnore = 1;  // SIG_DFL, SIG_IGN
inline constexpr int kSiUser = 0, kSiKernel = 0x80, kSiQueue = -1, kSiTimer = -2, kSiTkill = -6;
inline constexpr int kCldExited = 1, kCldKilled = 2, kCldDumped = 3, kCldTrapped = 4, kCldStopped = 5,
                     kCldContinued = 6;

namespace action_flag {
inline constexpr std::uint64_t nocldstop = 1, nocldwait = 2, siginfo = 4, restorer = 0x04000000, onstack = 0x08000000,
                               restart = 0x10000000, nodefer = 0x40000000, resethand = 0x80000000;
}

inline constexpr SignalSet kUnblockable = signal_bit(sig_kill) | signal_bit(sig_stop);
inline constexpr SignalSet kStopSignals =
    signal_bit(sig_stop) | signal_bit(sig_tstp) | signal_bit(sig_ttin) | signal_bit(sig_ttou);
inline constexpr SignalSet kSynchronousSignals = signal_bit(sig_segv) | signal_bit(sig_bus) | signal_bit(sig_ill) |
                                                 signal_bit(sig_trap) | signal_bit(sig_fpe) | signal_bit(sig_sys);
inline constexpr SignalSet kIgnoredByDefault =
    signal_bit(sig_cont) | signal_bit(sig_chld) | signal_bit(sig_winch) | signal_bit(sig_urg);
inline constexpr SignalSet kCoreSignals =
    signal_bit(sig_quit) | signal_bit(sig_ill) | signal_bit(sig_trap) | signal_bit(sig_abrt) | signal_bit(sig_bus) |
    signal_bit(sig_fpe) | signal_bit(sig_segv) | signal_bit(sig_xcpu) | signal_bit(sig_xfsz) | signal_bit(sig_sys);

constexpr bool ignored_by_default(int signal) {
  return (signal_bit(signal) & kIgnoredByDefault) != 0;
}
constexpr bool ends_by_default(int signal) {
  return (signal_bit(signal) & (kIgnoredByDefault | kStopSignals)) == 0;
}

/// SIGCHLD with CLD_STOPPED or CLD_CONTINUED, unless the parent does not want it, and its wait(2) looks again.
void tell_parent_of_stop(Kernel& kernel, ProcessId process, int code, int signal);
/// SIGCHLD (or the child's own exit signal). True: the parent does not want to wait for it, so that it goes at once.
bool tell_parent_of_exit(Kernel& kernel, ProcessId process);

}  // namespace drydock::machine
