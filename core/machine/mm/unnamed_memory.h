#pragma once
// Memory that processes share without a file: mmap(2) with MAP_SHARED|MAP_ANONYMOUS. As in Linux it is an inode that no
// directory names; it goes when nothing maps it any more.

#include "machine/kernel/kernel.h"

namespace drydock::machine {

Result<InodeId, Errno> make_unnamed_memory(const Caller& caller, std::uint64_t bytes);

}  // namespace drydock::machine
