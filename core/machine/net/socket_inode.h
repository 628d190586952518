#pragma once
// The inode behind a socket's descriptor: what fstat(2) tells of it. It lives in a file system of its own ("sockfs")
// that cannot be mounted.

#include "machine/kernel/kernel.h"

namespace drydock::machine::net {

InodeId make_socket_inode(Kernel& kernel, const Credentials& creator);

}  // namespace drydock::machine::net
