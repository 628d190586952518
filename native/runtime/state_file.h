#pragma once
// state.json in a container's folder below the exec root: what is known of a container even when neither its monitor
// nor a daemon lives any more. The monitor is the only writer.

#include <cstdint>
#include <optional>
#include <string>

#include "native/kernel/fd.h"
#include "native/runtime/monitor_protocol.h"

namespace drydock::native {

struct ContainerState {
  std::string id;
  std::string cgroups_path;
  MonitorStatus status = MonitorStatus::creating;
  std::int64_t monitor_pid = 0;
  std::uint64_t monitor_start_ticks = 0;
  std::int64_t pid = 0;
  std::uint64_t start_ticks = 0;  // of pid: the pair names the process for good
  std::int64_t created_ns = 0;    // wall clock
  std::int64_t started_ns = 0;
  std::int64_t exited_ns = 0;
  std::int32_t exit_code = 0;
  bool oom_killed = false;
};

/// Replaces the file in one step.
Result<void, SysError> write_state(int directory, const ContainerState& state);
/// Nothing if there is none, or it is not whole.
std::optional<ContainerState> read_state(const std::string& directory);

}  // namespace drydock::native
