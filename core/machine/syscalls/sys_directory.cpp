// System calls of the family "directory". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> directory_calls() {
  return {};
}

}  // namespace drydock::machine
