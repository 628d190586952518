// What monitors say unasked, what is left when they or the daemon died, and how it is cleaned away.

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>

#include <cerrno>
#include <csignal>

#include "native/kernel/process.h"
#include "native/runtime/cgroup_files.h"
#include "native/runtime/linux_runtime.h"
#include "native/runtime/state_file.h"

namespace drydock::native {

namespace {

constexpr int kKilledExit = 128 + SIGKILL;
constexpr std::int64_t kMonitorStartNs = 5'000'000'000;  // from its start to its listening; milliseconds in truth
constexpr std::int64_t kMonitorPauseNs = 1'000'000;

std::vector<std::string> container_ids(const std::string& root) {
  std::vector<std::string> ids;
  DIR* directory = ::opendir(root.c_str());
  if (directory == nullptr) return ids;
  while (const dirent* entry = ::readdir(directory)) {
    if (entry->d_name[0] != '.') ids.emplace_back(entry->d_name);
  }
  ::closedir(directory);
  return ids;
}

/// A container's folder holds files only, all of them ours.
void remove_folder(const std::string& path) {
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") ::unlinkat(::dirfd(directory), entry->d_name, 0);
  }
  ::closedir(directory);
  ::rmdir(path.c_str());
}

/// Without cgroups the first process is all that can be named; with its pid namespace the others die, too.
void kill_first_process(const ContainerState& state) {
  const auto pid = static_cast<pid_t>(state.pid);
  auto pidfd = open_pidfd(pid);
  if (pid <= 0 || !pidfd.ok()) return;
  // Asked after the pidfd is held: it is that process, or another one that took over its pid.
  if (process_start_ticks(pid) != state.start_ticks) return;
  static_cast<void>(send_signal(pidfd->get(), SIGKILL));
}

}  // namespace

void LinuxRuntime::watch(Container& container) {
  auto token = poller_->add(container.link->fd(), EPOLLIN, [this, id = container.id](std::uint32_t) {
    if (const auto found = containers_.find(id); found != containers_.end()) on_link(*found->second);
  });
  if (token.ok()) container.link->token = *token;
}

void LinuxRuntime::pump() {
  poller_->poll(0);
  // A reply that was waited for may have brought notices with it, which no descriptor tells of any more.
  std::vector<std::string> ids;
  for (const auto& [id, container] : containers_) ids.push_back(id);
  for (const auto& id : ids) {
    if (const auto found = containers_.find(id); found != containers_.end()) on_link(*found->second);
  }
  std::erase_if(old_monitors_, [](const Fd& pidfd) {
    pollfd ended{pidfd.get(), POLLIN, 0};
    if (::poll(&ended, 1, 0) <= 0) return false;
    static_cast<void>(reap(pidfd.get()));  // one of an earlier daemon is init's child, not ours
    return true;
  });
}

void LinuxRuntime::on_link(Container& container) {
  if (container.link == nullptr) return;
  while (auto message = container.link->next()) on_message(container, *message);
  if (!container.link->closed()) return;
  poller_->remove(container.link->token);
  old_monitors_.push_back(container.link->take_pidfd());
  container.link.reset();
  if (!container.exited) on_monitor_lost(container);
}

void LinuxRuntime::on_message(Container& container, const MonitorMessage& message) {
  if (std::holds_alternative<OomNotice>(message)) events_.push_back(runtime::OomEvent{container.id});
  if (std::holds_alternative<LoggedNotice>(message)) events_.push_back(runtime::LoggedEvent{container.id});
  const auto* exit = std::get_if<ProcessExit>(&message);
  if (exit == nullptr) return;
  events_.push_back(
      runtime::ExitedEvent{{container.id, exit->exec}, exit->exit_code, exit->oom_killed, {exit->time_ns}});
  if (!exit->exec.empty()) return;
  container.exited = true;
  container.link->post(ReleaseRequest{});
}

void LinuxRuntime::on_monitor_lost(Container& container) {
  container.exited = true;
  // The monitor may have written the end, and died before it could say it.
  const auto state = read_state(container.directory);
  if (state && state->status == MonitorStatus::exited) {
    events_.push_back(
        runtime::ExitedEvent{{container.id, ""}, state->exit_code, state->oom_killed, {state->exited_ns}});
    return;
  }
  if (state) kill_first_process(*state);
  container.cgroup->kill_all(kKillTimeoutNs);
  events_.push_back(runtime::ExitedEvent{{container.id, ""}, kKilledExit, false, {wall_clock_ns()}});
}

void LinuxRuntime::discard(const std::string& id) {
  const auto found = containers_.find(id);
  if (found == containers_.end()) return;
  std::unique_ptr<Container> container = std::move(found->second);
  containers_.erase(found);
  std::erase_if(unclaimed_, [&](const Unclaimed& one) { return one.process.container == id; });
  clean_up(*container);
}

void LinuxRuntime::clean_up(Container& container) {
  if (container.link != nullptr) {
    poller_->remove(container.link->token);
    if (!container.exited) {
      if (container.cgroup->frozen()) static_cast<void>(container.cgroup->thaw());
      container.link->post(DestroyRequest{});
      if (!container.link->wait_closed(kKillTimeoutNs)) container.link->kill_monitor();
    }
    // One that was released goes by itself, when attached clients have all output.
    old_monitors_.push_back(container.link->take_pidfd());
    container.link.reset();
  }
  container.cgroup->kill_all(kKillTimeoutNs);
  static_cast<void>(container.cgroup->remove());
  remove_folder(container.directory);
}

std::vector<runtime::Recovered> LinuxRuntime::recover() {
  std::vector<runtime::Recovered> all;
  for (const auto& id : container_ids(concat(options_.exec_root, "/containers"))) {
    if (containers_.count(id) != 0) continue;
    if (auto one = recover_one(id)) all.push_back(std::move(*one));
  }
  return all;
}

/// Connects to the container's monitor if one lives. `lock` is held where none does.
std::unique_ptr<MonitorLink> LinuxRuntime::find_monitor(const std::string& directory, Fd& lock) {
  const std::int64_t deadline = monotonic_clock_ns() + kMonitorStartNs;
  for (;;) {
    const auto state = read_state(directory);
    auto link = MonitorLink::connect(directory, state ? state->monitor_pid : 0);
    if (link.ok()) return std::move(link).value();
    auto locked = MonitorLink::lock_folder(directory);
    if (locked.ok()) {
      lock = std::move(locked).value();
      return nullptr;
    }
    // It lives and does not listen: it has just been started, or is about to end.
    if (monotonic_clock_ns() > deadline) return nullptr;
    sleep_ns(kMonitorPauseNs);
  }
}

std::optional<runtime::Recovered> LinuxRuntime::recover_one(const std::string& id) {
  auto container = std::make_unique<Container>();
  container->id = id;
  container->directory = directory_of(id);
  std::optional<MonitorState> now;
  Fd lock;
  container->link = find_monitor(container->directory, lock);
  if (container->link != nullptr) {
    auto reply = container->link->call(StateRequest{}, {}, kCallTimeoutNs);
    if (reply.ok() && reply->state) now = std::move(reply->state);
    if (!now) container->link->kill_monitor();  // it hangs, or is about to end anyway
  }
  // Read again: a monitor that was busy making the container has written it by now.
  const auto state = read_state(container->directory);
  if (!state || (now && now->status == MonitorStatus::creating)) {
    // Nothing was made, or it is being taken down again: nobody ever heard of it.
    container->cgroup = make_cgroup(layout_, state ? state->cgroups_path : "");
    clean_up(*container);
    return std::nullopt;
  }
  container->cgroup = make_cgroup(layout_, state->cgroups_path);
  container->pid = state->pid;
  Container& added = *(containers_[id] = std::move(container));
  if (!now) return bury(added, *state);

  runtime::Recovered found;
  found.container = id;
  found.created = now->status == MonitorStatus::created;
  found.running = now->status == MonitorStatus::running;
  found.paused = found.running && added.cgroup->frozen();
  found.pid = now->pid;
  found.oom_killed = now->oom_killed;
  found.execs = now->execs;
  if (now->exited) {
    found.exited =
        runtime::ExitedEvent{{id, ""}, now->exited->exit_code, now->exited->oom_killed, {now->exited->time_ns}};
    added.exited = true;
    added.link->post(ReleaseRequest{});
  }
  watch(added);
  return found;
}

/// The monitor is gone: the state file says how the container ended, or that it did not get to say.
runtime::Recovered LinuxRuntime::bury(Container& container, const ContainerState& state) {
  container.link.reset();
  container.exited = true;
  const bool told = state.status == MonitorStatus::exited;
  if (!told) {
    kill_first_process(state);
    container.cgroup->kill_all(kKillTimeoutNs);
  }
  runtime::Recovered found;
  found.container = container.id;
  found.oom_killed = state.oom_killed;
  found.exited = runtime::ExitedEvent{{container.id, ""},
                                      told ? state.exit_code : kKilledExit,
                                      state.oom_killed,
                                      {told ? state.exited_ns : wall_clock_ns()}};
  return found;
}

}  // namespace drydock::native
