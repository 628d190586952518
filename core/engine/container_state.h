#pragma once
// The states of a container, as `docker ps` names them, and which may follow which.

#include <cstdint>
#include <optional>
#include <string_view>

namespace drydock::engine {

enum class Status : std::uint8_t { created, running, paused, restarting, removing, exited, dead };
inline constexpr int kStatusCount = 7;

enum class Trigger : std::uint8_t {
  start,         // its first process runs
  exit,          // its first process ended and stays ended
  exit_restart,  // its first process ended and the restart policy wants another one after a pause
  give_up,       // nobody wants that restart any more (stop), or it failed
  pause,
  resume,
  begin_remove,
  fail_remove,  // something of it could not be removed: it stays, as dead
};
inline constexpr int kTriggerCount = 8;

/// Nothing: the trigger means nothing in that state.
std::optional<Status> next_status(Status status, Trigger trigger);

/// "running".
std::string_view to_string(Status status);
std::optional<Status> parse_status(std::string_view text);

}  // namespace drydock::engine
