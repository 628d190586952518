// System calls of the family "poll". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> poll_calls() {
  return {};
}

}  // namespace drydock::machine
