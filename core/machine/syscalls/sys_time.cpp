// System calls: time(7): clocks, sleeping, timers.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> time_calls() {
  return {};
}

}  // namespace drydock::machine
