#pragma once
// xattr(7): the handlers, for the rows of sys_attribute.cpp.

#include "machine/syscalls/call.h"

namespace drydock::machine {

Outcome sys_setxattr(const Call& call);
Outcome sys_lsetxattr(const Call& call);
Outcome sys_fsetxattr(const Call& call);
Outcome sys_getxattr(const Call& call);
Outcome sys_lgetxattr(const Call& call);
Outcome sys_fgetxattr(const Call& call);
Outcome sys_listxattr(const Call& call);
Outcome sys_llistxattr(const Call& call);
Outcome sys_flistxattr(const Call& call);
Outcome sys_removexattr(const Call& call);
Outcome sys_lremovexattr(const Call& call);
Outcome sys_fremovexattr(const Call& call);

}  // namespace drydock::machine
