// seccomp_rule_add(3), seccomp_export_bpf(3), seccomp(2). Not modelled: listeners (SCMP_ACT_NOTIFY).

#include "native/runtime/seccomp_compiler.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "native/kernel/fd.h"

namespace drydock::native {

namespace {

using runtime::Seccomp;
using runtime::SeccompAction;
using runtime::SeccompOperator;
using runtime::SeccompRule;

constexpr std::size_t kFilterBytesMax = BPF_MAXINSNS * sizeof(sock_filter);
constexpr std::uint32_t kX32Bit = 0x4000'0000;

struct ReleaseContext {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ReleaseContext>;

std::uint32_t action_value(SeccompAction action, std::uint32_t errno_value) {
  switch (action) {
    case SeccompAction::kill_thread:
      return SCMP_ACT_KILL_THREAD;
    case SeccompAction::kill_process:
      return SCMP_ACT_KILL_PROCESS;
    case SeccompAction::trap:
      return SCMP_ACT_TRAP;
    case SeccompAction::errno_:
      return SCMP_ACT_ERRNO(errno_value);
    case SeccompAction::trace:
      return SCMP_ACT_TRACE(errno_value);
    case SeccompAction::log:
      return SCMP_ACT_LOG;
    case SeccompAction::allow:
      return SCMP_ACT_ALLOW;
  }
  return SCMP_ACT_KILL_PROCESS;
}

scmp_compare comparison(SeccompOperator op) {
  switch (op) {
    case SeccompOperator::ne:
      return SCMP_CMP_NE;
    case SeccompOperator::lt:
      return SCMP_CMP_LT;
    case SeccompOperator::le:
      return SCMP_CMP_LE;
    case SeccompOperator::eq:
      return SCMP_CMP_EQ;
    case SeccompOperator::ge:
      return SCMP_CMP_GE;
    case SeccompOperator::gt:
      return SCMP_CMP_GT;
    case SeccompOperator::masked_eq:
      return SCMP_CMP_MASKED_EQ;
  }
  return SCMP_CMP_EQ;
}

Error library_error(const char* what, int code) {
  return make_error(ErrorKind::invalid_argument, "error ", what, ": ", to_string(static_cast<Errno>(-code)));
}

Result<void> add_architectures(const Context& context, const Seccomp& filter) {
  for (const auto& name : filter.architectures) {
    constexpr std::string_view kPrefix = "SCMP_ARCH_";
    const std::string known = name.starts_with(kPrefix) ? to_lower(std::string_view(name).substr(kPrefix.size())) : "";
    const std::uint32_t token = seccomp_arch_resolve_name(known.c_str());
    if (token == 0) return fail(ErrorKind::invalid_argument, "string ", name, " is not a valid arch for seccomp");
    const int code = seccomp_arch_add(context.get(), token);
    if (code < 0 && code != -EEXIST) return library_error("adding architecture to seccomp filter", code);
  }
  return {};
}

Result<void> add_call(const Context& context, const SeccompRule& rule, int number, std::uint32_t action) {
  std::vector<scmp_arg_cmp> arguments;
  bool repeated = false;
  for (const auto& argument : rule.arguments) {
    if (argument.index > 5) return fail(ErrorKind::invalid_argument, "seccomp argument index out of range");
    repeated = repeated || std::any_of(arguments.begin(), arguments.end(),
                                       [&](const scmp_arg_cmp& other) { return other.arg == argument.index; });
    arguments.push_back({argument.index, comparison(argument.op), argument.value, argument.value_two});
  }
  int code = 0;
  if (repeated) {
    // libseccomp takes each argument once: such a rule means "any of these", as in runc.
    for (const auto& one : arguments) {
      if (code == 0) code = seccomp_rule_add_array(context.get(), action, number, 1, &one);
    }
  } else {
    code = seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(arguments.size()),
                                  arguments.data());
  }
  // EDOM: the call does not exist on one of the architectures. EEXIST: said twice.
  if (code < 0 && code != -EDOM && code != -EEXIST) return library_error("adding seccomp rule", code);
  return {};
}

Result<void> add_rules(const Context& context, const Seccomp& filter, std::uint32_t default_action, int& newest) {
  for (const auto& rule : filter.rules) {
    const std::uint32_t action = action_value(rule.action, rule.errno_value.value_or(EPERM));
    for (const auto& name : rule.names) {
      const int number = seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) continue;
      newest = std::max(newest, number);
      if (action != default_action) TRY(add_call(context, rule, number, action));
    }
  }
  return {};
}

Result<std::string> exported(const Context& context) {
  const Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return Error(last_error("memfd_create"));
  const int code = seccomp_export_bpf(context.get(), file.get());
  if (code < 0) return library_error("exporting seccomp filter", code);
  ::lseek(file.get(), 0, SEEK_SET);
  auto bytes = read_to_end(file.get(), kFilterBytesMax);
  if (!bytes.ok()) return Error(bytes.error());
  return std::move(bytes).value();
}

/// What comes before the filter: native calls with a number above `newest` answer ENOSYS.
std::string newer_calls_prologue(int newest) {
  const sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, static_cast<std::uint32_t>(newest), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  return std::string(reinterpret_cast<const char*>(code), sizeof(code));
}

}  // namespace

Result<std::string> compile_seccomp(const Seccomp& filter) {
  const std::uint32_t default_action = action_value(filter.default_action, filter.default_errno.value_or(EPERM));
  const Context context(seccomp_init(default_action));
  if (context == nullptr) return fail(ErrorKind::internal, "error creating seccomp filter");
  TRY(add_architectures(context, filter));
  // The monitor, not the library, says no_new_privs; a binary tree answers faster than a list of 300 comparisons.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_NNP, 0);
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  int newest = -1;
  TRY(add_rules(context, filter, default_action, newest));
  std::string program = TRY(exported(context));
  if (filter.default_action == SeccompAction::errno_ && newest >= 0) {
    program.insert(0, newer_calls_prologue(newest));
  }
  if (program.size() > kFilterBytesMax) return fail(ErrorKind::invalid_argument, "seccomp filter is too long");
  return program;
}

}  // namespace drydock::native
