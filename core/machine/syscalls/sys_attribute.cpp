// System calls of the family "attribute". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> attribute_calls() {
  return {};
}

}  // namespace drydock::machine
