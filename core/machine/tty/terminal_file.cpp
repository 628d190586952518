// Reading, writing and polling terminals. Their ioctls are in terminal_ioctl.cpp.

#include "machine/tty/terminal_file.h"

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/send_signal.h"
#include "machine/tty/job_control.h"
#include "machine/tty/line_discipline.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kTenthNs = 100'000'000;

/// The line discipline goes on with what was typed; the foreground group gets the signals.
void take_typed(Kernel& kernel, Terminal& terminal) {
  for (const int signal : receive_typed(terminal)) signal_foreground(kernel, terminal, signal);
  wake(kernel, terminal_key(terminal.number));
}

/// What a raw read that has to wait waits for: VMIN bytes, or VTIME. done(): not to wait any more.
Outcome wait_for_input(const Caller& caller, const Terminal& terminal, std::size_t wanted) {
  const Kernel& kernel = caller.kernel;
  RestartState& restart = caller.self().restart;
  Block wait{{terminal_key(terminal.number)}, std::nullopt, Interruption::restart, std::nullopt};
  if (terminal.termios.has_local(kLocalCanonical)) return has_input(terminal) ? done() : Outcome(std::move(wait));
  const std::size_t minimum = terminal.character(cc_min), there = terminal.input.size();
  const std::uint64_t time_ns = terminal.character(cc_time) * kTenthNs;
  if (minimum == 0) {
    if (there > 0 || time_ns == 0) return done();
    if (!restart.deadline_ns) restart.deadline_ns = kernel.now_ns() + time_ns;
    wait.deadline_ns = restart.deadline_ns;
  } else {
    if (there >= std::min(minimum, wanted)) return done();
    // Between bytes only: the first may take for ever.
    if (time_ns != 0 && there > 0) wait.deadline_ns = terminal.last_input_ns + time_ns;
  }
  if (wait.deadline_ns && kernel.now_ns() >= *wait.deadline_ns) return done();
  return wait;
}

}  // namespace

Outcome TerminalFile::read(const Caller& caller, std::span<char> out, const std::uint64_t* offset) {
  if (offset != nullptr) return Errno::espipe;
  Terminal* terminal = find_terminal(caller.kernel, number_);
  if (terminal == nullptr) return Errno::eio;
  return side_ == TerminalSide::master ? read_master(caller, *terminal, out) : read_slave(caller, *terminal, out);
}

Outcome TerminalFile::read_slave(const Caller& caller, Terminal& terminal, std::span<char> out) {
  if (terminal.hung_up) return done();
  Outcome may = check_foreground(caller, terminal, sig_ttin);
  if (!may.ok()) return may;
  if (out.empty()) return done();
  if ((flags & abi::o_nonblock) != 0) {
    if (!has_input(terminal)) return Errno::eagain;
  } else {
    Outcome wait = wait_for_input(caller, terminal, out.size());
    if (!wait.ok()) return wait;
  }
  if (!has_input(terminal)) return done();  // VTIME has passed
  const std::size_t count = take_input(terminal, out);
  take_typed(caller.kernel, terminal);
  return static_cast<std::int64_t>(count);
}

Outcome TerminalFile::read_master(const Caller& caller, Terminal& terminal, std::span<char> out) {
  if (terminal.output.empty()) {
    if (terminal.slave_was_opened && terminal.slaves == 0) return Errno::eio;
    if (out.empty()) return done();
    if ((flags & abi::o_nonblock) != 0) return Errno::eagain;
    return Outcome::block(terminal_key(number_));
  }
  const std::size_t count = std::min(out.size(), terminal.output.size());
  const auto end = terminal.output.begin() + static_cast<std::ptrdiff_t>(count);
  std::copy(terminal.output.begin(), end, out.begin());
  terminal.output.erase(terminal.output.begin(), end);
  wake(caller.kernel, terminal_key(number_));
  return static_cast<std::int64_t>(count);
}

Outcome TerminalFile::write(const Caller& caller, std::span<const char> bytes, const std::uint64_t* offset) {
  if (offset != nullptr) return Errno::espipe;
  Terminal* terminal = find_terminal(caller.kernel, number_);
  if (terminal == nullptr) return Errno::eio;
  std::size_t count = 0;
  if (side_ == TerminalSide::slave) {
    if (terminal->hung_up) return Errno::eio;
    if (terminal->termios.has_local(kLocalStopOutput)) {
      Outcome may = check_foreground(caller, *terminal, sig_ttou);
      if (!may.ok()) return may;
    }
    count = put_output(*terminal, bytes);
    if (count > 0) wake(caller.kernel, terminal_key(number_));
  } else {
    // Nobody holds the slave: what is typed is lost, as on Linux.
    if (terminal->slave_was_opened && terminal->slaves == 0) return Errno::eio;
    count = std::min(bytes.size(), kTerminalInputBytesMax - std::min(kTerminalInputBytesMax, terminal->typed.size()));
    terminal->typed.insert(terminal->typed.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    if (count > 0) {
      terminal->last_input_ns = caller.kernel.now_ns();
      take_typed(caller.kernel, *terminal);
    }
  }
  if (count > 0 || bytes.empty()) return static_cast<std::int64_t>(count);
  if ((flags & abi::o_nonblock) != 0) return Errno::eagain;
  return Outcome::block(terminal_key(number_));
}

std::uint16_t TerminalFile::poll(const Caller& caller) {
  const Terminal* terminal = find_terminal(caller.kernel, number_);
  if (terminal == nullptr || (side_ == TerminalSide::slave && terminal->hung_up))
    return kPollIn | kPollOut | kPollErr | kPollHup | kPollRdNorm | kPollWrNorm;
  std::uint16_t ready = 0;
  if (side_ == TerminalSide::master) {
    const bool closed = terminal->slave_was_opened && terminal->slaves == 0;
    if (closed) ready |= kPollHup;
    if (!terminal->output.empty()) ready |= kPollIn | kPollRdNorm;
    if (!closed && terminal->typed.size() < kTerminalInputBytesMax) ready |= kPollOut | kPollWrNorm;
    return ready;
  }
  const Termios& set = terminal->termios;
  const std::size_t minimum = set.has_local(kLocalCanonical) || terminal->character(cc_time) != 0
                                  ? 1
                                  : std::max(1, int{terminal->character(cc_min)});
  if (has_input(*terminal) && terminal->input.size() >= minimum) ready |= kPollIn | kPollRdNorm;
  if (!terminal->stopped && terminal->output.size() < kTerminalOutputBytesMax) ready |= kPollOut | kPollWrNorm;
  return ready;
}

WaitKey TerminalFile::wait_key() const {
  return terminal_key(number_);
}

void TerminalFile::release(Kernel& kernel) {
  Terminal* terminal = find_terminal(kernel, number_);
  if (terminal == nullptr) return;
  std::uint32_t& opens = side_ == TerminalSide::master ? terminal->masters : terminal->slaves;
  if (opens > 0) --opens;
  if (terminal->masters == 0) hang_up(kernel, *terminal);
  wake(kernel, terminal_key(number_));
  if (terminal->masters == 0 && terminal->slaves == 0) kernel.terminals.erase(number_);
}

Result<std::unique_ptr<File>, Errno> open_slave(const Caller& caller, std::uint32_t number, std::uint32_t flags) {
  Kernel& kernel = caller.kernel;
  Terminal* terminal = find_terminal(kernel, number);
  if (terminal == nullptr || terminal->locked || terminal->hung_up || terminal->masters == 0) return Errno::eio;
  if (terminal->exclusive && terminal->slaves > 0 && !capable(caller, cap::sys_admin)) return Errno::ebusy;
  ++terminal->slaves;
  terminal->slave_was_opened = true;
  const Process& process = kernel.processes[caller.self().process];
  const bool readable = (flags & abi::o_accmode) != abi::o_wronly;
  if ((flags & abi::o_noctty) == 0 && readable && process.session == process.id && process.terminal == 0 &&
      !terminal->session)
    acquire_terminal(caller, *terminal);
  return std::unique_ptr<File>(std::make_unique<TerminalFile>(number, TerminalSide::slave));
}

std::unique_ptr<TerminalFile> open_master(Kernel& kernel, std::uint32_t number) {
  ++kernel.terminals.at(number).masters;
  return std::make_unique<TerminalFile>(number, TerminalSide::master);
}

}  // namespace drydock::machine
