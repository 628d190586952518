// The run queue, sleepers and deadlines.

#include "machine/kernel/schedule.h"

#include <algorithm>

#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/timers.h"

namespace drydock::machine {
namespace {

template <class Map, class Key>
void erase_pair(Map& map, const Key& key, TaskId task) {
  auto [first, last] = map.equal_range(key);
  for (; first != last; ++first) {
    if (first->second == task) {
      map.erase(first);
      return;
    }
  }
}

void forget_wait(Kernel& kernel, Task& task) {
  for (const WaitKey& key : task.wait.keys) erase_pair(kernel.sleepers, key, task.id);
  if (task.wait.deadline_ns) erase_pair(kernel.deadlines, *task.wait.deadline_ns, task.id);
  task.wait = Block{};
}

}  // namespace

void make_runnable(Kernel& kernel, TaskId id) {
  Task* task = kernel.tasks.find(id);
  if (task == nullptr || task->state == TaskState::zombie || task->state == TaskState::stopped ||
      task->state == TaskState::frozen)
    return;
  if (task->state == TaskState::blocked) forget_wait(kernel, *task);
  task->state = TaskState::runnable;
  if (task->body == TaskBody::hosted || task->throttled || task->queued) return;
  task->queued = true;
  kernel.run_queue.push_back(id);
}

void block_task(Kernel& kernel, TaskId id, Block wait) {
  Task& task = kernel.tasks[id];
  task.state = TaskState::blocked;
  task.wait = std::move(wait);
  for (const WaitKey& key : task.wait.keys) kernel.sleepers.emplace(key, id);
  if (task.wait.deadline_ns) kernel.deadlines.emplace(*task.wait.deadline_ns, id);
}

void leave_queues(Kernel& kernel, TaskId id) {
  Task& task = kernel.tasks[id];
  if (task.state == TaskState::blocked) forget_wait(kernel, task);
  if (!task.queued) return;
  task.queued = false;
  kernel.run_queue.erase(std::remove(kernel.run_queue.begin(), kernel.run_queue.end(), id), kernel.run_queue.end());
}

void wake(Kernel& kernel, WaitKey key) {
  auto [first, last] = kernel.sleepers.equal_range(key);
  if (first == last) return;
  std::vector<TaskId> woken;
  for (; first != last; ++first) woken.push_back(first->second);
  for (TaskId task : woken) make_runnable(kernel, task);
}

std::optional<std::uint64_t> next_deadline(const Kernel& kernel) {
  std::optional<std::uint64_t> next;
  if (!kernel.deadlines.empty()) next = kernel.deadlines.begin()->first;
  if (!kernel.timers.empty() && (!next || kernel.timers.begin()->first < *next)) next = kernel.timers.begin()->first;
  if (const auto packet = net_next_event_ns(kernel); packet && (!next || *packet < *next)) next = packet;
  return next;
}

void fire_due(Kernel& kernel) {
  net_run(kernel);
  while (!kernel.deadlines.empty() && kernel.deadlines.begin()->first <= kernel.clock_ns)
    make_runnable(kernel, kernel.deadlines.begin()->second);
  while (!kernel.timers.empty() && kernel.timers.begin()->first <= kernel.clock_ns) {
    const ProcessId process{static_cast<std::uint32_t>(kernel.timers.begin()->second)};
    kernel.timers.erase(kernel.timers.begin());
    if (process) {
      fire_timers(kernel, process);
    } else {
      end_cpu_periods(kernel);
    }
  }
}

void schedule_timer(Kernel& kernel, std::uint64_t at_ns, ProcessId process) {
  auto [first, last] = kernel.timers.equal_range(at_ns);
  for (; first != last; ++first)
    if (first->second == process.value) return;
  kernel.timers.emplace(at_ns, process.value);
}

}  // namespace drydock::machine
