#pragma once
// credentials(7), capabilities(7). A value: copied on fork, replaced as a whole.

#include <cstdint>
#include <vector>

#include "machine/kernel/ids.h"

namespace drydock::machine {

/// In the numbers of the initial user namespace ("kernel" ids). What a task is told goes through its namespace's maps.
struct Credentials {
  std::uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
  std::uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
  std::vector<std::uint32_t> groups;
  std::uint64_t permitted = 0, effective = 0, inheritable = 0, bounding = 0, ambient = 0;  // bit N: capability N
  std::uint8_t securebits = 0;
  bool no_new_privs = false;
  bool keep_capabilities = false;  // PR_SET_KEEPCAPS
  UserNamespaceId user_namespace;
};

inline constexpr std::uint64_t kAllCapabilities = (std::uint64_t{1} << 41) - 1;  // up to CAP_CHECKPOINT_RESTORE (40)

}  // namespace drydock::machine
