// System calls: credentials(7), capabilities(7), prctl(2).

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> credential_calls() {
  return {};
}

}  // namespace drydock::machine
