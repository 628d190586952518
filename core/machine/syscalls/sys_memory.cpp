// System calls of the family "memory". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> memory_calls() {
  return {};
}

}  // namespace drydock::machine
