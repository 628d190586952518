#pragma once
// Runs x86-64 user-mode code: decodes it once into blocks of small handlers, and keeps the blocks. SDM vol. 2.
// The processor shown by CPUID is x86-64-v1: integer, SSE and SSE2. Not modelled yet: x87 arithmetic and MMX (they stop
// with illegal_instruction); AVX, SSE3 and later are not there, as CPUID says.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "machine/cpu/cpu.h"
#include "machine/cpu/memory.h"

namespace drydock::machine {

/// Bounds of the cache of decoded code. It is emptied when it is full: what a program does never depends on it.
struct InterpreterLimits {
  std::uint32_t decoded_instructions = 1 << 20;
};

/// One per machine, for all its tasks: blocks are shared between address spaces by their content. Nothing in it is part
/// of the machine's state: results and counts are the same whatever is cached.
class Interpreter {
 public:
  explicit Interpreter(InterpreterLimits limits = {});
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  /// Runs until `budget` instructions have been retired or something else stops it. Adds to `retired` what has been:
  /// an instruction at fault is not counted, SYSCALL and traps are. With Stop::Reason::budget exactly `budget` were
  /// retired, but for a repeated string instruction at the end: it counts as one more for every 64 iterations, and lets
  /// go after at most 4096 (rip stays on it until rcx is 0). A budget of 1 is a single step.
  /// The source must not be changed by another while it runs.
  Stop run(Cpu& cpu, PageSource& source, std::uint64_t budget, std::uint64_t& retired);

  /// Forgets translations of addresses. Needed when a different PageSource is at the same address as an earlier one;
  /// otherwise run() sees by the source and its epoch that it has to.
  void flush_tlb();
  void flush_page(std::uint64_t page_address);

  /// Forgets all decoded code: after code keys have been reused.
  void forget_code();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

struct DecodedText {
  std::string mnemonic;  // "lock add"
  std::string operands;  // "dword ptr [rbx+rcx*4+0x10], eax", in Intel's order
  std::uint8_t length = 0;
};

/// The instruction at the start of `bytes` (15 are always enough), as it would be executed at `address`.
/// Nothing if it is not one that the interpreter knows, or if `bytes` ends too soon.
std::optional<DecodedText> disassemble(const std::uint8_t* bytes, std::uint64_t size, std::uint64_t address);

}  // namespace drydock::machine
