// News of children: which of them, what is told, and when a zombie goes. wait(2).

#include "machine/kernel/wait_child.h"

#include <algorithm>

#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/signal_actions.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kTickNs = 10'000'000;  // clock_t of user space: 100 a second

bool is_selected(const Process& child, const WaitSelection& selection) {
  if (selection.which == WaitSelection::Which::pid && child.id != selection.id) return false;
  if (selection.which == WaitSelection::Which::group && child.group != selection.id) return false;
  // A "clone" child is one that ends with another signal than SIGCHLD. wait(2), __WCLONE, __WALL.
  if ((selection.options & wait_option::all) != 0) return true;
  const bool wants_clone = (selection.options & wait_option::clone) != 0;
  return wants_clone == (child.exit_signal != sig_chld);
}

ChildNews base_news(const Caller& caller, const Process& child) {
  ChildNews news;
  news.pid = pid_of(caller, child.id);
  news.uid = caller.kernel.tasks[child.leader].credentials.uid;
  news.user_ns = user_time_ns(caller.kernel, child) + child.children_user_ns;
  news.system_ns = system_time_ns(caller.kernel, child) + child.children_system_ns;
  news.peak_pages = std::max(child.peak_pages_before, child.children_peak_pages);
  return news;
}

void tell_exit(ChildNews& news, int status) {
  news.status = status;
  const int signal = status & 0x7f;
  if (signal == 0) {
    news.code = kCldExited;
    news.value = status >> 8 & 0xff;
  } else {
    news.code = (status & 0x80) != 0 ? kCldDumped : kCldKilled;
    news.value = signal;
  }
}

std::optional<ChildNews> news_of(const Caller& caller, Process& child, std::uint32_t options) {
  ChildNews news = base_news(caller, child);
  const bool take = (options & wait_option::nowait) == 0;
  if (child.threads.empty()) {
    if ((options & wait_option::exited) == 0) return std::nullopt;
    tell_exit(news, child.exit_status);
    if (!take) return news;
    Process& parent = caller.kernel.processes[caller.self().process];
    parent.children_user_ns += news.user_ns;
    parent.children_system_ns += news.system_ns;
    parent.children_peak_pages = std::max(parent.children_peak_pages, news.peak_pages);
    reap(caller.kernel, child.id);
    return news;
  }
  if (child.stopped && (options & wait_option::stopped) != 0) {
    if (take) child.stopped = false;
    news.status = child.stop_signal << 8 | 0x7f;
    news.code = kCldStopped;
    news.value = child.stop_signal;
    return news;
  }
  if (child.continued && (options & wait_option::continued) != 0) {
    if (take) child.continued = false;
    news.status = 0xffff;
    news.code = kCldContinued;
    news.value = sig_cont;
    return news;
  }
  return std::nullopt;
}

SignalInfo child_signal(const Kernel& kernel, const Process& child, int signal) {
  SignalInfo info;
  info.signal = signal;
  info.sender = child.id;
  info.from_ancestor = false;
  if (const Task* leader = kernel.tasks.find(child.leader)) info.sender_uid = leader->credentials.uid;
  info.utime_ticks = user_time_ns(kernel, child) / kTickNs;
  info.stime_ticks = system_time_ns(kernel, child) / kTickNs;
  return info;
}

const SignalAction& action_of(const Kernel& kernel, const Process& process, int signal) {
  const Task& task = kernel.tasks[process.threads.front()];
  return kernel.signal_handlers[task.handlers].actions[static_cast<std::size_t>(signal)];
}

}  // namespace

Result<std::optional<ChildNews>, Errno> take_child_news(const Caller& caller, const WaitSelection& selection) {
  const Process& self = caller.kernel.processes[caller.self().process];
  bool any = false;
  for (ProcessId id : std::vector<ProcessId>(self.children)) {
    Process& child = caller.kernel.processes[id];
    if (!is_selected(child, selection)) continue;
    any = true;
    std::optional<ChildNews> news = news_of(caller, child, selection.options);
    if (news) return news;
  }
  if (!any) return Errno::echild;
  return std::optional<ChildNews>{};
}

void tell_parent_of_stop(Kernel& kernel, ProcessId id, int code, int signal) {
  const Process& child = kernel.processes[id];
  const Process* parent = kernel.processes.find(child.parent);
  if (parent == nullptr || parent->threads.empty()) return;
  const ProcessId parent_id = parent->id;
  const SignalAction& action = action_of(kernel, *parent, sig_chld);
  if (action.handler != kSignalIgnore && (action.flags & action_flag::nocldstop) == 0) {
    SignalInfo info = child_signal(kernel, child, sig_chld);
    info.code = code;
    info.status = signal;
    (void)send_signal(kernel, parent_id, info);
  }
  wake(kernel, {WaitKind::process, parent_id.value});
}

bool tell_parent_of_exit(Kernel& kernel, ProcessId id) {
  const Process& child = kernel.processes[id];
  const Process* parent = kernel.processes.find(child.parent);
  if (parent == nullptr || parent->threads.empty()) return false;
  const ProcessId parent_id = parent->id;
  bool goes = false;
  bool tell = child.exit_signal != 0;
  if (child.exit_signal == sig_chld) {
    const SignalAction& action = action_of(kernel, *parent, sig_chld);
    goes = action.handler == kSignalIgnore || (action.flags & action_flag::nocldwait) != 0;
    tell = action.handler != kSignalIgnore;
  }
  if (tell) {
    ChildNews told;
    tell_exit(told, child.exit_status);
    SignalInfo info = child_signal(kernel, child, child.exit_signal);
    info.code = told.code;
    info.status = told.value;
    (void)send_signal(kernel, parent_id, info);
  }
  wake(kernel, {WaitKind::process, parent_id.value});
  return goes;
}

}  // namespace drydock::machine
