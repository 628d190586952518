#pragma once
// signal(7), sigaction(2).

#include <array>
#include <cstdint>
#include <deque>

#include "machine/kernel/ids.h"

namespace drydock::machine {

inline constexpr int kSignalMax = 64;
enum Signal : int {
  sig_hup = 1,
  sig_int = 2,
  sig_quit = 3,
  sig_ill = 4,
  sig_trap = 5,
  sig_abrt = 6,
  sig_bus = 7,
  sig_fpe = 8,
  sig_kill = 9,
  sig_usr1 = 10,
  sig_segv = 11,
  sig_usr2 = 12,
  sig_pipe = 13,
  sig_alrm = 14,
  sig_term = 15,
  sig_stkflt = 16,
  sig_chld = 17,
  sig_cont = 18,
  sig_stop = 19,
  sig_tstp = 20,
  sig_ttin = 21,
  sig_ttou = 22,
  sig_urg = 23,
  sig_xcpu = 24,
  sig_xfsz = 25,
  sig_vtalrm = 26,
  sig_prof = 27,
  sig_winch = 28,
  sig_io = 29,
  sig_pwr = 30,
  sig_sys = 31,
};

using SignalSet = std::uint64_t;  // bit N-1: signal N
constexpr SignalSet signal_bit(int signal) {
  return SignalSet{1} << (signal - 1);
}

/// siginfo_t, the fields that are modelled.
struct SignalInfo {
  int signal = 0;
  int code = 0;  // SI_USER 0, SI_KERNEL 0x80, SI_QUEUE -1, SI_TIMER -2, SI_TKILL -6, CLD_*, SEGV_* ...
  int error = 0;
  bool from_ancestor = false;  // of a pid namespace above the receiver's, or of the kernel: kills an init too
  bool told = false;           // sender_told instead of sender: sigqueue(3)'s caller fills it in
  std::int32_t sender_told = 0;
  int timer_id = 0, overrun = 0;
  ProcessId sender;              // its pid is told in the receiver's namespace
  std::uint32_t sender_uid = 0;  // kernel id
  std::uint64_t address = 0;     // faults
  int status = 0;                // SIGCHLD
  std::uint64_t value = 0;       // sigqueue(3)
  std::uint64_t utime_ticks = 0, stime_ticks = 0;
  std::uint64_t call_address = 0;
  int call_number = 0;  // SIGSYS
};

struct SignalAction {
  std::uint64_t handler = 0;  // 0: SIG_DFL, 1: SIG_IGN
  std::uint64_t flags = 0;
  std::uint64_t restorer = 0;
  SignalSet mask = 0;
};

class SignalHandlers {
 public:
  std::uint32_t users = 1;  // CLONE_SIGHAND
  std::array<SignalAction, kSignalMax + 1> actions{};
};

struct PendingSignals {
  SignalSet set = 0;
  std::deque<SignalInfo> queue;  // in order; a standard signal is in it once, a real-time one as often as sent
};

}  // namespace drydock::machine
