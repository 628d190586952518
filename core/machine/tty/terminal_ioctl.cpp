// The ioctls of terminals. ioctl_tty(2), TCSETS(2const), TIOCSCTTY(2const).
//
// Not modelled: packet mode (TIOCPKT: EINVAL), TIOCSTI (EIO, as with legacy_tiocsti off), modem lines, breaks,
// line disciplines other than N_TTY, TCGETA's old struct termio.

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/call.h"
#include "machine/tty/job_control.h"
#include "machine/tty/line_discipline.h"
#include "machine/tty/terminal_file.h"
#include "machine/vfs/walk.h"

namespace drydock::machine {

namespace {

namespace request {
constexpr std::uint32_t tcgets = 0x5401, tcsets = 0x5402, tcsetsw = 0x5403, tcsetsf = 0x5404, tcsbrk = 0x5409,
                        tcxonc = 0x540a, tcflsh = 0x540b, tiocexcl = 0x540c, tiocnxcl = 0x540d, tiocsctty = 0x540e,
                        tiocgpgrp = 0x540f, tiocspgrp = 0x5410, tiocoutq = 0x5411, tiocsti = 0x5412,
                        tiocgwinsz = 0x5413, tiocswinsz = 0x5414, fionread = 0x541b, tiocpkt = 0x5420,
                        tiocnotty = 0x5422, tiocsetd = 0x5423, tiocgetd = 0x5424, tcsbrkp = 0x5425, tiocgsid = 0x5429,
                        tcgets2 = 0x802c542a, tcsets2 = 0x402c542b, tcsetsw2 = 0x402c542c, tcsetsf2 = 0x402c542d,
                        tiocgptn = 0x80045430, tiocsptlck = 0x40045431, tiocgdev = 0x80045432, tiocsig = 0x40045436,
                        tiocvhangup = 0x5437, tiocgptlck = 0x80045439, tiocgexcl = 0x80045440, tiocgptpeer = 0x5441;
}  // namespace request

constexpr std::size_t kTermiosBytes = 36, kTermios2Bytes = 44;

struct Ioctl {
  const Call& call;
  TerminalFile& file;
  Terminal& terminal;
  std::uint32_t request;
  std::uint64_t argument;
  bool is_master() const { return file.side() == TerminalSide::master; }
  /// Of the terminal, not of the master's side: TIOCGPGRP and its like are about the session then.
  bool is_own_terminal() const { return call.kernel.processes[call.self().process].terminal == terminal.number; }
};

Outcome get_settings(const Ioctl& io, bool with_speeds) {
  const Termios& set = io.terminal.termios;
  StructWriter out;
  out.u32(set.input).u32(set.output).u32(set.control).u32(set.local).u8(set.line);
  for (const std::uint8_t c : set.characters) out.u8(c);
  if (with_speeds) out.u32(set.input_speed).u32(set.output_speed);
  TRY(io.call.copy_out(io.argument, out.span()));
  return done();
}

Outcome set_settings(const Ioctl& io, bool with_speeds, bool flush) {
  Outcome may = check_foreground(io.call, io.terminal, sig_ttou);
  if (!may.ok()) return may;
  std::string bytes(with_speeds ? kTermios2Bytes : kTermiosBytes, '\0');
  TRY(io.call.copy_in(io.argument, bytes));
  const StructReader in(std::move(bytes));
  Termios set = io.terminal.termios;
  set.input = in.u32(0);
  set.output = in.u32(4);
  set.control = in.u32(8);
  set.local = in.u32(12);
  set.line = static_cast<std::uint8_t>(in.at(16, 1));
  for (std::size_t at = 0; at < kControlCharacters; ++at)
    set.characters[at] = static_cast<std::uint8_t>(in.at(17 + at, 1));
  if (with_speeds) {
    set.input_speed = in.u32(36);
    set.output_speed = in.u32(40);
  }
  if (flush) flush_input(io.terminal);
  change_settings(io.terminal, set);
  for (const int signal : receive_typed(io.terminal)) signal_foreground(io.call.kernel, io.terminal, signal);
  wake(io.call.kernel, terminal_key(io.terminal.number));
  return done();
}

Outcome get_size(const Ioctl& io) {
  const WindowSize& size = io.terminal.size;
  TRY(io.call.copy_out(io.argument,
                       StructWriter().u16(size.rows).u16(size.columns).u16(size.width).u16(size.height).span()));
  return done();
}

Outcome set_size(const Ioctl& io) {
  const std::uint64_t bits = TRY(io.call.load64(io.argument));
  const auto part = [bits](int at) { return static_cast<std::uint16_t>(bits >> (16 * at) & 0xffff); };
  resize_terminal(io.call.kernel, io.terminal, {part(0), part(1), part(2), part(3)});
  return done();
}

Outcome flow(const Ioctl& io) {
  Outcome may = check_foreground(io.call, io.terminal, sig_ttou);
  if (!may.ok()) return may;
  switch (io.argument) {
    case 0:
    case 1:
      io.terminal.stopped = io.argument == 0;
      break;
    case 2:
    case 3:
      if (const std::uint8_t c = io.terminal.character(io.argument == 2 ? cc_stop : cc_start);
          c != 0 && io.terminal.output.size() < kTerminalOutputBytesMax)
        io.terminal.output.push_back(static_cast<char>(c));
      break;
    default:
      return Errno::einval;
  }
  wake(io.call.kernel, terminal_key(io.terminal.number));
  return done();
}

Outcome flush(const Ioctl& io) {
  Outcome may = check_foreground(io.call, io.terminal, sig_ttou);
  if (!may.ok()) return may;
  if (io.argument > 2) return Errno::einval;
  // Seen from the master, what is shown is its input.
  const bool input = io.argument != 1, output = io.argument != 0;
  if (io.is_master() ? output : input) flush_input(io.terminal);
  if (io.is_master() ? input : output) flush_output(io.terminal);
  wake(io.call.kernel, terminal_key(io.terminal.number));
  return done();
}

Outcome store_number(const Ioctl& io, std::uint32_t value) {
  TRY(io.call.store32(io.argument, value));
  return done();
}

Outcome session_call(const Ioctl& io) {
  const ProcessId own = io.call.self().process;
  switch (io.request) {
    case request::tiocsctty:
      TRY(set_controlling_terminal(io.call, io.terminal, io.argument == 1));
      return done();
    case request::tiocnotty:
      if (!io.is_own_terminal()) return Errno::enotty;
      give_up_terminal(io.call.kernel, own, false);
      return done();
    case request::tiocgpgrp:
      if (!io.is_master() && !io.is_own_terminal()) return Errno::enotty;
      return store_number(io, io.terminal.foreground ? pid_of(io.call, io.terminal.foreground) : 0);
    case request::tiocspgrp: {
      const std::uint32_t pid = TRY(io.call.load32(io.argument));
      return set_foreground_group(io.call, io.terminal, static_cast<std::int32_t>(pid));
    }
    default:  // TIOCGSID
      if ((!io.is_master() && !io.is_own_terminal()) || !io.terminal.session) return Errno::enotty;
      return store_number(io, pid_of(io.call, io.terminal.session));
  }
}

/// TIOCGPTPEER: the slave, through the devpts that the master came from, whatever is mounted elsewhere.
Outcome open_peer(const Ioctl& io) {
  if (!io.file.devpts_root) return Errno::eio;
  const auto flags = static_cast<std::uint32_t>(io.argument);
  const Path place = TRY(step_into(io.call, io.file.devpts_root, concat(io.terminal.index)));
  const InodeId inode = io.call.kernel.dentries[place.dentry].inode;
  auto file = TRY(open_slave(io.call, io.terminal.number, flags));
  file->flags = flags & (abi::o_accmode | abi::o_setfl);
  file->path = place;
  file->inode = inode;
  const FileId id = open_file(io.call.kernel, std::move(file));
  return std::int64_t{TRY(install_fd(io.call, id, (flags & abi::o_cloexec) != 0))};
}

Outcome master_call(const Ioctl& io) {
  if (!io.is_master()) return Errno::enotty;
  switch (io.request) {
    case request::tiocgptn:
      return store_number(io, io.terminal.index);
    case request::tiocsptlck:
      io.terminal.locked = TRY(io.call.load32(io.argument)) != 0;
      return done();
    case request::tiocgptlck:
      return store_number(io, io.terminal.locked ? 1 : 0);
    case request::tiocsig:
      if (io.argument < 1 || io.argument > kSignalMax) return Errno::einval;
      signal_foreground(io.call.kernel, io.terminal, static_cast<int>(io.argument));
      return done();
    default:
      return open_peer(io);
  }
}

std::uint32_t waiting_bytes(const Ioctl& io) {
  return static_cast<std::uint32_t>(io.is_master() ? io.terminal.output.size() : readable_bytes(io.terminal));
}

Outcome other_call(const Ioctl& io) {
  switch (io.request) {
    case request::tcsbrk:
    case request::tcsbrkp: {  // nothing to send a break over, and output is never waited for
      Outcome may = check_foreground(io.call, io.terminal, sig_ttou);
      return may;
    }
    case request::tiocexcl:
    case request::tiocnxcl:
      io.terminal.exclusive = io.request == request::tiocexcl;
      return done();
    case request::tiocgexcl:
      return store_number(io, io.terminal.exclusive ? 1 : 0);
    case request::fionread:
      return store_number(io, waiting_bytes(io));
    case request::tiocoutq:
      return store_number(io, 0);
    case request::tiocgetd:
      return store_number(io, 0);
    case request::tiocsetd:
      return TRY(io.call.load32(io.argument)) == 0 ? done() : Outcome(Errno::einval);
    case request::tiocgdev:
      return store_number(io, 136 << 8 | (io.terminal.index & 0xff));
    case request::tiocsti:
      return Errno::eio;
    case request::tiocvhangup:
      if (!capable(io.call, cap::sys_admin)) return Errno::eperm;
      hang_up(io.call.kernel, io.terminal);
      return done();
    default:
      note_unimplemented(io.call.kernel, io.call.task, concat("ioctl ", io.request, " of a terminal"));
      return io.request == request::tiocpkt ? Errno::einval : Errno::enotty;
  }
}

}  // namespace

Outcome TerminalFile::ioctl(const Caller& caller, std::uint64_t number, std::uint64_t argument) {
  Terminal* terminal = find_terminal(caller.kernel, number_);
  if (terminal == nullptr || (side_ == TerminalSide::slave && terminal->hung_up))
    return number == request::tiocspgrp ? Errno::enotty : Errno::eio;
  const Call call{{caller.kernel, caller.task}, {}};
  const Ioctl io{call, *this, *terminal, static_cast<std::uint32_t>(number), argument};
  switch (io.request) {
    case request::tcgets:
    case request::tcgets2:
      return get_settings(io, io.request == request::tcgets2);
    case request::tcsets:
    case request::tcsetsw:
    case request::tcsetsf:
      return set_settings(io, false, io.request == request::tcsetsf);
    case request::tcsets2:
    case request::tcsetsw2:
    case request::tcsetsf2:
      return set_settings(io, true, io.request == request::tcsetsf2);
    case request::tiocgwinsz:
      return get_size(io);
    case request::tiocswinsz:
      return set_size(io);
    case request::tcxonc:
      return flow(io);
    case request::tcflsh:
      return flush(io);
    case request::tiocsctty:
    case request::tiocnotty:
    case request::tiocgpgrp:
    case request::tiocspgrp:
    case request::tiocgsid:
      return session_call(io);
    case request::tiocgptn:
    case request::tiocsptlck:
    case request::tiocgptlck:
    case request::tiocsig:
    case request::tiocgptpeer:
      return master_call(io);
    default:
      return other_call(io);
  }
}

}  // namespace drydock::machine
