#pragma once
// Making tasks: clone(2), and the first processes of a machine.

#include <cstdint>
#include <string>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

namespace clone_flag {
inline constexpr std::uint64_t vm = 0x100, fs = 0x200, files = 0x400, sighand = 0x800, pidfd = 0x1000, ptrace = 0x2000,
                               vfork = 0x4000, parent = 0x8000, thread = 0x10000, newns = 0x20000, sysvsem = 0x40000,
                               settls = 0x80000, parent_settid = 0x100000, child_cleartid = 0x200000,
                               detached = 0x400000, untraced = 0x800000, child_settid = 0x1000000,
                               newcgroup = 0x2000000, newuts = 0x4000000, newipc = 0x8000000, newuser = 0x10000000,
                               newpid = 0x20000000, newnet = 0x40000000, io = 0x80000000, clear_sighand = 0x100000000,
                               into_cgroup = 0x200000000, newtime = 0x80;
inline constexpr std::uint64_t namespaces = newns | newcgroup | newuts | newipc | newuser | newpid | newnet | newtime;
}  // namespace clone_flag

struct CloneRequest {
  std::uint64_t flags = 0;
  int exit_signal = 17;
  std::uint64_t stack_pointer = 0;  // 0: as the parent's
  std::uint64_t tls = 0;
  std::uint64_t parent_tid = 0, child_tid = 0;  // addresses
  TaskBody body = TaskBody::guest;              // hosted: for a runtime that prepares a container
};

/// The new task; it is runnable if its body is a guest's. Errors as clone(2).
Result<TaskId, Errno> clone_task(const Caller& caller, const CloneRequest& request);

/// pid 1 of a machine whose initial namespaces exist: root of the initial user namespace with every capability, no
/// memory, an empty descriptor table, `fs` as its place.
TaskId create_first_task(Kernel& kernel, std::string name, FsContext fs, MountNamespaceId mounts);
/// User, pid, uts, ipc, net, cgroup and time namespaces of a fresh machine. The mount namespace is vfs/boot's.
void create_initial_namespaces(Kernel& kernel);

}  // namespace drydock::machine
