// System calls: signal(7): sending, handling, waiting for signals.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> signal_calls() {
  return {};
}

}  // namespace drydock::machine
