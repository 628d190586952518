#pragma once
// seccomp(2), classic BPF as the kernel runs it over struct seccomp_data.

#include <cstdint>
#include <vector>

namespace drydock::machine {

struct BpfInstruction {
  std::uint16_t code = 0;
  std::uint8_t jt = 0, jf = 0;
  std::uint32_t k = 0;
};

class SeccompProgram {
 public:
  std::vector<BpfInstruction> instructions;
  bool log = false;
};

}  // namespace drydock::machine
