#pragma once
// What the kernel tells whoever looks on: system calls, tasks, mounts, packets, and what is not modelled. The tracer is
// no part of the machine's state, and nothing that it does may change what the machine does. With no tracer set each
// hook costs one comparison.

#include <cstdint>
#include <string>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

struct TaskNote {
  enum class Kind : std::uint8_t { created, executed, exited, signalled, stopped, continued };
  Kind kind = Kind::created;
  TaskId task = {};
  TaskId parent = {};          // created: by whom
  std::uint64_t flags = 0;     // created: of clone(2)
  std::string_view text = {};  // executed: the path
  int signal = 0;              // signalled, stopped: which
  int status = 0;              // exited: as wait(2) tells
  std::uint64_t retired = 0;   // exited: instructions it has run
};

struct MountNote {
  enum class Kind : std::uint8_t { mounted, unmounted, moved, pivoted, changed };
  Kind kind = Kind::mounted;
  MountNamespaceId where;
  MountId mount;
};

struct PacketNote {
  NetNamespaceId where;
  std::string_view interface;
  std::string_view text;  // "IP 172.17.0.2.40000 > 172.17.0.3.80: Flags [S], length 0", as tcpdump(8) words it
  std::uint32_t bytes = 0;
};

class Tracer {
 public:
  virtual ~Tracer() = default;
  /// Before the first attempt at a call; the task's call_number and call_arguments say which.
  virtual void call_entered(Kernel&, TaskId) {}
  /// After every attempt: `outcome` may say that it blocks. The task may be gone by then (exit_group(2)).
  virtual void call_left(Kernel&, TaskId, const Outcome&) {}
  virtual void task_changed(const Kernel&, const TaskNote&) {}
  virtual void mounts_changed(const Kernel&, const MountNote&) {}
  virtual void packet_passed(const Kernel&, const PacketNote&) {}
  virtual void out_of_memory(const Kernel&, CgroupId, TaskId /*victim*/) {}
  /// `what`: "system call io_uring_setup(2)", "ioctl 0x5421", "instruction 0f 38 00 c1 at 0x401000".
  virtual void unimplemented(const Kernel&, TaskId, std::string_view /*what*/) {}
};

inline void note_task(const Kernel& kernel, const TaskNote& note) {
  if (kernel.tracer != nullptr) [[unlikely]]
    kernel.tracer->task_changed(kernel, note);
}
inline void note_mounts(const Kernel& kernel, const MountNote& note) {
  if (kernel.tracer != nullptr) [[unlikely]]
    kernel.tracer->mounts_changed(kernel, note);
}
inline void note_unimplemented(const Kernel& kernel, TaskId task, std::string_view what) {
  if (kernel.tracer != nullptr) [[unlikely]]
    kernel.tracer->unimplemented(kernel, task, what);
}

}  // namespace drydock::machine
