#pragma once
// sysfs(5): what programs look up of the machine's processors, memory, network interfaces and kernel settings.

#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// Shows the interfaces of the caller's network namespace. EPERM: in a user namespace that does not own it.
Result<SuperblockId, Errno> mount_sysfs(const Caller& caller, std::string_view source, std::uint64_t flags,
                                        std::string_view data);

}  // namespace drydock::machine
