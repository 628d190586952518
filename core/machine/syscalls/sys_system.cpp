// System calls: uname(2), sysinfo(2), getrandom(2), resource limits, scheduling, futex(2), seccomp(2).

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> system_calls() {
  return {};
}

}  // namespace drydock::machine
