#pragma once
// /proc/PID and /proc/PID/task/TID: what the files of a process are told about whom they show, and to whom.

#include <memory>
#include <string>
#include <string_view>

#include "machine/fs/pseudo/pseudo_inode.h"
#include "machine/kernel/kernel.h"

namespace drydock::machine {

/// A task as one mounted procfs shows it.
struct ProcessView {
  TaskId task;
  ProcessId process;
  PidNamespaceId seen_from;  // of the mount: numbers are those of this namespace
  bool is_thread = false;    // below task/: of one thread, not of the whole process
};

/// PTRACE_MODE_READ of ptrace(2): same process, or the same ids and no more capabilities than the caller, or
/// CAP_SYS_PTRACE. EACCES.
Result<void, Errno> may_inspect(const Caller& caller, TaskId target);
bool is_dumpable(const Kernel& kernel, const Task& task);
/// Owner of the files of /proc/PID: the task's effective ids; root when it is not dumpable, but of directories that all
/// may read.
void show_owner(const Kernel& kernel, const ProcessView& view, Attributes& attributes);
std::uint64_t process_inode_number(const ProcessView& view, std::uint32_t part);

enum class Inspect : std::uint8_t { anybody, inspectors };

struct ProcessRow {
  std::string_view name;
  std::uint32_t mode = 0;          // with type where it is no regular file
  Inspect who = Inspect::anybody;  // inspectors: opening it takes may_inspect()
  Result<std::string, Errno> (*text)(const Caller&, const ProcessView&) = nullptr;
  Result<void, Errno> (*store)(const Caller&, const ProcessView&, std::string_view) = nullptr;
  /// For directories and links.
  std::unique_ptr<PseudoInode> (*make)(const Caller&, const ProcessView&) = nullptr;
  enum class Where : std::uint8_t { both, process_only, thread_only } where = Where::both;
};

/// The base of everything below /proc/PID: it is gone when the task is.
class ProcessInode : public PseudoInode {
 public:
  explicit ProcessInode(const ProcessView& view) : view_(view) { only_what_is_there = true; }
  Result<Attributes, Errno> attributes(const Caller& caller) override;
  bool still_valid(const Caller& caller) const override;

 protected:
  ProcessView view_;
};

std::unique_ptr<PseudoInode> make_process_directory(const Caller& caller, const ProcessView& view);
std::unique_ptr<PseudoInode> make_task_directory(const Caller& caller, const ProcessView& view);  // task/
std::unique_ptr<PseudoInode> make_fd_directory(const Caller& caller, const ProcessView& view);
std::unique_ptr<PseudoInode> make_fdinfo_directory(const Caller& caller, const ProcessView& view);
std::unique_ptr<PseudoInode> make_ns_directory(const Caller& caller, const ProcessView& view);
std::unique_ptr<PseudoInode> make_net_directory(const Caller& caller, const ProcessView& view);
std::unique_ptr<PseudoInode> make_exe_link(const Caller& caller, const ProcessView& view);
std::unique_ptr<PseudoInode> make_cwd_link(const Caller& caller, const ProcessView& view);
std::unique_ptr<PseudoInode> make_root_link(const Caller& caller, const ProcessView& view);

// The texts, by file name. process_status.cpp, process_memory.cpp, process_kernel.cpp.
using ProcessText = Result<std::string, Errno>(const Caller&, const ProcessView&);
using ProcessStore = Result<void, Errno>(const Caller&, const ProcessView&, std::string_view);
ProcessText stat_text, status_text, statm_text, comm_text, limits_text, io_text, schedstat_text, sched_text, wchan_text,
    syscall_text, personality_text, oom_score_text, oom_adj_text, oom_score_adj_text, timerslack_text, timers_text;
ProcessText cmdline_text, environ_text, auxv_text, maps_text, smaps_text, smaps_rollup_text, numa_maps_text;
ProcessText cgroup_text, cpuset_text, mounts_text, mountinfo_text, mountstats_text, uid_map_text, gid_map_text,
    projid_map_text, setgroups_text, loginuid_text, sessionid_text, timens_offsets_text, coredump_filter_text,
    stack_text, arch_status_text, autogroup_text, zero_text;
ProcessStore store_comm, store_oom_adj, store_oom_score_adj, store_uid_map, store_gid_map, store_projid_map,
    store_setgroups, store_loginuid, store_timens_offsets, store_nothing;

/// "%-*s"-like building blocks that several of them need.
std::string padded_left(std::string_view text, std::size_t width);   // spaces before
std::string padded_right(std::string_view text, std::size_t width);  // spaces after
std::string hex_number(std::uint64_t value, std::size_t digits);     // lower case, at least so many digits
std::string kilobytes(std::string_view label, std::uint64_t bytes);  // "VmRSS:\t    2444 kB\n"

}  // namespace drydock::machine
