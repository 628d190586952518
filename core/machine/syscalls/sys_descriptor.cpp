// System calls of the family "descriptor". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> descriptor_calls() {
  return {};
}

}  // namespace drydock::machine
