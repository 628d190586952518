#pragma once
// A runtime Seccomp as the classic BPF that seccomp(2) takes, without libseccomp, for the simulated kernel.
//
// Only x86-64 is compiled: the simulated processor has no other mode. Numbers with the x32 bit get the default action
// when the filter names that architecture, and end the thread when it does not.

#include <vector>

#include "base/result.h"
#include "machine/kernel/seccomp.h"
#include "runtime/spec.h"

namespace drydock::sim {

inline constexpr std::size_t kFilterInstructionsMax = 4096;  // BPF_MAXINSNS

/// Equal in its verdicts to what native/runtime has libseccomp emit, the answer ENOSYS to calls that are newer than
/// every one that the filter names included. Errors: invalid_argument.
Result<std::vector<machine::BpfInstruction>> compile_seccomp(const runtime::Seccomp& filter);

/// As an array of struct sock_filter in memory.
std::string to_bytes(const std::vector<machine::BpfInstruction>& program);

}  // namespace drydock::sim
