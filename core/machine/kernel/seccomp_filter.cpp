// Classic BPF over struct seccomp_data, as kernel/seccomp.c and net/core/filter.c take it: loads are 32-bit words of
// the data, and there is no packet. seccomp(2), bpf(4).

#include "machine/kernel/seccomp_filter.h"

#include <array>

#include "machine/kernel/exit_task.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/tracer.h"

namespace drydock::machine {
namespace {

// Instruction classes, modes and operations: bpf(4).
constexpr std::uint16_t kLd = 0, kLdx = 1, kSt = 2, kStx = 3, kAlu = 4, kJmp = 5, kRet = 6, kMisc = 7;
constexpr std::uint16_t kLdWAbs = 0x20, kLdWLen = 0x80, kLdImm = 0x00, kLdMem = 0x60;
constexpr std::uint32_t kMemoryWords = 16;
constexpr std::uint32_t kDataBytes = 64;

bool is_valid_alu(const BpfInstruction& at) {
  const bool by_register = (at.code & 8) != 0;
  switch (at.code & 0xf0) {
    case 0x00:
    case 0x10:
    case 0x20:
    case 0x40:
    case 0x50:
      return true;  // add sub mul or and
    case 0x60:
    case 0x70:
      return by_register || at.k < 32;  // shifts
    case 0x30:
      return by_register || at.k != 0;  // div
    case 0x80:
      return at.code == 0x84;  // neg
    case 0xa0:
      return true;  // xor
    default:
      return false;  // mod is not allowed in filters
  }
}

bool is_valid_jump(const BpfInstruction& at, std::size_t left) {
  switch (at.code & 0xf0) {
    case 0x00:
      return at.code == 0x05 && at.k < left;
    case 0x10:
    case 0x20:
    case 0x30:
    case 0x40:
      return at.jt < left && at.jf < left;
    default:
      return false;
  }
}

bool is_valid_load(const BpfInstruction& at) {
  const std::uint16_t mode = at.code & 0xf8;
  if ((at.code & 7) == kLd && mode == kLdWAbs) return at.k < kDataBytes && at.k % 4 == 0;
  if (mode == kLdWLen || mode == kLdImm) return true;
  return mode == kLdMem && at.k < kMemoryWords;
}

// `left`: how many instructions come after this one. A cell of memory is loaded only where it was surely stored before:
// `stored` has a bit per cell.
bool is_valid_instruction(const BpfInstruction& at, std::size_t left, std::uint16_t* stored) {
  switch (at.code & 7) {
    case kLd:
    case kLdx:
      if (!is_valid_load(at)) return false;
      return (at.code & 0xf8) != kLdMem || (*stored >> at.k & 1) != 0;
    case kSt:
    case kStx:
      if ((at.code & 0xf8) != 0 || at.k >= kMemoryWords) return false;
      *stored = static_cast<std::uint16_t>(*stored | 1u << at.k);
      return true;
    case kAlu:
      return is_valid_alu(at);
    case kJmp:
      return is_valid_jump(at, left);
    case kRet:
      return at.code == 0x06 || at.code == 0x16;
    default:
      return at.code == kMisc || at.code == (kMisc | 0x80);
  }
}

std::uint32_t data_word(const SeccompData& data, std::uint32_t offset) {
  switch (offset) {
    case 0:
      return data.number;
    case 4:
      return data.architecture;
    case 8:
      return static_cast<std::uint32_t>(data.instruction_pointer);
    case 12:
      return static_cast<std::uint32_t>(data.instruction_pointer >> 32);
    default:
      return static_cast<std::uint32_t>(data.arguments[(offset - 16) / 8] >> (offset % 8 * 8));
  }
}

struct BpfState {
  std::uint32_t a = 0, x = 0;
  std::array<std::uint32_t, kMemoryWords> memory{};
};

// False: a division by zero, which ends the program with 0 (kill).
bool calculate(const BpfInstruction& at, BpfState& state) {
  const std::uint32_t by = (at.code & 8) != 0 ? state.x : at.k;
  switch (at.code & 0xf0) {
    case 0x00:
      state.a += by;
      break;
    case 0x10:
      state.a -= by;
      break;
    case 0x20:
      state.a *= by;
      break;
    case 0x30:
      if (by == 0) return false;
      state.a /= by;
      break;
    case 0x40:
      state.a |= by;
      break;
    case 0x50:
      state.a &= by;
      break;
    case 0x60:
      state.a <<= by & 31;
      break;
    case 0x70:
      state.a >>= by & 31;
      break;
    case 0x80:
      state.a = 0 - state.a;
      break;
    default:
      state.a ^= by;
      break;
  }
  return true;
}

std::uint32_t jump(const BpfInstruction& at, const BpfState& state) {
  const std::uint32_t by = (at.code & 8) != 0 ? state.x : at.k;
  switch (at.code & 0xf0) {
    case 0x00:
      return at.k;
    case 0x10:
      return state.a == by ? at.jt : at.jf;
    case 0x20:
      return state.a > by ? at.jt : at.jf;
    case 0x30:
      return state.a >= by ? at.jt : at.jf;
    default:
      return (state.a & by) != 0 ? at.jt : at.jf;
  }
}

std::uint32_t loaded(const BpfInstruction& at, const BpfState& state, const SeccompData& data) {
  switch (at.code & 0xf8) {
    case kLdWAbs:
      return data_word(data, at.k);
    case kLdWLen:
      return kDataBytes;
    case kLdMem:
      return state.memory[at.k];
    default:
      return at.k;
  }
}

// Severity is the order of the actions as signed numbers: KILL_PROCESS, KILL_THREAD, TRAP ... ALLOW.
bool is_more_severe(std::uint32_t action, std::uint32_t than) {
  return static_cast<std::int32_t>(action & seccomp_action::mask) <
         static_cast<std::int32_t>(than & seccomp_action::mask);
}

void raise_sigsys(Kernel& kernel, TaskId id, std::uint32_t verdict) {
  Task& task = kernel.tasks[id];
  SignalInfo info;
  info.signal = sig_sys;
  info.code = 1;  // SYS_SECCOMP
  info.error = static_cast<int>(verdict & seccomp_action::data);
  info.call_address = task.cpu.rip;
  info.call_number = static_cast<int>(task.call_number);
  force_signal(kernel, id, info);
}

// Mode 1: read, write, exit and rt_sigreturn only.
bool strict_allows(std::int64_t number) {
  return number == 0 || number == 1 || number == 15 || number == 60;
}

}  // namespace

bool is_valid_filter(const std::vector<BpfInstruction>& program) {
  if (program.empty() || program.size() > kFilterInstructionsMax) return false;
  // Which cells are stored on every way to an instruction; a jump brings its own knowledge along.
  std::vector<std::uint16_t> known(program.size(), 0xffff);
  std::uint16_t stored = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const BpfInstruction& instruction = program[at];
    const std::size_t left = program.size() - at - 1;
    stored &= known[at];
    if (!is_valid_instruction(instruction, left, &stored)) return false;
    if ((instruction.code & 7) != kJmp) continue;
    if ((instruction.code & 0xf0) == 0) {
      known[at + 1 + instruction.k] &= stored;
    } else {
      known[at + 1 + instruction.jt] &= stored;
      known[at + 1 + instruction.jf] &= stored;
    }
    stored = 0xffff;
  }
  return (program.back().code & 7) == kRet;
}

std::uint32_t run_filter(const SeccompProgram& program, const SeccompData& data) {
  BpfState state;
  for (std::size_t pc = 0; pc < program.instructions.size(); ++pc) {
    const BpfInstruction& at = program.instructions[pc];
    switch (at.code & 7) {
      case kLd:
        state.a = loaded(at, state, data);
        break;
      case kLdx:
        state.x = loaded(at, state, data);
        break;
      case kSt:
        state.memory[at.k] = state.a;
        break;
      case kStx:
        state.memory[at.k] = state.x;
        break;
      case kAlu:
        if (!calculate(at, state)) return 0;
        break;
      case kJmp:
        pc += jump(at, state);
        break;
      case kRet:
        return at.code == 0x16 ? state.a : at.k;
      default:
        (at.code == kMisc ? state.x : state.a) = at.code == kMisc ? state.a : state.x;
    }
  }
  return 0;
}

std::uint32_t evaluate_filters(const Kernel& kernel, TaskId id) {
  const Task& task = kernel.tasks[id];
  SeccompData data;
  data.number = static_cast<std::uint32_t>(task.call_number);
  data.instruction_pointer = task.cpu.rip;
  data.arguments = task.call_arguments;
  std::uint32_t verdict = seccomp_action::allow;
  // The newest first: of equally severe answers the newest filter's counts.
  for (auto at = task.seccomp_filters.rbegin(); at != task.seccomp_filters.rend(); ++at) {
    const std::uint32_t answer = run_filter(kernel.seccomp_programs[*at], data);
    if (is_more_severe(answer, verdict)) verdict = answer;
  }
  return verdict;
}

std::optional<Outcome> filter_call(Kernel& kernel, TaskId id) {
  Task& task = kernel.tasks[id];
  if (task.seccomp_mode == 0) return std::nullopt;
  if (task.seccomp_mode == 1) {
    if (strict_allows(task.call_number)) return std::nullopt;
    exit_process(kernel, task.process, sig_kill);
    return done();
  }
  const std::uint32_t verdict = evaluate_filters(kernel, id);
  switch (verdict & seccomp_action::mask) {
    case seccomp_action::allow:
    case seccomp_action::log:
      return std::nullopt;
    case seccomp_action::error: {
      constexpr std::uint32_t errno_max = 4095;
      const std::uint32_t code = std::min(verdict & seccomp_action::data, errno_max);
      return code == 0 ? done() : Outcome(static_cast<Errno>(code));
    }
    case seccomp_action::trap:
      raise_sigsys(kernel, id, verdict);
      // The handler sees the registers as they were: rax is still the call's number.
      return Outcome(task.call_number);
    case seccomp_action::trace:
    case seccomp_action::notify:
      return Outcome(Errno::enosys);
    case seccomp_action::kill_thread:
      if (kernel.processes[task.process].threads.size() > 1) {
        exit_task(kernel, id, sig_sys);
        return done();
      }
      [[fallthrough]];
    default:
      exit_process(kernel, task.process, sig_sys);
      return done();
  }
}

}  // namespace drydock::machine
