// System calls of the family "mount". Not modelled yet: all of them.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> mount_calls() {
  return {};
}

}  // namespace drydock::machine
