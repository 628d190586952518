#pragma once
// On whose behalf an operation runs: every operation of the file systems, sockets and the kernel's objects takes one.

#include "machine/kernel/ids.h"

namespace drydock::machine {

struct Credentials;

struct Caller {
  Kernel& kernel;
  TaskId task;  // the task that asks; there is always one (a simulated daemon is a task too)

  Task& self() const;
  const Credentials& credentials() const;
};

}  // namespace drydock::machine
