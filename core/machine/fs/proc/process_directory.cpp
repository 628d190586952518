// The table of /proc/PID, and the directories made of it: /proc/PID itself, task/ and task/TID.

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "machine/fs/proc/process_view.h"
#include "machine/kernel/pids.h"

namespace drydock::machine {

namespace {

using Where = ProcessRow::Where;
constexpr std::uint32_t kDirectory = abi::s_ifdir, kLink = abi::s_iflnk | 0777;
constexpr Inspect kAnybody = Inspect::anybody, kInspectors = Inspect::inspectors;

Result<std::string, Errno> attr_current_text(const Caller&, const ProcessView&) {
  return Errno::einval;  // no security module is loaded
}

/// attr/ without a security module: files that have nothing to say.
class AttrDirectory final : public ProcessInode {
 public:
  using ProcessInode::ProcessInode;
  std::unique_ptr<Inode> clone() const override { return std::make_unique<AttrDirectory>(*this); }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override;
  Result<std::vector<DirectoryItem>, Errno> list(const Caller&, std::uint64_t cookie, std::size_t count_max) override;
};

std::unique_ptr<PseudoInode> make_attr_directory(const Caller&, const ProcessView& view) {
  return std::make_unique<AttrDirectory>(view);
}

constexpr std::array kRows{
    ProcessRow{"task", kDirectory | 0555, kAnybody, nullptr, nullptr, make_task_directory, Where::process_only},
    ProcessRow{"fd", kDirectory | 0500, kAnybody, nullptr, nullptr, make_fd_directory},
    ProcessRow{"fdinfo", kDirectory | 0555, kAnybody, nullptr, nullptr, make_fdinfo_directory},
    ProcessRow{"ns", kDirectory | 0511, kAnybody, nullptr, nullptr, make_ns_directory},
    ProcessRow{"net", kDirectory | 0555, kAnybody, nullptr, nullptr, make_net_directory},
    ProcessRow{"environ", 0400, kInspectors, environ_text},
    ProcessRow{"auxv", 0400, kInspectors, auxv_text},
    ProcessRow{"status", 0444, kAnybody, status_text},
    ProcessRow{"personality", 0400, kInspectors, personality_text},
    ProcessRow{"limits", 0444, kAnybody, limits_text},
    ProcessRow{"sched", 0644, kAnybody, sched_text, store_nothing},
    ProcessRow{"autogroup", 0644, kAnybody, autogroup_text, store_nothing, nullptr, Where::process_only},
    ProcessRow{"timens_offsets", 0644, kAnybody, timens_offsets_text, store_timens_offsets, nullptr,
               Where::process_only},
    ProcessRow{"comm", 0644, kAnybody, comm_text, store_comm},
    ProcessRow{"syscall", 0400, kInspectors, syscall_text},
    ProcessRow{"cmdline", 0444, kAnybody, cmdline_text},
    ProcessRow{"stat", 0444, kAnybody, stat_text},
    ProcessRow{"statm", 0444, kAnybody, statm_text},
    ProcessRow{"maps", 0444, kInspectors, maps_text},
    ProcessRow{"numa_maps", 0444, kInspectors, numa_maps_text},
    ProcessRow{"cwd", kLink, kAnybody, nullptr, nullptr, make_cwd_link},
    ProcessRow{"root", kLink, kAnybody, nullptr, nullptr, make_root_link},
    ProcessRow{"exe", kLink, kAnybody, nullptr, nullptr, make_exe_link},
    ProcessRow{"mounts", 0444, kAnybody, mounts_text},
    ProcessRow{"mountinfo", 0444, kAnybody, mountinfo_text},
    ProcessRow{"mountstats", 0400, kAnybody, mountstats_text, nullptr, nullptr, Where::process_only},
    ProcessRow{"clear_refs", 0200, kAnybody, nullptr, store_nothing},
    ProcessRow{"smaps", 0444, kInspectors, smaps_text},
    ProcessRow{"smaps_rollup", 0444, kInspectors, smaps_rollup_text},
    ProcessRow{"attr", kDirectory | 0555, kAnybody, nullptr, nullptr, make_attr_directory},
    ProcessRow{"wchan", 0444, kAnybody, wchan_text},
    ProcessRow{"stack", 0400, kInspectors, stack_text},
    ProcessRow{"schedstat", 0444, kAnybody, schedstat_text},
    ProcessRow{"cpuset", 0444, kAnybody, cpuset_text},
    ProcessRow{"cgroup", 0444, kAnybody, cgroup_text},
    ProcessRow{"oom_score", 0444, kAnybody, oom_score_text},
    ProcessRow{"oom_adj", 0644, kAnybody, oom_adj_text, store_oom_adj},
    ProcessRow{"oom_score_adj", 0644, kAnybody, oom_score_adj_text, store_oom_score_adj},
    ProcessRow{"loginuid", 0644, kAnybody, loginuid_text, store_loginuid},
    ProcessRow{"sessionid", 0444, kAnybody, sessionid_text},
    ProcessRow{"coredump_filter", 0644, kAnybody, coredump_filter_text, store_nothing, nullptr, Where::process_only},
    ProcessRow{"io", 0400, kInspectors, io_text},
    ProcessRow{"uid_map", 0644, kAnybody, uid_map_text, store_uid_map},
    ProcessRow{"gid_map", 0644, kAnybody, gid_map_text, store_gid_map},
    ProcessRow{"projid_map", 0644, kAnybody, projid_map_text, store_projid_map},
    ProcessRow{"setgroups", 0644, kAnybody, setgroups_text, store_setgroups},
    ProcessRow{"timers", 0444, kAnybody, timers_text, nullptr, nullptr, Where::process_only},
    ProcessRow{"timerslack_ns", 0666, kAnybody, timerslack_text, store_nothing, nullptr, Where::process_only},
    ProcessRow{"arch_status", 0444, kAnybody, arch_status_text},
};
constexpr std::array kAttrRows{
    ProcessRow{"current", 0666, kAnybody, attr_current_text},
    ProcessRow{"prev", 0444, kAnybody, attr_current_text},
    ProcessRow{"exec", 0666, kAnybody, attr_current_text},
    ProcessRow{"fscreate", 0666, kAnybody, attr_current_text},
    ProcessRow{"keycreate", 0666, kAnybody, attr_current_text},
    ProcessRow{"sockcreate", 0666, kAnybody, attr_current_text},
};

std::uint32_t mode_of(const ProcessRow& row) {
  return (row.mode & abi::s_ifmt) != 0 ? row.mode : row.mode | abi::s_ifreg;
}

class ProcessFile final : public TextInode {
 public:
  ProcessFile(const ProcessView& view, const ProcessRow& row) : view_(view), row_(&row) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<ProcessFile>(*this); }
  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(PseudoInode::attributes(caller));
    show_owner(caller.kernel, view_, all);
    return all;
  }
  bool still_valid(const Caller& caller) const override {
    return std::as_const(caller.kernel).tasks.find(view_.task) != nullptr;
  }
  Result<std::string, Errno> text(const Caller& caller) override {
    if (!still_valid(caller)) return Errno::esrch;
    return row_->text != nullptr ? row_->text(caller, view_) : Result<std::string, Errno>(Errno::einval);
  }
  Result<void, Errno> store(const Caller& caller, std::string_view text) override {
    if (!still_valid(caller)) return Errno::esrch;
    return row_->store != nullptr ? row_->store(caller, view_, text) : Result<void, Errno>(Errno::einval);
  }
  Result<void, Errno> may_open(const Caller& caller, std::uint32_t) override {
    return row_->who == Inspect::inspectors ? may_inspect(caller, view_.task) : Result<void, Errno>();
  }

 private:
  ProcessView view_;
  const ProcessRow* row_;
};

bool is_shown(const ProcessRow& row, const ProcessView& view) {
  return row.where == Where::both || (row.where == Where::thread_only) == view.is_thread;
}

Result<InodeId, Errno> find_row(const Caller& caller, std::span<const ProcessRow> rows, const ProcessView& view,
                                SuperblockId superblock, std::string_view name, std::uint32_t first_part) {
  for (std::size_t at = 0; at < rows.size(); ++at) {
    const ProcessRow& row = rows[at];
    if (row.name != name || !is_shown(row, view)) continue;
    std::unique_ptr<PseudoInode> node =
        row.make != nullptr ? row.make(caller, view) : std::make_unique<ProcessFile>(view, row);
    node->mode = mode_of(row);
    if (abi::is_directory(node->mode)) node->links = 2;
    node->number = process_inode_number(view, first_part + static_cast<std::uint32_t>(at));
    node->time_ns = caller.kernel.boot_time_ns;
    return add_inode(caller.kernel, superblock, std::move(node));
  }
  return Errno::enoent;
}

std::vector<DirectoryItem> list_rows(std::span<const ProcessRow> rows, const ProcessView& view, std::uint64_t cookie,
                                     std::size_t count_max, std::uint32_t first_part) {
  std::vector<DirectoryItem> items;
  for (std::size_t at = cookie; at < rows.size() && items.size() < count_max; ++at)
    if (is_shown(rows[at], view))
      items.push_back({std::string(rows[at].name),
                       process_inode_number(view, first_part + static_cast<std::uint32_t>(at)),
                       static_cast<std::uint8_t>(mode_of(rows[at]) >> 12), at + 1});
  return items;
}

constexpr std::uint32_t kFirstPart = 1, kFirstAttrPart = 0x100;

Result<InodeId, Errno> AttrDirectory::lookup(const Caller& caller, std::string_view name) {
  return find_row(caller, kAttrRows, view_, superblock, name, kFirstAttrPart);
}
Result<std::vector<DirectoryItem>, Errno> AttrDirectory::list(const Caller&, std::uint64_t cookie,
                                                              std::size_t count_max) {
  return list_rows(kAttrRows, view_, cookie, count_max, kFirstAttrPart);
}

/// /proc/PID and /proc/PID/task/TID.
class ProcessDirectory final : public ProcessInode {
 public:
  using ProcessInode::ProcessInode;
  std::unique_ptr<Inode> clone() const override { return std::make_unique<ProcessDirectory>(*this); }
  std::optional<Result<void, Errno>> own_permission(const Caller& caller, int) override {
    if (still_valid(caller)) return std::nullopt;
    return Result<void, Errno>(Errno::esrch);
  }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    if (!still_valid(caller)) return Errno::enoent;
    return find_row(caller, kRows, view_, superblock, name, kFirstPart);
  }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    if (!still_valid(caller)) return Errno::enoent;
    return list_rows(kRows, view_, cookie, count_max, kFirstPart);
  }
};

/// /proc/PID/task.
class TaskDirectory final : public ProcessInode {
 public:
  using ProcessInode::ProcessInode;
  std::unique_ptr<Inode> clone() const override { return std::make_unique<TaskDirectory>(*this); }
  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(ProcessInode::attributes(caller));
    if (const Process* process = std::as_const(caller.kernel).processes.find(view_.process); process != nullptr)
      all.links = 2 + static_cast<std::uint32_t>(process->threads.size());
    return all;
  }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    const auto tid = parse_u64(name);
    if (!tid || concat(*tid) != name || *tid > 0x7fffffff) return Errno::enoent;
    const TaskId task = find_task(caller.kernel, view_.seen_from, static_cast<std::int64_t>(*tid));
    if (!task || caller.kernel.tasks[task].process != view_.process) return Errno::enoent;
    ProcessView thread = view_;
    thread.task = task;
    thread.is_thread = true;
    return add_inode(caller.kernel, superblock, make_process_directory(caller, thread));
  }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    const Process* process = std::as_const(caller.kernel).processes.find(view_.process);
    if (process == nullptr) return Errno::enoent;
    std::vector<std::pair<std::uint32_t, TaskId>> threads;
    for (const TaskId task : process->threads)
      if (const std::uint32_t tid = tid_of(caller.kernel, task, view_.seen_from); tid > cookie)
        threads.emplace_back(tid, task);
    std::sort(threads.begin(), threads.end());
    std::vector<DirectoryItem> items;
    for (const auto& [tid, task] : threads) {
      if (items.size() >= count_max) break;
      ProcessView thread = view_;
      thread.task = task;
      thread.is_thread = true;
      items.push_back({concat(tid), process_inode_number(thread, 0), kDirectory >> 12, tid});
    }
    return items;
  }
};

}  // namespace

std::unique_ptr<PseudoInode> make_process_directory(const Caller& caller, const ProcessView& view) {
  auto directory = std::make_unique<ProcessDirectory>(view);
  directory->mode = kDirectory | 0555;
  directory->links = 9;
  directory->number = process_inode_number(view, 0);
  directory->time_ns = caller.kernel.boot_time_ns;
  return directory;
}

std::unique_ptr<PseudoInode> make_task_directory(const Caller&, const ProcessView& view) {
  return std::make_unique<TaskDirectory>(view);
}

}  // namespace drydock::machine
