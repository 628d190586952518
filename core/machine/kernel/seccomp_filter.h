#pragma once
// seccomp(2): checking and running filters.

#include <cstdint>
#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

namespace seccomp_action {
inline constexpr std::uint32_t kill_process = 0x80000000, kill_thread = 0, trap = 0x00030000, error = 0x00050000,
                               notify = 0x7fc00000, trace = 0x7ff00000, log = 0x7ffc0000, allow = 0x7fff0000;
inline constexpr std::uint32_t mask = 0xffff0000, data = 0xffff;
}  // namespace seccomp_action

inline constexpr std::size_t kFilterInstructionsMax = 4096;       // BPF_MAXINSNS, of one filter
inline constexpr std::size_t kFilterInstructionsPathMax = 32768;  // of all that a task has, 4 more for each

struct SeccompData {
  std::uint32_t number = 0, architecture = 0xc000003e;
  std::uint64_t instruction_pointer = 0;
  std::array<std::uint64_t, 6> arguments{};
};

/// Whether the kernel takes that program: known instructions, loads within seccomp_data, forward jumps, a return at
/// the end.
bool is_valid_filter(const std::vector<BpfInstruction>& program);
/// The program's return value. It must be valid.
std::uint32_t run_filter(const SeccompProgram& program, const SeccompData& data);

/// What is to become of the call the task stands in: the most severe of its filters' answers. seccomp_action::allow
/// for a task without any.
std::uint32_t evaluate_filters(const Kernel& kernel, TaskId task);

/// Does what evaluate_filters() and strict mode say. Nothing: the call goes on. Else it has this result (the task may
/// have been killed).
std::optional<Outcome> filter_call(Kernel& kernel, TaskId task);

}  // namespace drydock::machine
