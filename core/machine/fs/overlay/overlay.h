#pragma once
// overlayfs: Documentation/filesystems/overlayfs.rst.

#include "machine/kernel/kernel.h"

namespace drydock::machine {

Result<SuperblockId, Errno> mount_overlay(const Caller& caller, std::string_view source, std::uint64_t flags,
                                          std::string_view data);

}  // namespace drydock::machine
