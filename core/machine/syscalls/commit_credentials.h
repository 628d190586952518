#pragma once
// A change of a task's own credentials takes effect.

#include "machine/syscalls/call.h"

namespace drydock::machine {

/// What was gained makes the process undumpable and ends PR_SET_PDEATHSIG. prctl(2), PR_SET_DUMPABLE.
void commit_credentials(const Call& call, Credentials changed);

Outcome sys_prctl(const Call& call);  // sys_prctl.cpp
Outcome sys_seccomp(const Call& call);
/// PR_SET_SECCOMP.
Outcome set_seccomp_mode(const Call& call, std::uint64_t mode, std::uint64_t program);

}  // namespace drydock::machine
