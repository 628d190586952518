// System calls: namespaces(7): unshare(2), setns(2), sethostname(2).

#include "machine/syscalls/families.h"

namespace drydock::machine {

std::span<const SyscallRow> namespace_calls() {
  return {};
}

}  // namespace drydock::machine
