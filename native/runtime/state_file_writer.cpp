// Apart from the reader: the monitor writes, and carries no JSON parser for that.

#include "native/runtime/state_file.h"

namespace drydock::native {

namespace {

constexpr const char* kStatusNames[] = {"creating", "created", "running", "exited"};

/// Paths and ids come from the daemon; only what JSON forbids in a string has to be escaped.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append(concat("\\u00", to_hex(std::string_view(&c, 1))));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

}  // namespace

Result<void, SysError> write_state(int directory, const ContainerState& state) {
  const std::string text =
      concat("{\"id\":", json_string(state.id), ",\"cgroupsPath\":", json_string(state.cgroups_path), ",\"status\":\"",
             kStatusNames[static_cast<int>(state.status)], "\",\"monitorPid\":", state.monitor_pid,
             ",\"monitorStartTicks\":", state.monitor_start_ticks, ",\"pid\":", state.pid,
             ",\"startTicks\":", state.start_ticks, ",\"createdNs\":", state.created_ns,
             ",\"startedNs\":", state.started_ns, ",\"exitedNs\":", state.exited_ns, ",\"exitCode\":", state.exit_code,
             ",\"oomKilled\":", state.oom_killed ? "true" : "false", "}\n");
  return replace_file(directory, kStateFileName, text);
}

}  // namespace drydock::native
