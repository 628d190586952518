#pragma once
// The names and numbers of Linux capabilities (capabilities(7)) and Docker's way to choose them (--cap-add,
// --cap-drop).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace drydock::runtime {

inline constexpr int kCapabilityCount = 41;  // up to CAP_CHECKPOINT_RESTORE, Linux 5.9
inline constexpr std::uint64_t kAllCapabilities = (std::uint64_t{1} << kCapabilityCount) - 1;

/// "CAP_CHOWN" for 0; empty beyond the table.
std::string_view capability_name(int number);
/// Only the exact name, with CAP_ and in upper case.
std::optional<int> capability_number(std::string_view name);
/// Names in the order of their numbers.
std::vector<std::string> capability_names(std::uint64_t mask);
/// Names that are not in the table are left out, as runc does (it warns and goes on).
std::uint64_t capability_mask(const std::vector<std::string>& names);

/// The 14 that Docker gives a container, in its order.
const std::vector<std::string>& default_capabilities();

/// "net_admin" becomes "CAP_NET_ADMIN", "all" becomes "ALL". `field` is "CapAdd" or "CapDrop".
/// Errors: invalid_argument, `invalid CapAdd: unknown capability: "CAP_NOSUCH"`.
Result<std::vector<std::string>> normalize_capabilities(std::string_view field, const std::vector<std::string>& names);

/// What the container gets. `available` (KernelFeatures::capabilities) bounds what ALL and privileged mean; one that is
/// named is kept even if it cannot be given, so that the start fails as it does with runc.
Result<std::vector<std::string>> choose_capabilities(const std::vector<std::string>& add,
                                                     const std::vector<std::string>& drop, bool privileged,
                                                     std::uint64_t available);

}  // namespace drydock::runtime
