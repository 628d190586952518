#pragma once
// Taking turns: runs tasks one after another, each for a quantum of instructions, on the virtual clock.

#include <cstdint>

#include "machine/cpu/interpreter.h"
#include "machine/kernel/kernel.h"

namespace drydock::machine {

inline constexpr std::uint64_t kQuantumInstructions = 20'000;
inline constexpr std::uint64_t kInstructionNs = 8;
inline constexpr std::uint64_t kSyscallNs = 400;  // what a system call costs, whatever it does

struct RunLimits {
  std::uint64_t until_ns = ~std::uint64_t{0};      // of Kernel::clock_ns
  std::uint64_t instructions = ~std::uint64_t{0};  // a call counts as its time's worth of them
  bool jump = true;  // when all sleep, go to the next deadline; else return `idle` (the clock is the caller's then)
};

enum class RunEnd : std::uint8_t {
  idle,    // all tasks wait; next_deadline() says for when, if for a time at all
  time,    // until_ns is reached
  budget,  // instructions are used up
  halted,  // the machine's init has ended
};

RunEnd run_machine(Kernel& kernel, Interpreter& interpreter, const RunLimits& limits);

}  // namespace drydock::machine
