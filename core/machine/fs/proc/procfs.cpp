// The root of procfs and its mount options.

#include "machine/fs/proc/procfs.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "machine/fs/proc/process_view.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kProcMagic = 0x9fa0;
enum class HidePid : std::uint8_t { off = 0, no_access = 1, invisible = 2, not_ptraceable = 4 };

struct Options {
  HidePid hide = HidePid::off;
  std::uint32_t gid = 0;
  bool only_pids = false;
};

Result<Options, Errno> parse(const Caller& caller, std::string_view data) {
  Options options;
  for (const MountOption& option : parse_options(data)) {
    if (option.name == "hidepid") {
      if (option.value == "0" || option.value == "off")
        options.hide = HidePid::off;
      else if (option.value == "1" || option.value == "noaccess")
        options.hide = HidePid::no_access;
      else if (option.value == "2" || option.value == "invisible")
        options.hide = HidePid::invisible;
      else if (option.value == "4" || option.value == "ptraceable")
        options.hide = HidePid::not_ptraceable;
      else
        return Errno::einval;
    } else if (option.name == "gid") {
      const auto gid = parse_u64(option.value);
      if (!gid || *gid > 0xffffffff) return Errno::einval;
      const auto kernel_gid =
          gid_from(caller.kernel, caller.credentials().user_namespace, static_cast<std::uint32_t>(*gid));
      if (!kernel_gid) return Errno::einval;
      options.gid = *kernel_gid;
    } else if (option.name == "subset" && option.value == "pid") {
      options.only_pids = true;
    } else {
      return Errno::einval;
    }
  }
  return options;
}

class ProcSuperblock final : public Superblock {
 public:
  Options options;
  PidNamespaceId pids;
  std::unique_ptr<Superblock> clone() const override { return std::make_unique<ProcSuperblock>(*this); }
  FileSystemUse use(const Caller&) override {
    FileSystemUse all;
    all.magic = kProcMagic;
    return all;
  }
  std::string show_options(const Caller& caller) const override {
    std::string text;
    if (options.gid != 0)
      text += concat(",gid=", gid_into(caller.kernel, caller.credentials().user_namespace, options.gid).value_or(0));
    switch (options.hide) {
      case HidePid::off:
        break;
      case HidePid::no_access:
        text += ",hidepid=noaccess";
        break;
      case HidePid::invisible:
        text += ",hidepid=invisible";
        break;
      case HidePid::not_ptraceable:
        text += ",hidepid=ptraceable";
        break;
    }
    if (options.only_pids) text += ",subset=pid";
    return text;
  }
  Result<void, Errno> remount(const Caller& caller, std::string_view data) override {
    options = TRY(parse(caller, data));
    return {};
  }
};

const ProcSuperblock& proc_of(const Kernel& kernel, SuperblockId id) {
  return static_cast<const ProcSuperblock&>(kernel.superblocks[id]);
}

/// hidepid: whether the caller may see, and enter, the process's directory.
bool is_open_to(const Caller& caller, const ProcSuperblock& proc, TaskId task, HidePid least) {
  if (proc.options.hide == HidePid::not_ptraceable) return may_inspect(caller, task).ok();
  if (proc.options.hide < least) return true;
  return in_group(caller.credentials(), proc.options.gid) || may_inspect(caller, task).ok();
}

/// self and thread-self.
class SelfLink final : public PseudoInode {
 public:
  explicit SelfLink(bool thread) : thread_(thread) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<SelfLink>(*this); }
  Result<std::string, Errno> readlink(const Caller& caller) override {
    const PidNamespaceId pids = proc_of(caller.kernel, superblock).pids;
    const std::uint32_t pid = pid_of(caller.kernel, caller.self().process, pids);
    if (pid == 0) return Errno::enoent;
    if (!thread_) return concat(pid);
    return concat(pid, "/task/", tid_of(caller.kernel, caller.task, pids));
  }

 private:
  bool thread_;
};

constexpr std::uint64_t kFirstPidCookie = 1 << 20, kSelfNumber = 2, kThreadSelfNumber = 3;

class ProcRoot final : public TableDirectory {
 public:
  ProcRoot() : TableDirectory(system_nodes(), "") { number = 1; }
  std::unique_ptr<Inode> clone() const override { return std::make_unique<ProcRoot>(*this); }

  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(TableDirectory::attributes(caller));
    all.links = 9;
    if (const PidNamespace* pids =
            std::as_const(caller.kernel).pid_namespaces.find(proc_of(caller.kernel, superblock).pids))
      all.links += static_cast<std::uint32_t>(pids->tasks.size());
    return all;
  }

  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    const ProcSuperblock& proc = proc_of(caller.kernel, superblock);
    if (name == "self" || name == "thread-self") {
      auto link = std::make_unique<SelfLink>(name != "self");
      link->mode = abi::s_iflnk | 0777;
      link->number = name == "self" ? kSelfNumber : kThreadSelfNumber;
      link->time_ns = caller.kernel.boot_time_ns;
      return add_inode(caller.kernel, superblock, std::move(link));
    }
    if (!name.empty() && name[0] >= '0' && name[0] <= '9') {
      const auto pid = parse_u64(name);
      if (!pid || concat(*pid) != name || *pid > 0x7fffffff) return Errno::enoent;
      const TaskId task = find_task(caller.kernel, proc.pids, static_cast<std::int64_t>(*pid));
      if (!task || !is_open_to(caller, proc, task, HidePid::invisible)) return Errno::enoent;
      if (!is_open_to(caller, proc, task, HidePid::no_access)) return Errno::eperm;
      const ProcessView view{task, caller.kernel.tasks[task].process, proc.pids, false};
      return add_inode(caller.kernel, superblock, make_process_directory(caller, view));
    }
    if (proc.options.only_pids) return Errno::enoent;
    return TableDirectory::lookup(caller, name);
  }

  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    const ProcSuperblock& proc = proc_of(caller.kernel, superblock);
    std::vector<DirectoryItem> items;
    if (cookie < kFirstPidCookie && !proc.options.only_pids) {
      items = TRY(TableDirectory::list(caller, cookie, count_max));
      if (items.size() >= count_max) return items;
    }
    const std::uint8_t link = abi::s_iflnk >> 12;
    if (cookie < kFirstPidCookie) items.push_back({"self", kSelfNumber, link, kFirstPidCookie});
    if (cookie < kFirstPidCookie + 1 && items.size() < count_max)
      items.push_back({"thread-self", kThreadSelfNumber, link, kFirstPidCookie + 1});
    list_processes(caller, proc, cookie, count_max, items);
    return items;
  }

 private:
  void list_processes(const Caller& caller, const ProcSuperblock& proc, std::uint64_t cookie, std::size_t count_max,
                      std::vector<DirectoryItem>& items) const {
    const Kernel& kernel = caller.kernel;
    const PidNamespace* pids = kernel.pid_namespaces.find(proc.pids);
    if (pids == nullptr) return;
    const std::uint64_t first = cookie > kFirstPidCookie + 1 ? cookie - kFirstPidCookie : 0;
    for (auto at = pids->tasks.lower_bound(static_cast<std::uint32_t>(first)); at != pids->tasks.end(); ++at) {
      if (items.size() >= count_max) return;
      const Task& task = kernel.tasks[at->second];
      if (kernel.processes[task.process].leader != at->second) continue;
      if (!is_open_to(caller, proc, at->second, HidePid::invisible)) continue;
      const ProcessView view{at->second, task.process, proc.pids, false};
      items.push_back(
          {concat(at->first), process_inode_number(view, 0), abi::s_ifdir >> 12, kFirstPidCookie + at->first + 1});
    }
  }
};

}  // namespace

Result<SuperblockId, Errno> mount_proc(const Caller& caller, std::string_view, std::uint64_t, std::string_view data) {
  Kernel& kernel = caller.kernel;
  auto superblock = std::make_unique<ProcSuperblock>();
  superblock->type = "proc";
  superblock->options = TRY(parse(caller, data));
  superblock->pids = caller.self().pid_namespace;
  superblock->user_namespace = kernel.pid_namespaces[superblock->pids].owner;
  if (!capable(caller, cap::sys_admin, superblock->user_namespace)) return Errno::eperm;
  auto root = std::make_unique<ProcRoot>();
  root->time_ns = kernel.boot_time_ns;
  return add_superblock(kernel, std::move(superblock), std::move(root));
}

const NodeTable& system_nodes() {
  // The rows of two files as one table: both are static, so is their sum.
  static const std::vector<NodeRow> rows = [] {
    std::vector<NodeRow> all(system_file_rows().begin(), system_file_rows().end());
    all.insert(all.end(), sysctl_rows().begin(), sysctl_rows().end());
    return all;
  }();
  static const NodeTable table{rows, 0xf0000000, 0, false, true, sysctl_permission};
  return table;
}

}  // namespace drydock::machine
