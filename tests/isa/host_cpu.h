#pragma once
// Runs one instruction on the processor of the host: the reference that the interpreter is compared with.
// The instruction is put into a page of its own and entered by sigreturn(2) with the registers that are asked for; a
// single-step trap, or whatever signal it raises, brings it back. System calls from that page are trapped by
// seccomp(2).

#include <array>
#include <cstdint>

#include "machine/cpu/cpu.h"

namespace drydock::machine::isa {

// Far from everything else, so that no relative address of a test reaches the test program.
inline constexpr std::uint64_t kCodePage = 0x10000000000;
inline constexpr std::uint64_t kDataPage = 0x10000010000;  // writable
inline constexpr std::uint64_t kDataBytes = 2 * 4096;      // beyond, and before: nothing

enum class Step : std::uint8_t {
  single,  // RFLAGS.TF: one instruction (of a repeated one, one iteration)
  to_end,  // until the breakpoint after it
};

struct HostResult {
  Cpu cpu;
  int signal = 0;  // 0: it went on to the next
  std::uint64_t fault_address = 0;
};

class HostCpu {
 public:
  /// Maps the pages, takes over the signals SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGSYS.
  HostCpu();

  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(kDataPage); }
  /// `code` ends up at kCodePage + offset; cpu.rip is set to it.
  HostResult run(const Cpu& cpu, const std::uint8_t* code, unsigned length, unsigned offset, Step step);
};

}  // namespace drydock::machine::isa
