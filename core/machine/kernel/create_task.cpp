// clone(2), and the first tasks of a machine.
// Not modelled: CLONE_PIDFD, CLONE_INTO_CGROUP, set_tid of clone3(2) (refused by sys_process.cpp).

#include "machine/kernel/create_task.h"

#include "machine/kernel/capabilities.h"
#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/namespace_set.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/tracer.h"
#include "machine/mm/map_memory.h"
#include "machine/net/net_namespace.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {
namespace {

bool has(std::uint64_t flags, std::uint64_t bit) {
  return (flags & bit) != 0;
}

bool is_namespace_init(const Kernel& kernel, const Process& process) {
  return kernel.pid_namespaces[process.pid_namespace].init == process.id;
}

// clone(2), ERRORS: what cannot go together.
Result<void, Errno> check_flags(const Caller& caller, std::uint64_t flags) {
  const Task& task = caller.self();
  const Process& process = caller.kernel.processes[task.process];
  if (has(flags, clone_flag::fs) && has(flags, clone_flag::newns | clone_flag::newuser)) return Errno::einval;
  if (has(flags, clone_flag::thread) && !has(flags, clone_flag::sighand)) return Errno::einval;
  if (has(flags, clone_flag::sighand) && !has(flags, clone_flag::vm)) return Errno::einval;
  if (has(flags, clone_flag::sighand) && has(flags, clone_flag::clear_sighand)) return Errno::einval;
  if (has(flags, clone_flag::parent) && is_namespace_init(caller.kernel, process)) return Errno::einval;
  const bool elsewhere = task.namespaces.pid_for_children != task.pid_namespace;
  if (has(flags, clone_flag::thread) && (has(flags, clone_flag::newuser | clone_flag::newpid) || elsewhere))
    return Errno::einval;
  if (has(flags, clone_flag::vm) &&
      (has(flags, clone_flag::newtime) || task.namespaces.time != task.namespaces.time_for_children) &&
      !has(flags, clone_flag::vfork))
    return Errno::einval;
  return {};
}

Result<void, Errno> check_counts(const Caller& caller) {
  const Kernel& kernel = caller.kernel;
  if (kernel.tasks.size() >= kernel.limits.processes_max) return Errno::eagain;
  const Task& task = caller.self();
  const std::uint64_t most = kernel.processes[task.process].limits[kRlimitProcesses].soft;
  if (most == ~std::uint64_t{0} || task.credentials.uid == 0) return {};
  if (own_capable(caller, cap::sys_resource) || own_capable(caller, cap::sys_admin)) return {};
  std::uint64_t owned = 0;
  for (TaskId id : kernel.tasks.ids()) owned += kernel.tasks[id].credentials.uid == task.credentials.uid ? 1 : 0;
  if (owned >= most) return Errno::eagain;
  return {};
}

/// What of the new task may fail to be made; put back by undo() until it is used.
struct Parts {
  Credentials credentials;
  NamespaceSet namespaces;
  FsContext fs;
  std::vector<std::uint32_t> tids;
  PidNamespaceId place;
};

void undo(Kernel& kernel, const Parts& parts) {
  put_all(kernel, parts.namespaces);
  put_namespace(kernel, {NamespaceKind::user, parts.credentials.user_namespace.value});
}

/// Each namespace and the user namespace have one user more for the parts.
Result<Parts, Errno> make_parts(const Caller& caller, std::uint64_t flags) {
  Kernel& kernel = caller.kernel;
  const Task& task = caller.self();
  Parts parts;
  parts.credentials = task.credentials;
  if (task.fs) parts.fs = kernel.fs_contexts[task.fs];
  parts.fs.users = 1;
  if (has(flags, clone_flag::newuser)) parts.credentials = TRY(enter_new_user_namespace(caller, task.credentials));
  const UserNamespaceId owner = parts.credentials.user_namespace;
  get_namespace(kernel, {NamespaceKind::user, owner.value});
  const std::uint64_t wanted = flags & clone_flag::namespaces & ~clone_flag::newuser;
  if (wanted != 0 && (parts.credentials.effective & capability_bit(cap::sys_admin)) == 0) {
    put_namespace(kernel, {NamespaceKind::user, owner.value});
    return Errno::eperm;
  }
  Result<NamespaceSet, Errno> set = unshared(caller, task.namespaces, wanted, owner, task.fs ? &parts.fs : nullptr);
  if (!set.ok()) {
    put_namespace(kernel, {NamespaceKind::user, owner.value});
    return set.error();
  }
  parts.namespaces = *set;
  parts.namespaces.time = parts.namespaces.time_for_children;
  get_all(kernel, parts.namespaces);
  parts.place = parts.namespaces.pid_for_children;
  Result<std::vector<std::uint32_t>, Errno> tids = free_tids(kernel, parts.place);
  if (!tids.ok()) {
    undo(kernel, parts);
    return tids.error();
  }
  parts.tids = std::move(*tids);
  return parts;
}

Task child_task(const Task& parent, const CloneRequest& request, Parts& parts) {
  Task child = parent;
  child.id = {};
  child.body = request.body;
  child.state = TaskState::runnable;
  child.credentials = std::move(parts.credentials);
  child.namespaces = parts.namespaces;
  child.pid_namespace = parts.place;
  child.tids = std::move(parts.tids);
  child.saved_mask.reset();
  child.pending = {};
  if (has(request.flags, clone_flag::vm) && !has(request.flags, clone_flag::vfork)) {
    child.alternate_stack = child.alternate_stack_bytes = 0;
    child.alternate_stack_flags = 2;
  }
  child.clear_child_tid = has(request.flags, clone_flag::child_cleartid) ? request.child_tid : 0;
  child.robust_list = 0;
  if (has(request.flags, clone_flag::vm)) child.rseq = 0;
  child.user_ns = child.system_ns = 0;
  child.parent_death_signal = 0;
  child.call_count = child.switches = 0;
  child.queued = child.in_call = child.throttled = false;
  child.call_number = -1;
  child.wait = {};
  child.restart = {};
  child.vfork_child = child.vfork_parent = {};
  child.cpu.gpr[rax] = 0;
  if (request.stack_pointer != 0) child.cpu.gpr[rsp] = request.stack_pointer;
  if (has(request.flags, clone_flag::settls)) child.cpu.fs_base = request.tls;
  return child;
}

Process child_process(const Process& parent, ProcessId family, const CloneRequest& request) {
  Process child;
  child.parent = family;
  child.exit_signal = request.exit_signal;
  child.terminal = parent.terminal;
  child.oom_score_adj = parent.oom_score_adj;
  child.limits = parent.limits;
  child.cgroups = parent.cgroups;
  return child;
}

void share_or_copy(Kernel& kernel, Task& child, const Task& parent, std::uint64_t flags, const FsContext& fs) {
  if (parent.memory) {
    if (has(flags, clone_flag::vm)) {
      ++kernel.memories[parent.memory].users;
    } else {
      child.memory = copy_address_space(kernel, parent.memory);
    }
  }
  if (parent.fds) {
    if (has(flags, clone_flag::files)) {
      ++kernel.fd_tables[parent.fds].users;
    } else {
      child.fds = copy_fd_table(kernel, parent.fds);
    }
  }
  if (parent.fs) {
    if (has(flags, clone_flag::fs)) {
      ++kernel.fs_contexts[parent.fs].users;
    } else {
      child.fs = kernel.fs_contexts.emplace(fs);
    }
  }
  if (has(flags, clone_flag::sighand)) {
    ++kernel.signal_handlers[parent.handlers].users;
    return;
  }
  SignalHandlers handlers = kernel.signal_handlers[parent.handlers];
  handlers.users = 1;
  if (has(flags, clone_flag::clear_sighand)) {
    for (SignalAction& action : handlers.actions)
      if (action.handler != kSignalIgnore) action = SignalAction{};
  }
  child.handlers = kernel.signal_handlers.emplace(std::move(handlers));
}

// As a new process: its family, group, session and cgroups. EAGAIN: pids.max.
Result<ProcessId, Errno> found_process(const Caller& caller, const CloneRequest& request) {
  Kernel& kernel = caller.kernel;
  const Process& own = kernel.processes[caller.self().process];
  const bool sibling = has(request.flags, clone_flag::parent);
  const ProcessId family = sibling ? own.parent : own.id;
  const ProcessId id = kernel.processes.emplace(child_process(own, family, request));
  Process& process = kernel.processes[id];
  process.id = id;
  if (sibling) process.exit_signal = own.exit_signal;
  if (!attach_new_task(kernel, id)) {
    kernel.processes.erase(id);
    return Errno::eagain;
  }
  join_group(kernel, id, own.group);
  join_session(kernel, id, own.session);
  if (family) kernel.processes[family].children.push_back(id);
  return id;
}

Result<ProcessId, Errno> owner_of_new_task(const Caller& caller, const CloneRequest& request) {
  if (!has(request.flags, clone_flag::thread)) return found_process(caller, request);
  const ProcessId own = caller.self().process;
  if (!attach_new_task(caller.kernel, own)) return Errno::eagain;
  return own;
}

void store_tids(const Caller& caller, TaskId child, const CloneRequest& request) {
  Kernel& kernel = caller.kernel;
  if (has(request.flags, clone_flag::parent_settid))
    (void)Call{{kernel, caller.task}, {}}.store32(request.parent_tid,
                                                  tid_of(kernel, child, caller.self().pid_namespace));
  if (has(request.flags, clone_flag::child_settid))
    (void)Call{{kernel, child}, {}}.store32(request.child_tid, kernel.tasks[child].tids.back());
}

}  // namespace

Result<TaskId, Errno> clone_task(const Caller& caller, const CloneRequest& request) {
  Kernel& kernel = caller.kernel;
  TRY(check_flags(caller, request.flags));
  TRY(check_counts(caller));
  Parts parts = TRY(make_parts(caller, request.flags));
  Result<ProcessId, Errno> owner = owner_of_new_task(caller, request);
  if (!owner.ok()) {
    undo(kernel, parts);
    return owner.error();
  }
  const TaskId id = kernel.tasks.emplace(child_task(caller.self(), request, parts));
  Task& child = kernel.tasks[id];
  child.id = id;
  child.process = *owner;
  child.start_ns = kernel.clock_ns;
  Process& process = kernel.processes[*owner];
  if (!has(request.flags, clone_flag::thread)) process.leader = id;
  process.threads.push_back(id);
  share_or_copy(kernel, child, caller.self(), request.flags, parts.fs);
  enter_pid_tables(kernel, id);
  PidNamespace& place = kernel.pid_namespaces[child.pid_namespace];
  if (!place.init && !has(request.flags, clone_flag::thread)) place.init = *owner;
  if (has(request.flags, clone_flag::vfork)) {
    child.vfork_parent = caller.task;
    caller.self().vfork_child = id;
  }
  store_tids(caller, id, request);
  note_task(kernel, {.kind = TaskNote::Kind::created, .task = id, .parent = caller.task, .flags = request.flags});
  make_runnable(kernel, id);
  return id;
}

void create_initial_namespaces(Kernel& kernel) {
  UserNamespace user;
  user.number = kernel.next_inode_number++;
  user.users = 1;
  const IdMapLine all{0, 0, 0xffffffff};
  user.uid_map = user.gid_map = user.projid_map = {all};
  kernel.initial_user_namespace = kernel.user_namespaces.emplace(std::move(user));
  PidNamespace pid;
  pid.number = kernel.next_inode_number++;
  pid.users = 1;
  pid.owner = kernel.initial_user_namespace;
  kernel.initial_pid_namespace = kernel.pid_namespaces.emplace(std::move(pid));
  kernel.initial_net_namespace = new_net_namespace(kernel, kernel.initial_user_namespace);
  kernel.net_namespaces[kernel.initial_net_namespace].users = 1;
}

namespace {

template <class T>
Id<T> first_namespace(Kernel& kernel, Table<T>& table) {
  T fresh;
  fresh.number = kernel.next_inode_number++;
  fresh.owner = kernel.initial_user_namespace;
  return table.emplace(std::move(fresh));
}

void set_first_limits(Process& process) {
  auto& limits = process.limits;
  limits[kRlimitStack].soft = 8 << 20;
  limits[kRlimitCore].soft = 0;
  limits[kRlimitProcesses] = {31'000, 31'000};
  limits[kRlimitFiles] = {1024, 4096};
  limits[kRlimitMemlock] = {8 << 20, 8 << 20};
  limits[kRlimitSigpending] = {31'000, 31'000};
  limits[kRlimitMessageQueue] = {819'200, 819'200};
  limits[kRlimitNice] = {0, 0};
  limits[kRlimitRtprio] = {0, 0};
}

}  // namespace

TaskId create_first_task(Kernel& kernel, std::string name, FsContext fs, MountNamespaceId mounts) {
  const ProcessId process_id = kernel.processes.emplace();
  Process& process = kernel.processes[process_id];
  process.id = process_id;
  process.executed = true;
  set_first_limits(process);
  for (const CgroupHierarchy& hierarchy : kernel.cgroup_hierarchies) process.cgroups.push_back(hierarchy.root);

  Task fresh;
  fresh.process = process_id;
  fresh.body = TaskBody::hosted;
  fresh.name = std::move(name);
  fresh.credentials.user_namespace = kernel.initial_user_namespace;
  fresh.credentials.permitted = fresh.credentials.effective = fresh.credentials.bounding = kAllCapabilities;
  fresh.fds = kernel.fd_tables.emplace();
  fresh.fs = kernel.fs_contexts.emplace(std::move(fs));
  fresh.handlers = kernel.signal_handlers.emplace();
  fresh.pid_namespace = kernel.initial_pid_namespace;
  fresh.start_ns = kernel.clock_ns;
  NamespaceSet& set = fresh.namespaces;
  set.mnt = mounts;
  set.net = kernel.initial_net_namespace;
  set.pid_for_children = kernel.initial_pid_namespace;
  set.uts = first_namespace(kernel, kernel.uts_namespaces);
  kernel.uts_namespaces[set.uts].nodename = kernel.host_name;
  set.ipc = first_namespace(kernel, kernel.ipc_namespaces);
  set.cgroup = first_namespace(kernel, kernel.cgroup_namespaces);
  kernel.cgroup_namespaces[set.cgroup].roots = process.cgroups;
  set.time = set.time_for_children = first_namespace(kernel, kernel.time_namespaces);
  get_all(kernel, set);
  get_namespace(kernel, {NamespaceKind::user, kernel.initial_user_namespace.value});
  fresh.tids = {1};

  const TaskId id = kernel.tasks.emplace(std::move(fresh));
  kernel.tasks[id].id = id;
  process.leader = id;
  process.threads = {id};
  enter_pid_tables(kernel, id);
  (void)attach_new_task(kernel, process_id);
  join_group(kernel, process_id, process_id);
  join_session(kernel, process_id, process_id);
  kernel.pid_namespaces[kernel.initial_pid_namespace].init = process_id;
  kernel.init_process = process_id;
  return id;
}

}  // namespace drydock::machine
