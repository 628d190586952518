// The end of threads and processes: what is released, who inherits the children, who is told.

#include "machine/kernel/exit_task.h"

#include <algorithm>

#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/futex.h"
#include "machine/kernel/namespace_set.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"
#include "machine/kernel/tracer.h"
#include "machine/mm/map_memory.h"
#include "machine/syscalls/call.h"
#include "machine/tty/job_control.h"

namespace drydock::machine {
namespace {

void release_place(Kernel& kernel, Task& task) {
  if (FsContext* fs = kernel.fs_contexts.find(task.fs); fs != nullptr && --fs->users == 0)
    kernel.fs_contexts.erase(task.fs);
  task.fs = {};
}

void release_handlers(Kernel& kernel, Task& task) {
  if (SignalHandlers* set = kernel.signal_handlers.find(task.handlers); set != nullptr && --set->users == 0)
    kernel.signal_handlers.erase(task.handlers);
  task.handlers = {};
}

void keep_times(Kernel& kernel, Process& process, const Task& task) {
  process.threads_user_ns += task.user_ns;
  process.threads_system_ns += task.system_ns;
  if (const AddressSpace* memory = kernel.memories.find(task.memory))
    process.peak_pages_before = std::max(process.peak_pages_before, memory->peak_resident_pages);
}

// What a task holds, but its number and credentials, which a zombie still shows.
void release_all(Kernel& kernel, TaskId id) {
  clear_child_tid(kernel, id);
  release_vfork_parent(kernel, id);
  Task& task = kernel.tasks[id];
  const AddressSpaceId memory = task.memory;
  task.memory = {};
  if (memory) release_memory(kernel, memory);
  const FdTableId fds = kernel.tasks[id].fds;
  kernel.tasks[id].fds = {};
  if (fds) release_fd_table(kernel, fds);
  release_place(kernel, kernel.tasks[id]);
  const NamespaceSet namespaces = kernel.tasks[id].namespaces;
  kernel.tasks[id].namespaces = {};
  put_all(kernel, namespaces);
}

void erase_task(Kernel& kernel, TaskId id) {
  leave_pid_tables(kernel, id);
  Task& task = kernel.tasks[id];
  release_handlers(kernel, task);
  const UserNamespaceId space = task.credentials.user_namespace;
  kernel.tasks.erase(id);
  put_namespace(kernel, {NamespaceKind::user, space.value});
}

ProcessId reaper_for(const Kernel& kernel, const Process& father) {
  const PidNamespace* place = kernel.pid_namespaces.find(father.pid_namespace);
  for (const Process* at = kernel.processes.find(father.parent); at != nullptr;
       at = kernel.processes.find(at->parent)) {
    if (at->pid_namespace != father.pid_namespace || (place != nullptr && at->id == place->init)) break;
    if (at->child_subreaper && !at->exiting) return at->id;
  }
  if (place != nullptr && place->init && place->init != father.id) return place->init;
  return kernel.init_process == father.id ? ProcessId{} : kernel.init_process;
}

// A group that has lost its last link to its session's shell would stay stopped for ever: setpgid(2), POSIX.
void continue_orphaned_group(Kernel& kernel, ProcessId of, ProcessId parent, ProcessId ignoring) {
  const Process* process = kernel.processes.find(of);
  const Process* above = kernel.processes.find(parent);
  if (process == nullptr || above == nullptr) return;
  if (above->group == process->group || above->session != process->session) return;
  const ProcessId group = process->group;
  if (!is_orphaned_group(kernel, group, ignoring) || !has_stopped_member(kernel, group)) return;
  send_signal_to_group(kernel, group, kernel_signal(sig_hup));
  send_signal_to_group(kernel, group, kernel_signal(sig_cont));
}

void hand_over_children(Kernel& kernel, ProcessId id) {
  const std::vector<ProcessId> children = kernel.processes[id].children;
  if (children.empty()) return;
  const ProcessId reaper = reaper_for(kernel, kernel.processes[id]);
  SignalInfo death;
  death.code = kSiUser;
  death.sender = id;
  for (ProcessId child : children) {
    Process& orphan = kernel.processes[child];
    orphan.parent = reaper;
    orphan.exit_signal = sig_chld;
    if (reaper) kernel.processes[reaper].children.push_back(child);
    for (TaskId thread : std::vector<TaskId>(orphan.threads)) {
      const Task* task = kernel.tasks.find(thread);
      if (task == nullptr || task->parent_death_signal == 0) continue;
      death.signal = task->parent_death_signal;
      (void)send_signal_to_task(kernel, thread, death);
    }
  }
  kernel.processes[id].children.clear();
  for (ProcessId child : children) {
    const Process* orphan = kernel.processes.find(child);
    if (orphan == nullptr) continue;
    continue_orphaned_group(kernel, child, id, {});
    orphan = kernel.processes.find(child);
    if (orphan != nullptr && orphan->threads.empty() && !orphan->reaped && orphan->parent &&
        tell_parent_of_exit(kernel, child))
      reap(kernel, child);
  }
}

// pid_namespaces(7), "The namespace init process": all go with it.
void end_pid_namespace(Kernel& kernel, PidNamespaceId id, ProcessId init) {
  kernel.pid_namespaces[id].dying = true;
  std::vector<ProcessId> members;
  for (const auto& member : kernel.pid_namespaces[id].processes)
    if (member.second != init) members.push_back(member.second);
  for (ProcessId member : members) {
    const Process* process = kernel.processes.find(member);
    if (process != nullptr && !process->threads.empty()) exit_process(kernel, member, sig_kill);
  }
  for (ProcessId child : std::vector<ProcessId>(kernel.processes[init].children)) {
    const Process* process = kernel.processes.find(child);
    if (process != nullptr && process->threads.empty()) reap(kernel, child);
  }
  kernel.pid_namespaces[id].init = {};
}

void end_process(Kernel& kernel, ProcessId id) {
  Process& process = kernel.processes[id];
  process.job_stopped = process.stopped = process.continued = false;
  process.alarm_ns.reset();
  process.posix_timers.clear();
  const PidNamespaceId place = process.pid_namespace;
  if (kernel.pid_namespaces[place].init == id) end_pid_namespace(kernel, place, id);
  hand_over_children(kernel, id);
  give_up_terminal(kernel, id, true);
  continue_orphaned_group(kernel, id, kernel.processes[id].parent, id);
  detach_process(kernel, id);
  note_task(kernel, {.kind = TaskNote::Kind::exited,
                     .task = kernel.processes[id].leader,
                     .status = kernel.processes[id].exit_status});
  if (id == kernel.init_process) kernel.halted = true;
  if (kernel.processes[id].parent && tell_parent_of_exit(kernel, id)) reap(kernel, id);
}

}  // namespace

void release_vfork_parent(Kernel& kernel, TaskId child) {
  Task& task = kernel.tasks[child];
  const TaskId parent = task.vfork_parent;
  task.vfork_parent = {};
  if (!parent) return;
  if (Task* waiting = kernel.tasks.find(parent)) waiting->vfork_child = {};
  wake(kernel, {WaitKind::task, parent.value});
}

void release_memory(Kernel& kernel, AddressSpaceId id) {
  AddressSpace* memory = kernel.memories.find(id);
  if (memory == nullptr || --memory->users > 0) return;
  destroy_address_space(kernel, id);
}

void exit_task(Kernel& kernel, TaskId id, int status) {
  Task* task = kernel.tasks.find(id);
  if (task == nullptr || task->state == TaskState::zombie) return;
  const ProcessId owner = task->process;
  Process& process = kernel.processes[owner];
  const bool last = process.threads.size() <= 1;
  if (last && !process.exiting) {
    process.exiting = true;
    process.exit_status = status;
  }
  leave_queues(kernel, id);
  task->state = TaskState::zombie;
  task->in_call = false;
  keep_times(kernel, process, *task);
  process.threads.erase(std::remove(process.threads.begin(), process.threads.end(), id), process.threads.end());
  release_all(kernel, id);
  detach_task(kernel, owner);
  const bool leads = kernel.processes[owner].leader == id;
  if (!leads) erase_task(kernel, id);
  if (last) end_process(kernel, owner);
}

void exit_process(Kernel& kernel, ProcessId id, int status) {
  Process* process = kernel.processes.find(id);
  if (process == nullptr || process->reaped) return;
  if (!process->exiting) {
    process->exiting = true;
    process->exit_status = status;
  }
  for (TaskId thread : std::vector<TaskId>(process->threads)) exit_task(kernel, thread, status);
}

void end_other_threads(Kernel& kernel, TaskId survivor) {
  const ProcessId owner = kernel.tasks[survivor].process;
  const TaskId leader = kernel.processes[owner].leader;
  for (TaskId thread : std::vector<TaskId>(kernel.processes[owner].threads))
    if (thread != survivor) exit_task(kernel, thread, 0);
  if (leader == survivor) return;
  // The survivor takes the leader's number: execve(2), "Effect on threads".
  leave_pid_tables(kernel, survivor);
  kernel.tasks[survivor].tids = kernel.processes[owner].pids;
  const UserNamespaceId space = kernel.tasks[leader].credentials.user_namespace;
  leave_pid_tables(kernel, leader);
  release_handlers(kernel, kernel.tasks[leader]);
  kernel.tasks.erase(leader);
  put_namespace(kernel, {NamespaceKind::user, space.value});
  kernel.processes[owner].leader = survivor;
  enter_pid_tables(kernel, survivor);
}

void reap(Kernel& kernel, ProcessId id) {
  Process* process = kernel.processes.find(id);
  if (process == nullptr || process->reaped) return;
  if (Process* parent = kernel.processes.find(process->parent))
    parent->children.erase(std::remove(parent->children.begin(), parent->children.end(), id), parent->children.end());
  const TaskId leader = process->leader;
  process->leader = {};
  if (kernel.tasks.find(leader) != nullptr) erase_task(kernel, leader);
  join_group(kernel, id, {});
  join_session(kernel, id, {});
  kernel.processes[id].reaped = true;
  retire_pid(kernel, id);
}

std::uint64_t user_time_ns(const Kernel& kernel, const Process& process) {
  std::uint64_t total = process.threads_user_ns;
  for (TaskId thread : process.threads) total += kernel.tasks[thread].user_ns;
  return total;
}

std::uint64_t system_time_ns(const Kernel& kernel, const Process& process) {
  std::uint64_t total = process.threads_system_ns;
  for (TaskId thread : process.threads) total += kernel.tasks[thread].system_ns;
  return total;
}

}  // namespace drydock::machine
