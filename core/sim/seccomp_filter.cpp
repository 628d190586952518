// seccomp(2), bpf(4). The system call's number is looked up in a binary tree over ranges of numbers with one answer.

#include "sim/seccomp_filter.h"

#include <algorithm>
#include <map>

#include "machine/syscalls/call.h"
#include "machine/syscalls/syscall_names.h"

namespace drydock::sim {
namespace {

using machine::BpfInstruction;
using runtime::Seccomp;
using runtime::SeccompAction;
using runtime::SeccompArgument;
using runtime::SeccompOperator;

constexpr std::uint32_t kArchX86_64 = 0xc000003e;  // AUDIT_ARCH_X86_64
constexpr std::uint32_t kX32Bit = 0x40000000;
constexpr std::uint32_t kKillThread = 0;
constexpr std::uint32_t kErrno = 0x00050000;
constexpr std::uint16_t kLoad = 0x20, kReturn = 0x06, kJump = 0x05, kJumpEqual = 0x15, kJumpGreater = 0x25,
                        kJumpGreaterEqual = 0x35, kAnd = 0x54;
constexpr std::uint32_t kNumberOffset = 0, kArchOffset = 4, kArgumentsOffset = 16;  // struct seccomp_data

std::uint32_t action_value(SeccompAction action, std::uint32_t errno_value) {
  switch (action) {
    case SeccompAction::kill_thread:
      return kKillThread;
    case SeccompAction::kill_process:
      return 0x80000000;
    case SeccompAction::trap:
      return 0x00030000;
    case SeccompAction::errno_:
      return kErrno | (errno_value & 0xffff);
    case SeccompAction::trace:
      return 0x7ff00000 | (errno_value & 0xffff);
    case SeccompAction::log:
      return 0x7ffc0000;
    case SeccompAction::allow:
      return 0x7fff0000;
  }
  return kKillThread;
}

/// The kernel's order: of several filters' answers the first of these wins.
int severity(std::uint32_t action) {
  return static_cast<std::int32_t>(action & 0xffff0000) / 0x10000;  // signed: kill_process is the least
}

struct Conditional {
  std::vector<SeccompArgument> arguments;  // all must hold
  std::uint32_t action;
};

/// What happens to one call.
struct Answer {
  std::vector<Conditional> conditions;  // in the order in which they are tried
  std::uint32_t otherwise = 0;
  bool fixed = false;  // a rule without arguments has been given
};

using Program = std::vector<BpfInstruction>;

void emit(Program& out, std::uint16_t code, std::uint32_t k, std::uint8_t jt = 0, std::uint8_t jf = 0) {
  out.push_back({code, jt, jf, k});
}

/// Falls through when the comparison holds, else jumps `miss` instructions beyond its own end.
Program comparison(const SeccompArgument& argument, std::uint8_t miss) {
  const auto low = static_cast<std::uint32_t>(kArgumentsOffset + 8 * argument.index);
  const std::uint32_t high = low + 4;
  const auto value_low = static_cast<std::uint32_t>(argument.value);
  const auto value_high = static_cast<std::uint32_t>(argument.value >> 32);
  const auto far = [miss](int instructions_left) { return static_cast<std::uint8_t>(miss + instructions_left); };
  Program out;
  emit(out, kLoad, high);
  switch (argument.op) {
    case SeccompOperator::eq:
      emit(out, kJumpEqual, value_high, 0, far(2));
      emit(out, kLoad, low);
      emit(out, kJumpEqual, value_low, 0, far(0));
      break;
    case SeccompOperator::ne:
      emit(out, kJumpEqual, value_high, 0, 2);
      emit(out, kLoad, low);
      emit(out, kJumpEqual, value_low, far(0), 0);
      break;
    case SeccompOperator::gt:
    case SeccompOperator::ge:
      emit(out, kJumpGreater, value_high, 3, 0);
      emit(out, kJumpEqual, value_high, 0, far(2));
      emit(out, kLoad, low);
      emit(out, argument.op == SeccompOperator::gt ? kJumpGreater : kJumpGreaterEqual, value_low, 0, far(0));
      break;
    case SeccompOperator::lt:
    case SeccompOperator::le:
      emit(out, kJumpGreater, value_high, far(3), 0);
      emit(out, kJumpEqual, value_high, 0, 2);
      emit(out, kLoad, low);
      emit(out, argument.op == SeccompOperator::lt ? kJumpGreaterEqual : kJumpGreater, value_low, far(0), 0);
      break;
    case SeccompOperator::masked_eq:  // (argument & value) == value_two
      emit(out, kAnd, value_high);
      emit(out, kJumpEqual, static_cast<std::uint32_t>(argument.value_two >> 32), 0, far(3));
      emit(out, kLoad, low);
      emit(out, kAnd, value_low);
      emit(out, kJumpEqual, static_cast<std::uint32_t>(argument.value_two), 0, far(0));
      break;
  }
  return out;
}

Program answer_code(const Answer& answer) {
  Program out;
  for (const Conditional& condition : answer.conditions) {
    // Back to front, so that each comparison knows how far the end of the condition is. At most 6 comparisons of 5
    // instructions: a jump within a condition fits into its 8 bits.
    Program rest;
    emit(rest, kReturn, condition.action);
    for (auto argument = condition.arguments.rbegin(); argument != condition.arguments.rend(); ++argument) {
      Program code = comparison(*argument, static_cast<std::uint8_t>(rest.size()));
      code.insert(code.end(), rest.begin(), rest.end());
      rest = std::move(code);
    }
    out.insert(out.end(), rest.begin(), rest.end());
  }
  emit(out, kReturn, answer.otherwise);
  return out;
}

struct Range {
  std::uint32_t first;
  const Answer* answer;
};

/// Expects the call's number in the accumulator.
Program lookup_code(const Range* begin, const Range* end) {
  if (end - begin == 1) return answer_code(*begin->answer);
  const Range* middle = begin + (end - begin) / 2;
  const Program low = lookup_code(begin, middle), high = lookup_code(middle, end);
  Program out;
  emit(out, kJumpGreaterEqual, middle->first, 0, 1);
  emit(out, kJump, static_cast<std::uint32_t>(low.size()));
  out.insert(out.end(), low.begin(), low.end());
  out.insert(out.end(), high.begin(), high.end());
  return out;
}

/// Newer than the simulated kernel, but known to libseccomp: they count for what is "newer than the filter names".
constexpr std::string_view kNewerCalls[] = {"cachestat",  "fchmodat2",  "map_shadow_stack",
                                            "futex_wake", "futex_wait", "futex_requeue"};

std::optional<std::uint32_t> number_of(std::string_view name) {
  for (std::uint32_t number = 0; number < machine::kSyscallsEnd; ++number)
    if (machine::syscall_name(number) == name) return number;
  for (std::uint32_t n = 0; n < std::size(kNewerCalls); ++n)
    if (kNewerCalls[n] == name) return static_cast<std::uint32_t>(machine::kSyscallsEnd) + n;
  return std::nullopt;
}

void add_rule(Answer& answer, const runtime::SeccompRule& rule, std::uint32_t action) {
  if (answer.fixed) return;  // libseccomp: what is more general stays
  if (rule.arguments.empty()) {
    answer = {{}, action, true};
    return;
  }
  bool repeated = false;
  for (std::size_t at = 0; at < rule.arguments.size(); ++at)
    for (std::size_t other = 0; other < at; ++other)
      repeated = repeated || rule.arguments[at].index == rule.arguments[other].index;
  if (!repeated) {
    answer.conditions.push_back({rule.arguments, action});
    return;
  }
  // Each argument may be compared once in a rule of libseccomp: such a rule means "any of these", as in runc.
  for (const SeccompArgument& argument : rule.arguments) answer.conditions.push_back({{argument}, action});
}

/// Neighbours with the same fixed answer are one range.
std::vector<Range> ranges_of(const std::map<std::uint32_t, Answer>& answers, const Answer& fallback) {
  std::vector<Range> ranges;
  const auto add = [&ranges](std::uint32_t first, const Answer& answer) {
    const bool plain = answer.conditions.empty();
    if (plain && !ranges.empty() && ranges.back().answer->conditions.empty() &&
        ranges.back().answer->otherwise == answer.otherwise)
      return;
    ranges.push_back({first, &answer});
  };
  std::uint32_t next = 0;
  for (const auto& [number, answer] : answers) {
    if (number > next) add(next, fallback);
    add(number, answer);
    next = number + 1;
  }
  add(next, fallback);
  return ranges;
}

}  // namespace

Result<std::vector<BpfInstruction>> compile_seccomp(const Seccomp& filter) {
  const Answer fallback{{}, action_value(filter.default_action, filter.default_errno.value_or(1)), true};
  std::map<std::uint32_t, Answer> answers;
  std::optional<std::uint32_t> newest;
  for (const runtime::SeccompRule& rule : filter.rules) {
    const std::uint32_t action = action_value(rule.action, rule.errno_value.value_or(1));
    for (const SeccompArgument& argument : rule.arguments)
      if (argument.index > 5) return fail(ErrorKind::invalid_argument, "seccomp argument index out of range");
    for (const std::string& name : rule.names) {
      const auto number = number_of(name);
      if (!number) continue;
      newest = std::max(newest.value_or(0), *number);
      if (action == fallback.otherwise) continue;
      auto [found, is_new] = answers.try_emplace(*number, Answer{{}, fallback.otherwise, false});
      add_rule(found->second, rule, action);
    }
  }
  for (auto& [number, answer] : answers) {
    std::stable_sort(
        answer.conditions.begin(), answer.conditions.end(),
        [](const Conditional& a, const Conditional& b) { return severity(a.action) < severity(b.action); });
  }
  const bool x32 = std::find(filter.architectures.begin(), filter.architectures.end(), "SCMP_ARCH_X32") !=
                   filter.architectures.end();
  Program program;
  emit(program, kLoad, kArchOffset);
  emit(program, kJumpEqual, kArchX86_64, 1, 0);
  emit(program, kReturn, kKillThread);
  emit(program, kLoad, kNumberOffset);
  emit(program, kJumpGreaterEqual, kX32Bit, 0, 1);
  emit(program, kReturn, x32 ? fallback.otherwise : kKillThread);
  if (filter.default_action == SeccompAction::errno_ && newest) {
    emit(program, kJumpGreater, *newest, 0, 1);
    emit(program, kReturn, kErrno | static_cast<std::uint32_t>(Errno::enosys));
  }
  const std::vector<Range> ranges = ranges_of(answers, fallback);
  const Program body = lookup_code(ranges.data(), ranges.data() + ranges.size());
  program.insert(program.end(), body.begin(), body.end());
  if (program.size() > kFilterInstructionsMax) return fail(ErrorKind::invalid_argument, "seccomp filter is too long");
  return program;
}

std::string to_bytes(const std::vector<BpfInstruction>& program) {
  machine::StructWriter out;
  for (const BpfInstruction& one : program) out.u16(one.code).u8(one.jt).u8(one.jf).u32(one.k);
  return out.bytes();
}

}  // namespace drydock::sim
