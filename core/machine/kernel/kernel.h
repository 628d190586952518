#pragma once
// The kernel object: all state of one simulated Linux, as tables of plain objects that refer to each other by id. A
// copy is a snapshot (state/table.h). What it does is in free functions, a file each, in the rooms of core/machine.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "machine/kernel/cgroup.h"
#include "machine/kernel/ids.h"
#include "machine/kernel/namespaces.h"
#include "machine/kernel/outcome.h"
#include "machine/kernel/seccomp.h"
#include "machine/kernel/signals.h"
#include "machine/kernel/task.h"
#include "machine/mm/address_space.h"
#include "machine/net/net_namespace.h"
#include "machine/net/stack.h"
#include "machine/tty/terminal.h"
#include "machine/vfs/dentry.h"
#include "machine/vfs/file.h"
#include "machine/vfs/inode.h"
#include "machine/vfs/locks.h"
#include "machine/vfs/mount.h"
#include "machine/vfs/superblock.h"
#include "machine/vfs/walk.h"

namespace drydock::machine {

class Tracer;

/// Every limit of the machine itself has a name here, and an error when it is reached.
struct Limits {
  std::uint32_t processes_max = 32768;      // EAGAIN from clone(2)
  std::uint64_t memory_pages_max = 262144;  // 1 GiB; beyond it the OOM killer
  std::uint32_t open_files_max = 1048576;   // ENFILE
  std::uint32_t mounts_max = 100000;        // ENOSPC from mount(2), per namespace
  std::uint32_t inodes_max = 4194304;       // ENOSPC
  std::uint64_t pipe_bytes = 65536;
  std::uint32_t cpus = 2;  // what /proc and sched_getaffinity(2) show
};

class Kernel {
 public:
  Limits limits;
  std::string host_name = "localhost";
  std::int64_t boot_time_ns = 0;  // wall time at boot
  std::uint64_t clock_ns = 0;     // the virtual clock: since boot
  SeededRandom random{1};
  std::uint64_t next_inode_number =
      4026531841;                  // of namespaces and nameless files, as Linux counts them from 0xF0000000
  std::uint32_t next_device = 20;  // minor numbers of nameless devices
  std::uint32_t next_mount_number = 20, next_peer_group = 1;

  Table<Task> tasks;
  Table<Process> processes;
  Table<AddressSpace> memories;
  Table<FdTable> fd_tables;
  Table<FsContext> fs_contexts;
  Table<SignalHandlers> signal_handlers;

  Table<Inode> inodes;
  Table<Dentry> dentries;
  Table<Superblock> superblocks;
  Table<MountPoint> mounts;
  Table<File> files;
  std::vector<FileSystemType> file_systems;             // those that mount(2) knows; vfs/filesystem_types.h
  std::map<InodeId, std::vector<FileLock>> file_locks;  // vfs/locks.h
  SuperblockId shared_memory;                           // the tmpfs of shared anonymous memory; none before the first
  std::uint64_t file_pages = 0;        // frames that hold data of tmpfs files: bounded with limits.memory_pages_max
  std::uint64_t file_pages_epoch = 0;  // raised when a page of a file has another frame, or none any more: TLBs
  std::uint64_t garbage_inserted = 0;  // inodes and dentries there were after the last sweep; vfs/garbage.h

  Table<MountNamespace> mount_namespaces;
  Table<UserNamespace> user_namespaces;
  Table<PidNamespace> pid_namespaces;
  Table<UtsNamespace> uts_namespaces;
  Table<IpcNamespace> ipc_namespaces;
  Table<NetNamespace> net_namespaces;
  Table<CgroupNamespace> cgroup_namespaces;
  Table<TimeNamespace> time_namespaces;
  UserNamespaceId initial_user_namespace;
  PidNamespaceId initial_pid_namespace;
  NetNamespaceId initial_net_namespace;
  ProcessId init_process;  // of the initial pid namespace: orphans go to it

  Table<Cgroup> cgroups;
  std::vector<CgroupHierarchy> cgroup_hierarchies;
  std::map<std::uint32_t, Terminal> terminals;  // by number; 0 is none
  std::uint32_t next_terminal = 1;
  std::uint32_t console_terminal = 0;            // what /dev/console is; 0: there is none
  std::vector<SeccompProgram> seccomp_programs;  // never removed while a task refers to them

  net::Stack network;  // frames on their way, connections

  std::deque<TaskId> run_queue;                    // runnable tasks, first in first out
  TaskId cut_task;                                 // whose turn the limits of a run have cut: it goes on first
  std::uint64_t cut_turn_end_ns = 0;               // and until when
  std::multimap<WaitKey, TaskId> sleepers;         // tasks by what wakes them
  std::multimap<std::uint64_t, TaskId> deadlines;  // tasks by when they wake at the latest
  std::multimap<std::uint64_t, std::uint64_t>
      timers;  // other timers by expiry: alarm(2) and the like; value: ProcessId

  TaskId running;                   // whose turn it is; none between turns
  bool in_user_code = false;        // the interpreter runs
  std::uint64_t charged_pages = 0;  // of all address spaces: held against Limits::memory_pages_max
  std::uint64_t retired = 0;        // instructions, of all tasks
  bool halted = false;              // the initial pid namespace's init has ended

  Tracer* tracer = nullptr;  // outlives the kernel, no part of its state; null: nobody looks

  /// The number of a nameless device for a new superblock: makedev(0, n).
  std::uint64_t take_device() {
    const std::uint64_t minor = next_device++;
    return (minor & 0xff) | (minor & ~std::uint64_t{0xff}) << 12;
  }
  std::uint64_t now_ns() const { return clock_ns; }  // CLOCK_MONOTONIC of the initial namespace
  std::int64_t wall_ns() const { return boot_time_ns + static_cast<std::int64_t>(clock_ns); }  // CLOCK_REALTIME
};

inline Task& Caller::self() const {
  return kernel.tasks[task];
}
inline const Credentials& Caller::credentials() const {
  return self().credentials;
}

/// Makes every task that waits for it runnable: its call is run again. wait.h
void wake(Kernel& kernel, WaitKey key);

}  // namespace drydock::machine
