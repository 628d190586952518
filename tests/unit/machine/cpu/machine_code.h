#pragma once
// A processor with memory and a program, for tests: code at kCode, data at kData, a stack that ends at kStackTop.

#include <cstdint>
#include <vector>

#include "machine/cpu/interpreter.h"
#include "tests/isa/paged_memory.h"

namespace drydock::machine {

inline constexpr std::uint64_t kCode = 0x400000;
inline constexpr std::uint64_t kData = 0x600000;
inline constexpr std::uint64_t kStackTop = 0x700000;

struct MachineCode {
  PagedMemory memory;
  Cpu cpu;
  Interpreter interpreter;
  std::uint64_t retired = 0;

  explicit MachineCode(const std::vector<std::uint8_t>& code, InterpreterLimits limits = {}, std::uint64_t at = kCode)
      : interpreter(limits) {
    memory.map(kCode, PagedMemory::readable | PagedMemory::executable);
    memory.map(kCode + kPageBytes, PagedMemory::readable | PagedMemory::executable);
    memory.map(kData, PagedMemory::readable | PagedMemory::writable);
    memory.map(kData + kPageBytes, PagedMemory::readable | PagedMemory::writable);
    memory.map(kStackTop - kPageBytes, PagedMemory::readable | PagedMemory::writable);
    memory.poke(at, code.data(), code.size());
    cpu.rip = at;
    cpu.gpr[rsp] = kStackTop;
  }

  Stop run(std::uint64_t budget = 1'000'000) { return interpreter.run(cpu, memory, budget, retired); }
};

}  // namespace drydock::machine
