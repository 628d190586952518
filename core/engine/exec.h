#pragma once
// docker exec: further processes in a running container.

#include <optional>
#include <string>

#include "base/result.h"
#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

struct ExecConfig {
  Strings cmd;
  std::optional<Strings> env;
  std::string user, working_dir, detach_keys;
  bool tty = false, privileged = false;
  bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
  runtime::ConsoleSize console_size;
};

/// Notes what is to run. Errors: conflict "Container x is paused, unpause the container before exec", "Container ID is
/// not running".
Result<std::string> create_exec(Daemon& daemon, std::string_view container, ExecConfig config);

/// By full id. Errors: not_found "No such exec instance: x".
Result<Exec*> find_exec(Daemon& daemon, std::string_view id);

/// Runs it; with an attachment its stream is connected before it can have written anything. Errors: conflict "Error:
/// Exec command ID has already run", and the runtime's, after which the exec has the exit code 126 or 127.
Result<void> start_exec(Daemon& daemon, Exec& exec, std::shared_ptr<Attachment> attachment);

}  // namespace drydock::engine
