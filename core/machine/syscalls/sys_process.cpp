// System calls: clone(2), fork(2), exit(2), wait4(2), setpgid(2) and their kin.

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> process_calls() {
  return {};
}

}  // namespace drydock::machine
