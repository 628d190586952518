#pragma once
// Device rules on cgroup v2: a BPF_PROG_TYPE_CGROUP_DEVICE program (bpf(2)) that answers whether a process of the group
// may open or make a device. Written here instruction by instruction; no compiler is involved.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::native {

/// One eBPF instruction, as struct bpf_insn lays it out.
struct BpfInstruction {
  std::uint8_t code = 0;
  std::uint8_t registers = 0;  // destination in the low half, source in the high half
  std::int16_t offset = 0;
  std::int32_t immediate = 0;
};

/// Pure. Rules are asked from the last to the first; the first that speaks of the access decides, none: refused.
/// An allowing rule speaks of accesses it covers whole, a refusing one of those it covers in part.
std::vector<BpfInstruction> compile_device_rules(const std::vector<runtime::DeviceRule>& rules);

/// Loads the program and makes it the group's only one.
Result<void> attach_device_program(const std::string& cgroup_directory, const std::vector<runtime::DeviceRule>& rules);

}  // namespace drydock::native
