#pragma once
// wait4(2), waitid(2): news of children.

#include <cstdint>
#include <optional>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

namespace wait_option {
inline constexpr std::uint32_t nohang = 1, stopped = 2, exited = 4, continued = 8, nowait = 0x01000000,
                               nothread = 0x20000000, all = 0x40000000, clone = 0x80000000;
}

struct WaitSelection {
  enum class Which : std::uint8_t { any, pid, group } which = Which::any;
  ProcessId id;
  std::uint32_t options = 0;
};

struct ChildNews {
  std::uint32_t pid = 0;  // as the caller sees it
  std::uint32_t uid = 0;  // kernel id
  int status = 0;         // wait(2)'s
  int code = 0;           // CLD_*
  int value = 0;          // si_status
  std::uint64_t user_ns = 0, system_ns = 0, peak_pages = 0;
};

/// News, if there is some; nothing yet. ECHILD. Takes it (and reaps a zombie) unless WNOWAIT.
Result<std::optional<ChildNews>, Errno> take_child_news(const Caller& caller, const WaitSelection& selection);

}  // namespace drydock::machine
