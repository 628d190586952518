#pragma once
// devtmpfs: the one instance of /dev of a machine, with the nodes of its devices.

#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

Result<SuperblockId, Errno> mount_devtmpfs(const Caller& caller, std::string_view source, std::uint64_t flags,
                                           std::string_view data);

}  // namespace drydock::machine
