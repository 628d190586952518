#pragma once
// System-call filters: Docker's default profile, and profiles as users write them (--security-opt seccomp=FILE).
// Both are lists of rules with conditions (capabilities, architecture, kernel version); evaluated for one container
// they become a runtime Seccomp. Format: moby's profiles/seccomp, a superset of the runtime-spec's.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/spec.h"

namespace drydock::runtime {

/// What the conditions are asked about.
struct SeccompContext {
  std::vector<std::string> capabilities;  // the container's bounding set: "CAP_SYS_ADMIN"
  std::string architecture = "amd64";     // Go's name
  std::uint32_t kernel_major = 4;         // of the executing kernel
  std::uint32_t kernel_minor = 8;
};

/// Equal in effect to the default profile of Docker: what is not listed fails with EPERM, clone3 with ENOSYS.
Seccomp default_seccomp(const SeccompContext& context);

/// A profile's JSON text. Nothing: the text holds neither a default action nor rules, so that no filter is wanted.
/// Errors: invalid_argument in dockerd's words ("Decoding seccomp profile failed: ...") or runc's
/// ("string SCMP_ACT_X is not a valid action for seccomp").
Result<std::optional<Seccomp>> parse_seccomp_profile(std::string_view json, const SeccompContext& context);

/// "SCMP_ACT_ERRNO" and the like, both ways; nothing for an unknown name. "SCMP_ACT_KILL" is kill_thread.
std::optional<SeccompAction> seccomp_action(std::string_view name);
std::string_view seccomp_action_name(SeccompAction action);
std::optional<SeccompOperator> seccomp_operator(std::string_view name);  // "SCMP_CMP_EQ"
std::string_view seccomp_operator_name(SeccompOperator op);

/// What the filter answers to one call, as libseccomp's filter would: a rule whose arguments all match wins over the
/// default; among several the most severe action.
struct SeccompVerdict {
  SeccompAction action = SeccompAction::allow;
  std::uint32_t errno_value = 0;  // for errno_
  friend bool operator==(const SeccompVerdict&, const SeccompVerdict&) = default;
};
SeccompVerdict evaluate(const Seccomp& filter, std::string_view system_call,
                        const std::vector<std::uint64_t>& arguments);

}  // namespace drydock::runtime
