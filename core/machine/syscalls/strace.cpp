// The line of one system call. strace(1).

#include "machine/syscalls/strace.h"

#include <algorithm>

#include "base/text.h"
#include "machine/syscalls/strace_arguments.h"
#include "machine/syscalls/strace_values.h"
#include "machine/syscalls/syscall_names.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kResultColumn = 40;

/// "[{fd=3, revents=POLLIN}]" behind the count that poll(2) returned.
std::string poll_answer(const Call& call, std::int64_t result) {
  if (result == 0) return " (Timeout)";
  std::string text;
  const std::uint64_t count = std::min<std::uint64_t>(call.u32(1), kStraceItemsMax);
  for (std::uint64_t n = 0; n < count; ++n) {
    auto fd = call.load32(call.address(0) + n * 8);
    auto events = call.load32(call.address(0) + n * 8 + 4);
    if (!fd.ok() || !events.ok()) return "";
    if (*events >> 16 == 0) continue;
    text += concat(text.empty() ? " ([" : ", ", "{fd=", static_cast<std::int32_t>(*fd),
                   ", revents=", flags_text(names::poll, *events >> 16), "}");
  }
  return text.empty() ? "" : concat(text, "])");
}

/// A value that is no error.
std::string value_result(const Call& call, std::uint64_t number, std::int64_t value) {
  const auto bits = static_cast<std::uint64_t>(value);
  switch (number) {
    case 7:
    case 271:
      return concat(value, poll_answer(call, value));
    case 9:
    case 12:
    case 25:
    case 30:
      return hex_text(bits);
    case 72:
      if (call.u32(1) == 1 && value == 1) return "0x1 (flags FD_CLOEXEC)";
      if (call.u32(1) == 3) return concat(hex_text(bits), " (flags ", open_flags_text(bits), ")");
      return std::to_string(value);
    case 95:
      return octal_text(bits);
    default:
      return std::to_string(value);
  }
}

}  // namespace

SyscallText::SyscallText(Kernel& kernel, TaskId id) {
  const Task& task = kernel.tasks[id];
  number_ = static_cast<std::uint64_t>(task.call_number);
  values_ = task.call_arguments;
  const SyscallRow* row = find_syscall(number_);
  name_ = row != nullptr ? std::string(row->name) : concat("syscall_", hex_text(number_));
  take_in(Call{{kernel, id}, values_}, row);
}

void SyscallText::take_in(const Call& call, const SyscallRow* row) {
  if (auto dependent = dependent_arguments(call, number_); !dependent.empty()) {
    for (DependentArgument& argument : dependent)
      arguments_.push_back({argument.output ? argument.label : concat(argument.label, argument.text), argument.kind,
                            argument.index, argument.output});
    return;
  }
  const bool known = row != nullptr && row->handler != nullptr;
  for (int n = 0; n < 6; ++n) {
    // Of a call that is not modelled only the registers are known.
    const Arg kind = known ? row->arguments[n] : Arg::hex;
    if (kind == Arg::none) break;
    const bool output = is_output(number_, kind, n);
    arguments_.push_back({output ? "" : input_text(call, number_, kind, n), kind, n, output});
  }
}

void SyscallText::finish(Kernel& kernel, TaskId task, const Outcome& outcome) {
  const bool gone = kernel.tasks.find(task) == nullptr;
  const Call call{{kernel, task}, values_};
  for (Argument& argument : arguments_) {
    if (!argument.pending) continue;
    const bool readable = !gone && outcome.ok();
    argument.text += readable ? output_text(call, number_, argument.kind, argument.index, outcome.value())
                              : address_text(values_[static_cast<std::size_t>(argument.index)]);
    argument.pending = false;
  }
  const bool never_returns = number_ == 60 || number_ == 231;
  if (never_returns || outcome.blocked())
    result_ = "= ?";
  else if (outcome.failed())
    result_ = concat("= ", error_text(outcome.error()));
  else
    result_ = concat("= ", gone ? std::to_string(outcome.value()) : value_result(call, number_, outcome.value()));
}

std::string SyscallText::arguments(bool known_only) const {
  std::string text;
  for (std::size_t n = 0; n < arguments_.size(); ++n) {
    if (known_only && arguments_[n].pending) return text;
    text += arguments_[n].text;
    if (n + 1 < arguments_.size()) text += ", ";
  }
  return text;
}

std::string SyscallText::unfinished() const {
  return concat(name_, "(", arguments(true), " <unfinished ...>");
}

std::string SyscallText::text() const {
  return concat(name_, "(", arguments(false), ") ", result_);
}

std::string SyscallText::line() const {
  std::string text = concat(name_, "(", arguments(false), ")");
  text.append(text.size() < kResultColumn ? kResultColumn - text.size() : 1, ' ');
  return concat(text, result_);
}

}  // namespace drydock::machine
