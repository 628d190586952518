#pragma once
// One case: a state, an instruction and its memory, run on the host and in the interpreter, and what differs after it.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "machine/cpu/instruction.h"
#include "machine/cpu/interpreter.h"
#include "tests/isa/host_cpu.h"
#include "tests/isa/paged_memory.h"

namespace drydock::machine::isa {

struct Case {
  Cpu cpu;
  std::vector<std::uint8_t> code;
  unsigned offset = 0x100;  // in the code page
  std::array<std::uint8_t, kDataBytes> data{};
  Step step = Step::single;
};

class Comparison {
 public:
  Comparison();

  /// Empty: no difference. Flags that the SDM leaves undefined are not compared.
  std::string run(const Case& test);

 private:
  Stop run_interpreted(const Case& test, Cpu& cpu);

  HostCpu host_;
  PagedMemory memory_;
  Interpreter interpreter_;
};

/// The flags that the instruction leaves undefined, in the state before it.
std::uint64_t undefined_flags(const Decoded& d, const Cpu& before);

/// Whether the SDM leaves open what the destination holds afterwards.
bool result_is_undefined(const Decoded& d, const Cpu& before);

/// Whether the host is no reference: it has instructions that CPUID of the machine denies, or vendors differ.
bool host_differs(const Decoded& d);

/// The case as text, to be reproduced by hand.
std::string describe(const Case& test);

}  // namespace drydock::machine::isa
