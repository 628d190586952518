#include "runtime/seccomp_profile.h"

#include <algorithm>
#include <utility>

#include "base/json.h"

namespace drydock::runtime {

namespace {

constexpr std::size_t kProfileBytesMax = 4 * 1024 * 1024;
constexpr std::uint32_t kErrnoMax = 4095;  // the kernel's MAX_ERRNO
constexpr std::uint32_t kErrnoPermission = 1;
constexpr std::int64_t kArgumentsMax = 6;

struct ActionName {
  std::string_view name;
  SeccompAction action;
};
constexpr ActionName kActions[] = {
    {"SCMP_ACT_KILL", SeccompAction::kill_thread},
    {"SCMP_ACT_KILL_THREAD", SeccompAction::kill_thread},
    {"SCMP_ACT_KILL_PROCESS", SeccompAction::kill_process},
    {"SCMP_ACT_TRAP", SeccompAction::trap},
    {"SCMP_ACT_ERRNO", SeccompAction::errno_},
    {"SCMP_ACT_TRACE", SeccompAction::trace},
    {"SCMP_ACT_LOG", SeccompAction::log},
    {"SCMP_ACT_ALLOW", SeccompAction::allow},
};

struct OperatorName {
  std::string_view name;
  SeccompOperator op;
};
constexpr OperatorName kOperators[] = {
    {"SCMP_CMP_NE", SeccompOperator::ne},
    {"SCMP_CMP_LT", SeccompOperator::lt},
    {"SCMP_CMP_LE", SeccompOperator::le},
    {"SCMP_CMP_EQ", SeccompOperator::eq},
    {"SCMP_CMP_GE", SeccompOperator::ge},
    {"SCMP_CMP_GT", SeccompOperator::gt},
    {"SCMP_CMP_MASKED_EQ", SeccompOperator::masked_eq},
};

constexpr std::string_view kArchitectureNames[] = {
    "SCMP_ARCH_X86",         "SCMP_ARCH_X86_64", "SCMP_ARCH_X32",         "SCMP_ARCH_ARM",     "SCMP_ARCH_AARCH64",
    "SCMP_ARCH_MIPS",        "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32",   "SCMP_ARCH_MIPSEL",  "SCMP_ARCH_MIPSEL64",
    "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",    "SCMP_ARCH_PPC64",       "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",  "SCMP_ARCH_LOONGARCH64",
};

bool contains(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// dockerd's own refusals are internal errors (500); what only runc would refuse is invalid_argument.
template <class... Parts>
Failure<Error> undecodable(const Parts&... parts) {
  return fail(ErrorKind::internal, "Decoding seccomp profile failed: ", parts...);
}

template <class T>
Result<T> decoded(Result<T> result) {
  if (result.ok()) return result;
  return undecodable(result.error().message);
}

Failure<Error> not_valid(std::string_view word, std::string_view what) {
  return fail(ErrorKind::invalid_argument, "string ", word, " is not a valid ", what, " for seccomp");
}

Result<SeccompAction> read_action(const std::string& name) {
  if (const auto action = seccomp_action(name)) return *action;
  if (name == "SCMP_ACT_NOTIFY") {
    return fail(ErrorKind::not_implemented, "seccomp action SCMP_ACT_NOTIFY is not supported");
  }
  return not_valid(name, "action");
}

Result<std::optional<std::uint32_t>> read_errno(const Json& object, std::string_view member) {
  const auto number = TRY(decoded(get_optional_int(object, member)));
  if (!number) return std::optional<std::uint32_t>();
  if (*number < 0 || *number > kErrnoMax) {
    return fail(ErrorKind::invalid_argument, "seccomp: ", member, " ", *number, " is out of range");
  }
  return std::optional(static_cast<std::uint32_t>(*number));
}

/// Values are 64 bits without sign, which get_int does not take.
Result<std::uint64_t> read_value(const Json& object, std::string_view member) {
  const auto found = object.find(member);
  if (found == object.end() || found->is_null()) return std::uint64_t{0};
  if (!found->is_number_unsigned()) {
    return undecodable("json: cannot unmarshal ", found->type_name(), " into Go struct field ", member,
                       " of type uint64");
  }
  return found->get<std::uint64_t>();
}

Result<SeccompArgument> read_argument(const Json& json) {
  const std::int64_t index = TRY(decoded(get_int(json, "index")));
  if (index < 0 || index >= kArgumentsMax) {
    return fail(ErrorKind::invalid_argument, "seccomp: argument index ", index, " is out of range");
  }
  SeccompArgument out;
  out.index = static_cast<std::uint32_t>(index);
  out.value = TRY(read_value(json, "value"));
  out.value_two = TRY(read_value(json, "valueTwo"));
  const std::string name = TRY(decoded(get_string(json, "op")));
  const auto op = seccomp_operator(name);
  if (!op) return not_valid(name, "operator");
  out.op = *op;
  return out;
}

Result<std::vector<const Json*>> objects_of(const Json& object, std::string_view member) {
  std::vector<const Json*> out;
  const Json* array = TRY(decoded(get_array(object, member)));
  if (array == nullptr) return out;
  for (const Json& one : *array) {
    if (one.is_null()) continue;
    if (!one.is_object()) {
      return undecodable("json: cannot unmarshal ", one.type_name(), " into Go struct field ", member,
                         " of type object");
    }
    out.push_back(&one);
  }
  return out;
}

/// "4.8" against the running kernel.
Result<bool> kernel_is_at_least(const std::string& version, const SeccompContext& context) {
  const auto parts = split_once(version, '.');
  const auto major = parts ? parse_u64(parts->first) : std::nullopt;
  const auto minor = parts ? parse_u64(parts->second) : std::nullopt;
  if (!major || !minor || *major > 255 || *minor > 255 || *major + *minor == 0) {
    return undecodable("invalid kernel version: ", go_quoted(version), ", expected \"<kernel>.<major>\"");
  }
  return context.kernel_major > *major || (context.kernel_major == *major && context.kernel_minor >= *minor);
}

struct Filter {
  std::vector<std::string> capabilities, architectures;
  std::string min_kernel;
};

Result<Filter> read_filter(const Json& rule, std::string_view member) {
  Filter out;
  const Json* json = TRY(decoded(get_object(rule, member)));
  if (json == nullptr) return out;
  out.capabilities = TRY(decoded(get_strings(*json, "caps")));
  out.architectures = TRY(decoded(get_strings(*json, "arches")));
  out.min_kernel = TRY(decoded(get_string(*json, "minKernel")));
  return out;
}

Result<bool> is_wanted(const Json& rule, const SeccompContext& context) {
  const Filter excludes = TRY(read_filter(rule, "excludes"));
  const Filter includes = TRY(read_filter(rule, "includes"));
  bool wanted = true;
  if (contains(excludes.architectures, context.architecture)) wanted = false;
  for (const std::string& name : excludes.capabilities) {
    if (contains(context.capabilities, name)) wanted = false;
  }
  if (!excludes.min_kernel.empty() && TRY(kernel_is_at_least(excludes.min_kernel, context))) wanted = false;
  if (!includes.architectures.empty() && !contains(includes.architectures, context.architecture)) wanted = false;
  for (const std::string& name : includes.capabilities) {
    if (!contains(context.capabilities, name)) wanted = false;
  }
  if (!includes.min_kernel.empty() && !TRY(kernel_is_at_least(includes.min_kernel, context))) wanted = false;
  return wanted;
}

Result<SeccompRule> read_rule(const Json& json) {
  SeccompRule out;
  out.names = TRY(decoded(get_strings(json, "names")));
  if (std::string name = TRY(decoded(get_string(json, "name"))); !name.empty()) {
    if (!out.names.empty()) {
      return fail(ErrorKind::internal,
                  "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
    }
    out.names.push_back(std::move(name));
  }
  out.action = TRY(read_action(TRY(decoded(get_string(json, "action")))));
  out.errno_value = TRY(read_errno(json, "errnoRet"));
  for (const Json* argument : TRY(objects_of(json, "args"))) out.arguments.push_back(TRY(read_argument(*argument)));
  return out;
}

std::string_view native_architecture(std::string_view go_name) {
  if (go_name == "amd64") return "SCMP_ARCH_X86_64";
  if (go_name == "arm64") return "SCMP_ARCH_AARCH64";
  return {};
}

Result<std::vector<std::string>> read_architectures(const Json& json, const SeccompContext& context) {
  std::vector<std::string> out = TRY(decoded(get_strings(json, "architectures")));
  const auto map = TRY(objects_of(json, "archMap"));
  if (!out.empty() && !map.empty()) {
    return fail(ErrorKind::internal,
                "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' "
                "or 'archMap'");
  }
  for (const Json* entry : map) {
    if (TRY(decoded(get_string(*entry, "architecture"))) != native_architecture(context.architecture)) continue;
    out.emplace_back(native_architecture(context.architecture));
    for (std::string& name : TRY(decoded(get_strings(*entry, "subArchitectures")))) out.push_back(std::move(name));
    break;
  }
  for (const std::string& name : out) {
    if (std::find(std::begin(kArchitectureNames), std::end(kArchitectureNames), name) == std::end(kArchitectureNames)) {
      return not_valid(name, "arch");
    }
  }
  return out;
}

bool matches(const SeccompArgument& wish, const std::vector<std::uint64_t>& arguments) {
  const std::uint64_t value = wish.index < arguments.size() ? arguments[wish.index] : 0;
  switch (wish.op) {
    case SeccompOperator::ne:
      return value != wish.value;
    case SeccompOperator::lt:
      return value < wish.value;
    case SeccompOperator::le:
      return value <= wish.value;
    case SeccompOperator::eq:
      return value == wish.value;
    case SeccompOperator::ge:
      return value >= wish.value;
    case SeccompOperator::gt:
      return value > wish.value;
    case SeccompOperator::masked_eq:
      return (value & wish.value) == wish.value_two;
  }
  return false;
}

/// seccomp(2): of several filters the answer that comes first in this order counts.
int severity(SeccompAction action) {
  switch (action) {
    case SeccompAction::kill_process:
      return 6;
    case SeccompAction::kill_thread:
      return 5;
    case SeccompAction::trap:
      return 4;
    case SeccompAction::errno_:
      return 3;
    case SeccompAction::trace:
      return 2;
    case SeccompAction::log:
      return 1;
    case SeccompAction::allow:
      return 0;
  }
  return 0;
}

SeccompVerdict verdict(SeccompAction action, const std::optional<std::uint32_t>& errno_value) {
  return {action, action == SeccompAction::errno_ ? errno_value.value_or(kErrnoPermission) : 0};
}

}  // namespace

std::optional<SeccompAction> seccomp_action(std::string_view name) {
  for (const ActionName& row : kActions) {
    if (row.name == name) return row.action;
  }
  return std::nullopt;
}

std::string_view seccomp_action_name(SeccompAction action) {
  for (const ActionName& row : kActions) {
    if (row.action == action) return row.name;
  }
  return {};
}

std::optional<SeccompOperator> seccomp_operator(std::string_view name) {
  for (const OperatorName& row : kOperators) {
    if (row.name == name) return row.op;
  }
  return std::nullopt;
}

std::string_view seccomp_operator_name(SeccompOperator op) {
  for (const OperatorName& row : kOperators) {
    if (row.op == op) return row.name;
  }
  return {};
}

Result<std::optional<Seccomp>> parse_seccomp_profile(std::string_view text, const SeccompContext& context) {
  if (text.size() > kProfileBytesMax) return undecodable("more than ", kProfileBytesMax, " bytes");
  const Json json = TRY(decoded(parse_json(text)));
  if (!json.is_object() && !json.is_null()) return undecodable("not a JSON object");
  const std::string default_action = TRY(decoded(get_string(json, "defaultAction")));
  const auto rules = TRY(objects_of(json, "syscalls"));
  if (default_action.empty() && rules.empty()) return std::optional<Seccomp>();
  Seccomp out;
  out.architectures = TRY(read_architectures(json, context));
  out.default_action = TRY(read_action(default_action));
  out.default_errno = TRY(read_errno(json, "defaultErrnoRet"));
  for (const Json* rule : rules) {
    if (TRY(is_wanted(*rule, context))) out.rules.push_back(TRY(read_rule(*rule)));
  }
  return std::optional(std::move(out));
}

SeccompVerdict evaluate(const Seccomp& filter, std::string_view system_call,
                        const std::vector<std::uint64_t>& arguments) {
  std::optional<SeccompVerdict> found;
  for (const SeccompRule& rule : filter.rules) {
    if (!contains(rule.names, system_call)) continue;
    const bool all = std::all_of(rule.arguments.begin(), rule.arguments.end(),
                                 [&](const SeccompArgument& wish) { return matches(wish, arguments); });
    if (!all) continue;
    if (!found || severity(rule.action) > severity(found->action)) found = verdict(rule.action, rule.errno_value);
  }
  return found.value_or(verdict(filter.default_action, filter.default_errno));
}

}  // namespace drydock::runtime
