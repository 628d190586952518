// System calls of the family "socket". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> socket_calls() {
  return {};
}

}  // namespace drydock::machine
