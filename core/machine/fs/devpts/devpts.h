#pragma once
// devpts: the names of pseudo-terminals. Linux's filesystems/devpts.rst. Every mount is an instance of its own.

#include <memory>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

Result<SuperblockId, Errno> mount_devpts(const Caller& caller, std::string_view source, std::uint64_t flags,
                                         std::string_view data);

/// A new pair in the instance whose root is at `root`; the file is its master. ENODEV: that is no devpts. ENOSPC.
Result<std::unique_ptr<File>, Errno> open_ptmx(const Caller& caller, const Path& root);

}  // namespace drydock::machine
