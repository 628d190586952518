#pragma once
// docker stop, kill, restart: signals, and the patience between them.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

/// Sends a signal. Errors: conflict "Container ID is not running", and "The linux daemon does not support signal 99".
/// A signal that ends it for good (KILL, or its stop signal) keeps the restart policy from bringing it back.
Result<void> kill_container(Daemon& daemon, Container& container, int signal);

/// Stops a container: its stop signal, then after the grace period SIGKILL. Stepped by whoever wants to know the end.
class StopProcess {
 public:
  /// `seconds`: nothing: the container's own StopTimeout, or 10; negative: no end to patience.
  StopProcess(const Container& container, std::optional<std::int64_t> seconds, int signal);

  enum class State { waiting, stopped, failed };
  /// Stopped also when the container is gone.
  State step(Daemon& daemon);
  std::int64_t deadline_ns() const { return deadline_ns_; }
  const Error& error() const { return error_; }

 private:
  enum class Stage { signal, grace, killed };
  std::string id_;
  std::uint64_t exits_;
  std::int64_t grace_ns_;
  int signal_;
  Stage stage_ = Stage::signal;
  std::int64_t deadline_ns_ = kNoDeadline;
  Error error_;
};

/// What `docker stop` sends first.
int stop_signal(const Container& container);

/// Of a daemon that is going: a job of its own.
void begin_shutdown_stop(Daemon& daemon, Container& container);

/// A container between two runs of its restart policy stays down. True if it was one.
bool give_up_restart(Daemon& daemon, Container& container);

Result<void> pause_container(Daemon& daemon, Container& container);
Result<void> unpause_container(Daemon& daemon, Container& container);

}  // namespace drydock::engine
