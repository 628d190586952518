#pragma once
// A pseudo-terminal pair with its line discipline. pty(7), termios(3), ioctl_tty(2).
//
// The master writes what is typed and reads what is shown. A Terminal is plain state; what it does is in
// line_discipline.h (bytes), job_control.h (sessions and signals) and terminal_file.h (the two kinds of open file).
// Not modelled: packet mode (TIOCPKT), modem lines, XON/XOFF towards the typist (IXOFF), exclusive line disciplines.

#include <cstdint>
#include <deque>
#include <string>

#include "machine/kernel/ids.h"
#include "machine/tty/termios.h"

namespace drydock::machine {

inline constexpr std::size_t kTerminalLineBytesMax = 4096;    // N_TTY_BUF_SIZE: input that nobody has read yet
inline constexpr std::size_t kTerminalInputBytesMax = 65536;  // typed, but not yet taken by the line discipline
inline constexpr std::size_t kTerminalOutputBytesMax = 65536;
inline constexpr std::size_t kTerminalsMax = 4096;  // /proc/sys/kernel/pty/max: ENOSPC from opening /dev/ptmx

struct WindowSize {
  std::uint16_t rows = 0, columns = 0;
  std::uint16_t width = 0, height = 0;  // in pixels
  friend bool operator==(const WindowSize&, const WindowSize&) = default;
};

/// A byte that can be read from the terminal. In canonical mode a line ends with a byte that has `ends_line`.
struct InputByte {
  std::uint8_t byte = 0;
  bool ends_line = false;
  bool end_of_file = false;  // the EOF character: ends the line and is not read itself
};

class Terminal {
 public:
  std::uint32_t number = 0;
  SuperblockId devpts;      // the instance it belongs to; none: a console
  std::uint32_t index = 0;  // N of /dev/pts/N there
  std::uint32_t uid = 0, gid = 0, mode = 0620;
  std::int64_t atime_ns = 0, mtime_ns = 0, ctime_ns = 0;

  Termios termios;
  WindowSize size;
  bool locked = true;                     // TIOCSPTLCK: the slave cannot be opened yet
  bool exclusive = false;                 // TIOCEXCL
  std::uint32_t masters = 0, slaves = 0;  // open files
  bool slave_was_opened = false;          // the master reads EIO only after the last slave was closed
  bool hung_up = false;                   // the master is gone: EIO, end of file

  ProcessId session;     // whose controlling terminal it is; none: nobody's
  ProcessId foreground;  // process group

  std::deque<std::uint8_t> typed;   // written to the master; the line discipline had no room yet
  std::deque<InputByte> input;      // for readers of the slave
  std::size_t line_start = 0;       // canonical: input[line_start..] is being edited
  std::deque<char> output;          // for readers of the master
  std::uint64_t last_input_ns = 0;  // VTIME counts from it
  std::uint32_t column = 0;         // of the cursor, for tabs
  std::uint32_t line_column = 0;    // where the line that is edited began
  bool next_is_literal = false;     // after VLNEXT
  bool erasing = false;             // ECHOPRT: within \.../
  bool stopped = false;             // by VSTOP or TCOOFF

  std::uint8_t character(ControlCharacter which) const { return termios.characters[which]; }
};

}  // namespace drydock::machine
