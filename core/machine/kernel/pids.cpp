// Process numbers, process groups and sessions.

#include "machine/kernel/pids.h"

#include "machine/kernel/namespace_set.h"

namespace drydock::machine {
namespace {

std::uint32_t number_at(const Kernel& kernel, const std::vector<std::uint32_t>& numbers, PidNamespaceId own,
                        PidNamespaceId seen_from) {
  const PidNamespace* viewer = kernel.pid_namespaces.find(seen_from);
  if (viewer == nullptr || viewer->level >= numbers.size() || !is_within(kernel, own, seen_from)) return 0;
  return numbers[viewer->level];
}

std::optional<std::uint32_t> free_number(PidNamespace& place) {
  // As the kernel's cyclic allocator: the next higher number; after the highest, again from 300 on.
  const auto taken = [&](std::uint32_t number) {
    return place.tasks.count(number) != 0 || place.processes.count(number) != 0;
  };
  std::uint32_t number = place.last_pid + 1;
  for (int round = 0; round < 2; ++round) {
    for (; number < place.pid_max; ++number)
      if (!taken(number)) return number;
    number = 300;
  }
  return std::nullopt;
}

void leave_group(Kernel& kernel, ProcessId group) {
  Process* leader = kernel.processes.find(group);
  if (leader != nullptr && --leader->group_members == 0) retire_pid(kernel, group);
}

void leave_session(Kernel& kernel, ProcessId session) {
  Process* leader = kernel.processes.find(session);
  if (leader != nullptr && --leader->session_members == 0) retire_pid(kernel, session);
}

}  // namespace

bool is_within(const Kernel& kernel, PidNamespaceId inner, PidNamespaceId outer) {
  while (inner) {
    if (inner == outer) return true;
    const PidNamespace* place = kernel.pid_namespaces.find(inner);
    if (place == nullptr) return false;
    inner = place->parent;
  }
  return false;
}

std::uint32_t pid_of(const Kernel& kernel, ProcessId id, PidNamespaceId seen_from) {
  const Process* process = kernel.processes.find(id);
  return process == nullptr ? 0 : number_at(kernel, process->pids, process->pid_namespace, seen_from);
}

std::uint32_t tid_of(const Kernel& kernel, TaskId id, PidNamespaceId seen_from) {
  const Task* task = kernel.tasks.find(id);
  return task == nullptr ? 0 : number_at(kernel, task->tids, task->pid_namespace, seen_from);
}

std::uint32_t pid_of(const Caller& caller, ProcessId process) {
  return pid_of(caller.kernel, process, caller.self().pid_namespace);
}

ProcessId find_group(const Kernel& kernel, PidNamespaceId seen_from, std::int64_t pid) {
  const PidNamespace* place = kernel.pid_namespaces.find(seen_from);
  if (place == nullptr || pid <= 0 || pid > 0x7fffffff) return {};
  const auto found = place->processes.find(static_cast<std::uint32_t>(pid));
  return found == place->processes.end() ? ProcessId{} : found->second;
}

ProcessId find_process(const Kernel& kernel, PidNamespaceId seen_from, std::int64_t pid) {
  const ProcessId id = find_group(kernel, seen_from, pid);
  return id && !kernel.processes[id].reaped ? id : ProcessId{};
}

TaskId find_task(const Kernel& kernel, PidNamespaceId seen_from, std::int64_t tid) {
  const PidNamespace* place = kernel.pid_namespaces.find(seen_from);
  if (place == nullptr || tid <= 0 || tid > 0x7fffffff) return {};
  const auto found = place->tasks.find(static_cast<std::uint32_t>(tid));
  return found == place->tasks.end() ? TaskId{} : found->second;
}

Result<std::vector<std::uint32_t>, Errno> free_tids(Kernel& kernel, PidNamespaceId place) {
  std::vector<std::uint32_t> numbers;
  std::vector<PidNamespaceId> chain;
  for (PidNamespaceId at = place; at; at = kernel.pid_namespaces[at].parent) chain.push_back(at);
  // A namespace whose init has ended takes nobody in any more: pid_namespaces(7).
  if (kernel.pid_namespaces[place].dying) return Errno::enomem;
  for (auto at = chain.rbegin(); at != chain.rend(); ++at) {
    const std::optional<std::uint32_t> number = free_number(kernel.pid_namespaces[*at]);
    if (!number) return Errno::eagain;
    numbers.push_back(*number);
  }
  return numbers;
}

void enter_pid_tables(Kernel& kernel, TaskId id) {
  const Task& task = kernel.tasks[id];
  Process& process = kernel.processes[task.process];
  const bool leads = process.leader == id;
  if (leads) {
    process.pids = task.tids;
    process.pid_namespace = task.pid_namespace;
  }
  for (PidNamespaceId at = task.pid_namespace; at; at = kernel.pid_namespaces[at].parent) {
    PidNamespace& place = kernel.pid_namespaces[at];
    const std::uint32_t number = task.tids[place.level];
    place.tasks[number] = id;
    place.last_pid = number;
    if (leads) place.processes[number] = task.process;
  }
  get_namespace(kernel, {NamespaceKind::pid, task.pid_namespace.value});
}

void leave_pid_tables(Kernel& kernel, TaskId id) {
  const Task& task = kernel.tasks[id];
  for (PidNamespaceId at = task.pid_namespace; at;) {
    PidNamespace& place = kernel.pid_namespaces[at];
    const auto found = place.tasks.find(task.tids[place.level]);
    if (found != place.tasks.end() && found->second == id) place.tasks.erase(found);
    at = place.parent;
  }
  put_namespace(kernel, {NamespaceKind::pid, task.pid_namespace.value});
}

void retire_pid(Kernel& kernel, ProcessId id) {
  Process* process = kernel.processes.find(id);
  if (process == nullptr || !process->reaped || process->group_members != 0 || process->session_members != 0) return;
  for (PidNamespaceId at = process->pid_namespace; at;) {
    PidNamespace* place = kernel.pid_namespaces.find(at);
    if (place == nullptr) break;
    const auto found = place->processes.find(process->pids[place->level]);
    if (found != place->processes.end() && found->second == id) place->processes.erase(found);
    at = place->parent;
  }
  kernel.processes.erase(id);
}

void join_group(Kernel& kernel, ProcessId id, ProcessId group) {
  Process& process = kernel.processes[id];
  if (process.group == group) return;
  const ProcessId left = process.group;
  process.group = group;
  if (group) ++kernel.processes[group].group_members;
  leave_group(kernel, left);
}

void join_session(Kernel& kernel, ProcessId id, ProcessId session) {
  Process& process = kernel.processes[id];
  if (process.session == session) return;
  const ProcessId left = process.session;
  process.session = session;
  if (session) ++kernel.processes[session].session_members;
  leave_session(kernel, left);
}

std::vector<ProcessId> group_members(const Kernel& kernel, ProcessId group) {
  std::vector<ProcessId> members;
  for (ProcessId id : kernel.processes.ids()) {
    const Process& process = kernel.processes[id];
    if (process.group == group && !process.reaped) members.push_back(id);
  }
  return members;
}

bool is_orphaned_group(const Kernel& kernel, ProcessId group, ProcessId ignoring) {
  for (ProcessId id : group_members(kernel, group)) {
    const Process& process = kernel.processes[id];
    if (id == ignoring || (process.exiting && process.threads.empty())) continue;
    const Process* parent = kernel.processes.find(process.parent);
    if (parent == nullptr || parent->id == kernel.init_process) continue;
    if (parent->group != group && parent->session == process.session) return false;
  }
  return true;
}

bool has_stopped_member(const Kernel& kernel, ProcessId group) {
  for (ProcessId id : group_members(kernel, group))
    if (kernel.processes[id].job_stopped) return true;
  return false;
}

}  // namespace drydock::machine
