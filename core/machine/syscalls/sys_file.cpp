// System calls of the family "file". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> file_calls() {
  return {};
}

}  // namespace drydock::machine
