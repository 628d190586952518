#pragma once
// The parent's side of making a process: descriptors, clone3(2), id maps. The child's side is child.h.

#include <optional>

#include "native/kernel/process.h"
#include "native/runtime/cgroup.h"
#include "native/runtime/monitor_protocol.h"

namespace drydock::native {

struct LaunchedProcess {
  pid_t pid = 0;
  Fd pidfd;
  Fd channel;  // the child's news (child.h)
  // Our ends; invalid with a terminal (its master comes over the channel) and for a stdin that is /dev/null.
  Fd input;
  Fd output;
  Fd errors;
};

/// Starts the child, which works through the plan; the cgroup exists already.
Result<LaunchedProcess, LaunchFailure> launch(const LaunchOrder& order, Cgroup& cgroup);

LaunchFailure to_failure(const SysError& error);

}  // namespace drydock::native
