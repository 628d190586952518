#include "base/json.h"
#include "native/runtime/state_file.h"

namespace drydock::native {

namespace {

constexpr std::size_t kStateMax = 64 * 1024;

std::optional<MonitorStatus> status_of(std::string_view name) {
  if (name == "creating") return MonitorStatus::creating;
  if (name == "created") return MonitorStatus::created;
  if (name == "running") return MonitorStatus::running;
  if (name == "exited") return MonitorStatus::exited;
  return std::nullopt;
}

Result<ContainerState> parse_state(std::string_view text) {
  const Json json = TRY(parse_json(text));
  ContainerState state;
  state.id = TRY(get_string(json, "id"));
  state.cgroups_path = TRY(get_string(json, "cgroupsPath"));
  const std::string name = TRY(get_string(json, "status"));
  const auto status = status_of(name);
  if (!status) return fail(ErrorKind::corrupt, "unknown status ", name);
  state.status = *status;
  state.monitor_pid = TRY(get_int(json, "monitorPid"));
  state.monitor_start_ticks = static_cast<std::uint64_t>(TRY(get_int(json, "monitorStartTicks")));
  state.pid = TRY(get_int(json, "pid"));
  state.start_ticks = static_cast<std::uint64_t>(TRY(get_int(json, "startTicks")));
  state.created_ns = TRY(get_int(json, "createdNs"));
  state.started_ns = TRY(get_int(json, "startedNs"));
  state.exited_ns = TRY(get_int(json, "exitedNs"));
  state.exit_code = static_cast<std::int32_t>(TRY(get_int(json, "exitCode")));
  state.oom_killed = TRY(get_bool(json, "oomKilled"));
  return state;
}

}  // namespace

std::optional<ContainerState> read_state(const std::string& directory) {
  const auto text = read_file(concat(directory, "/", kStateFileName), kStateMax);
  if (!text.ok()) return std::nullopt;
  auto state = parse_state(*text);
  if (!state.ok()) return std::nullopt;
  return std::move(state).value();
}

}  // namespace drydock::native
