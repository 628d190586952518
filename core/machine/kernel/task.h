#pragma once
// Task (a thread) and Process (a thread group). clone(2), credentials(7), wait(2).

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "machine/cpu/cpu.h"
#include "machine/kernel/credentials.h"
#include "machine/kernel/ids.h"
#include "machine/kernel/namespaces.h"
#include "machine/kernel/outcome.h"
#include "machine/kernel/signals.h"

namespace drydock::machine {

enum class TaskState : std::uint8_t {
  runnable,
  blocked,  // in a system call; see Task::wait
  stopped,  // job control
  frozen,   // its cgroup's freezer
  zombie,   // the leader of a process that has not been waited for
};

/// Survives a blocked system call's being run again from its beginning; cleared when the call completes.
struct RestartState {
  bool again = false;                        // this is not the first attempt
  std::optional<std::uint64_t> deadline_ns;  // computed at the first attempt
  std::uint64_t progress = 0;                // bytes or items done in earlier attempts
  std::array<std::uint64_t, 4> scratch{};
};

/// Who carries the task out.
enum class TaskBody : std::uint8_t {
  guest,   // instructions
  hosted,  // code of this program's own: a daemon of the simulated host, a container before its execve; never scheduled
};

class Task {
 public:
  TaskId id;
  ProcessId process;
  TaskBody body = TaskBody::guest;
  TaskState state = TaskState::runnable;
  std::string name;  // comm, at most 15 bytes
  Cpu cpu;

  AddressSpaceId memory;  // none for a hosted task without one, and for zombies
  FdTableId fds;
  FsContextId fs;
  SignalHandlersId handlers;
  Credentials credentials;
  NamespaceSet namespaces;
  PidNamespaceId pid_namespace;  // the one it lives in (task_active_pid_ns)
  std::vector<std::uint32_t>
      tids;  // its number in every pid namespace from the initial one (index 0) to its own (last)

  SignalSet blocked_signals = 0;
  std::optional<SignalSet> saved_mask;  // sigsuspend, ppoll: restored after the handler was set up
  PendingSignals pending;
  std::uint64_t alternate_stack = 0, alternate_stack_bytes = 0;
  std::uint32_t alternate_stack_flags = 2;  // SS_DISABLE

  std::uint64_t fault_address = 0, fault_error = 0, fault_number = 0;  // cr2, error code, trap: of the last fault

  std::uint64_t clear_child_tid = 0, robust_list = 0, rseq = 0;
  std::uint64_t user_ns = 0, system_ns = 0;  // CPU time on the virtual clock
  std::uint64_t start_ns = 0;
  int nice = 0;
  int parent_death_signal = 0;
  std::vector<std::uint32_t> seccomp_filters;  // indices into Kernel::seccomp_programs, oldest first
  std::uint8_t seccomp_mode = 0;
  std::uint32_t personality = 0;
  std::uint64_t timer_slack_ns = 50'000;
  int scheduling_policy = 0, scheduling_priority = 0, io_priority = 0;
  std::uint64_t affinity = 0;  // sched_setaffinity(2): a bit per CPU; 0: all
  std::uint64_t call_count = 0, switches = 0;

  bool queued = false;     // stands in Kernel::run_queue
  bool throttled = false;  // its cgroup has used up its CPU quota: not to be queued before the next period

  // In a system call:
  bool in_call = false;  // it is to be attempted (again) when the task runs next
  std::int64_t call_number = -1;
  std::array<std::uint64_t, 6> call_arguments{};
  Block wait;  // when blocked
  RestartState restart;
  TaskId vfork_child;   // waits until it has exec'd or ended
  TaskId vfork_parent;  // to be woken then
};

/// The resource limits of getrlimit(2) by their numbers; ~0 is RLIM_INFINITY.
struct ResourceLimit {
  std::uint64_t soft = ~std::uint64_t{0}, hard = ~std::uint64_t{0};
};
inline constexpr int kRlimitCpu = 0, kRlimitFileSize = 1, kRlimitData = 2, kRlimitStack = 3, kRlimitCore = 4,
                     kRlimitRss = 5, kRlimitProcesses = 6, kRlimitFiles = 7, kRlimitMemlock = 8,
                     kRlimitAddressSpace = 9, kRlimitLocks = 10, kRlimitSigpending = 11, kRlimitMessageQueue = 12,
                     kRlimitNice = 13, kRlimitRtprio = 14, kRlimitRttime = 15, kRlimitCount = 16;

/// timer_create(2).
struct PosixTimer {
  int id = 0;
  int clock = 0;
  int notify = 0;  // SIGEV_SIGNAL 0, SIGEV_NONE 1, SIGEV_THREAD_ID 4
  int signal = 14;
  std::uint64_t value = 0;
  TaskId thread;                           // SIGEV_THREAD_ID
  std::optional<std::uint64_t> expiry_ns;  // Kernel::now_ns()
  std::uint64_t interval_ns = 0;
  std::uint64_t overrun = 0;
};

class Process {
 public:
  ProcessId id;
  PidNamespaceId pid_namespace;                          // as its leader's
  std::vector<std::uint32_t> pids;                       // as its leader's tids; kept when the leader is gone
  bool reaped = false;                                   // waited for: only a name for its group or session is left
  std::uint32_t group_members = 0, session_members = 0;  // processes that it leads, itself included
  TaskId leader;
  std::vector<TaskId> threads;
  ProcessId parent;  // none: the machine's first process, or a hosted one
  std::vector<ProcessId> children;
  bool child_subreaper = false;
  ProcessId group, session;    // the processes that lead them (their pid names them); a leader may have ended
  std::uint32_t terminal = 0;  // controlling terminal's number; 0: none
  ProcessId hung_up_group;     // a leader's: the foreground group when its terminal was hung up
  bool executed = false;       // has called execve since fork: setpgid(2) by the parent fails then

  PendingSignals pending;  // for the process as a whole
  int exit_signal = 17;    // SIGCHLD
  std::string hosted_command_line;  // of a hosted process: what /proc/PID/cmdline shows, each argument with its NUL
  bool exiting = false;
  int exit_status = 0;                      // as wait(2) tells: code << 8, or the signal, | 0x80 core
  bool stopped = false, continued = false;  // not reported by wait yet
  int stop_signal = 0;
  bool job_stopped = false;  // stopped now
  bool oom_killed = false;
  int oom_score_adj = 0;
  int oom_score_adj_min = 0;  // below it only CAP_SYS_RESOURCE may set it

  std::array<ResourceLimit, kRlimitCount> limits{};
  std::vector<CgroupId> cgroups;  // one per hierarchy of Kernel::cgroup_hierarchies
  std::uint64_t children_user_ns = 0, children_system_ns = 0;
  std::uint64_t threads_user_ns = 0, threads_system_ns = 0;  // of threads that have ended
  std::uint64_t peak_pages = 0, children_peak_pages = 0;     // ru_maxrss
  std::uint64_t peak_pages_before = 0;                       // of address spaces that execve(2) replaced
  std::vector<PosixTimer> posix_timers;
  std::optional<std::uint64_t> virtual_timer_ns, profile_timer_ns;  // ITIMER_VIRTUAL, ITIMER_PROF: CPU time left
  std::uint64_t virtual_interval_ns = 0, profile_interval_ns = 0;
  std::optional<std::uint64_t> alarm_ns;  // ITIMER_REAL's next expiry
  std::uint64_t alarm_interval_ns = 0;
};

}  // namespace drydock::machine
