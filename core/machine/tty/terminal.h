#pragma once
// A pseudo-terminal pair with its line discipline. pty(7), termios(3), tty_ioctl(4).

#include <cstdint>

#include "machine/kernel/ids.h"

namespace drydock::machine {

struct WindowSize {
  std::uint16_t rows = 0, columns = 0;
};

class Terminal {
 public:
  std::uint32_t number = 0;
  WindowSize size;
};

}  // namespace drydock::machine
