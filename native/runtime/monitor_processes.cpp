#include <algorithm>
#include <csignal>

#include "native/runtime/child.h"
#include "native/runtime/monitor.h"

namespace drydock::native {

Result<void, LaunchFailure> Monitor::prepare_container(LaunchOrder& order) {
  state_.id = order.id;
  state_.cgroups_path = order.plan.cgroups_path;
  state_.monitor_pid = ::getpid();
  state_.monitor_start_ticks = process_start_ticks(::getpid()).value_or(0);
  // Written before the cgroup is made: whoever finds us dead knows what to take away. If it cannot be written, nobody
  // would find the container again.
  const auto saved = write_state(directory_.get(), state_);
  if (!saved.ok()) return to_failure(saved.error());
  auto log = LogWriter::open(order.log);
  if (!log.ok()) return to_failure(log.error());
  log_ = std::make_unique<LogWriter>(std::move(log).value());
  cgroup_ = make_cgroup(probe_cgroups(), order.plan.cgroups_path);
  const auto made = cgroup_->create(order.plan.resources);
  if (!made.ok()) {
    return LaunchFailure{-1, 0, concat("error setting cgroup config for procHooks process: ", made.error().message),
                         ""};
  }
  oom_kills_told_ = cgroup_->oom_kills();
  oom_watch_ = cgroup_->watch_oom();
  if (oom_watch_) {
    static_cast<void>(poller_.add(oom_watch_.get(), EPOLLIN, [this](std::uint32_t) {
      char events[4096];
      while (::read(oom_watch_.get(), events, sizeof(events)) > 0) {
      }
      on_oom();
    }));
  }
  return {};
}

Monitor::Process* Monitor::find(const std::string& exec) {
  const auto found = processes_.find(exec);
  return found == processes_.end() ? nullptr : found->second.get();
}

void Monitor::watch(Process& process) {
  const auto channel =
      poller_.add(process.launched.channel.get(), EPOLLIN, [this, &process](std::uint32_t) { on_channel(process); });
  if (channel.ok()) process.channel_token = *channel;
  const auto pidfd =
      poller_.add(process.launched.pidfd.get(), EPOLLIN, [this, &process](std::uint32_t) { on_exit(process); });
  if (pidfd.ok()) process.pidfd_token = *pidfd;
}

void Monitor::on_channel(Process& process) {
  for (;;) {
    ReceivedMessage message;
    const auto status = receive_message(process.launched.channel.get(), sizeof(ChildMessage), message);
    if (status == ReceiveStatus::nothing) return;
    if (status == ReceiveStatus::message && message.bytes.size() == sizeof(ChildMessage)) {
      ChildMessage news;
      std::copy(message.bytes.begin(), message.bytes.end(), reinterpret_cast<char*>(&news));
      on_news(process, news, std::move(message.fds));
      if (process.phase == Phase::ended) return;
      continue;
    }
    poller_.remove(process.channel_token);
    process.channel_token = 0;
    return on_executing(process);
  }
}

void Monitor::on_news(Process& process, const ChildMessage& message, std::vector<Fd> fds) {
  switch (message.news) {
    case ChildNews::console:
      if (!fds.empty()) process.io->use_terminal(std::move(fds[0]));
      return;
    case ChildNews::handed_over:
      if (!fds.empty()) hand_over(process, static_cast<pid_t>(message.code), std::move(fds[0]));
      return;
    case ChildNews::created:
      process.phase = Phase::created;
      state_.status = MonitorStatus::created;
      state_.created_ns = wall_clock_ns();
      state_.start_ticks = process_start_ticks(process.launched.pid).value_or(0);
      save();
      if (process.pending) reply(*std::exchange(process.pending, std::nullopt), state_.pid, std::nullopt);
      return;
    case ChildNews::failed:
      LaunchFailure failure{message.step, message.code, "", ""};
      if (message.step == kStepUserNamespace) failure.operation = "enter user namespace";
      return on_launch_failed(process, std::move(failure));
  }
}

void Monitor::hand_over(Process& process, pid_t pid, Fd pidfd) {
  poller_.remove(process.pidfd_token);
  process.helper = std::exchange(process.launched.pidfd, std::move(pidfd));
  process.launched.pid = pid;
  const auto ended = poller_.add(process.helper.get(), EPOLLIN, [this, &process](std::uint32_t) {
    static_cast<void>(reap(process.helper.get()));
    poller_.remove(process.helper_token);
  });
  if (ended.ok()) process.helper_token = *ended;
  const auto exit =
      poller_.add(process.launched.pidfd.get(), EPOLLIN, [this, &process](std::uint32_t) { on_exit(process); });
  if (exit.ok()) process.pidfd_token = *exit;
}

/// The channel closed without a failure: execve worked, or the process was killed before it came to that.
void Monitor::on_executing(Process& process) {
  if (process.phase == Phase::launching && process.exec.empty()) {
    return on_launch_failed(process, LaunchFailure{-1, 0, "container init died before it was created", ""});
  }
  process.phase = Phase::running;
  if (process.exec.empty()) {
    state_.status = MonitorStatus::running;
    state_.started_ns = wall_clock_ns();
    save();
  }
  if (process.pending) reply(*std::exchange(process.pending, std::nullopt), process.launched.pid, std::nullopt);
}

void Monitor::on_launch_failed(Process& process, LaunchFailure failure) {
  process.phase = Phase::ended;
  poller_.remove(std::exchange(process.channel_token, 0));
  static_cast<void>(send_signal(process.launched.pidfd.get(), SIGKILL));
  if (process.exec.empty()) failed_ = true;
  if (process.pending) reply(*std::exchange(process.pending, std::nullopt), 0, std::move(failure));
  process.io->close_output();
}

void Monitor::on_exit(Process& process) {
  // Both may have become readable at once: the channel's news come first.
  if (process.channel_token != 0) on_channel(process);
  const auto exit_code = reap(process.launched.pidfd.get());
  if (!exit_code) return;
  poller_.remove(process.pidfd_token);
  process.reaped = true;
  if (process.phase == Phase::ended) return;  // its launch failed, which was told
  process.phase = Phase::ended;
  process.io->take_leftovers();
  note_log();
  if (process.exec.empty()) {
    finish_container(*exit_code);
  } else {
    finish_exec(process, *exit_code);
  }
  if (!process.io->output_ended()) linger(process);
}

void Monitor::finish_container(int exit_code) {
  // Without a pid namespace of its own the container's other processes are still there.
  cgroup_->kill_all(kKillTimeoutNs);
  for (auto& [exec, process] : processes_) {
    if (process->reaped) continue;
    // Told before the container's end, after which the daemon may not listen any more.
    static_cast<void>(wait_ready(process->launched.pidfd.get(), EPOLLIN, monotonic_clock_ns() + kKillTimeoutNs));
    on_exit(*process);
  }
  on_oom();
  state_.status = MonitorStatus::exited;
  state_.exit_code = exit_code;
  state_.exited_ns = wall_clock_ns();
  save();
  tell_all(ProcessExit{"", exit_code, state_.oom_killed, state_.exited_ns});
  static_cast<void>(cgroup_->remove());  // once more by the daemon; here it is off the daemon's path
}

void Monitor::finish_exec(Process& process, int exit_code) {
  ProcessExit exit{process.exec, exit_code, false, wall_clock_ns()};
  if (connections_.empty() && undelivered_.size() < kUndeliveredMax) {
    undelivered_.push_back(std::move(exit));
  } else {
    tell_all(exit);
  }
}

/// Somebody else holds the process's pipes open: what he still writes is passed on for a moment.
void Monitor::linger(Process& process) {
  auto timer = make_timer();
  if (!timer.ok()) return process.io->close_output();
  process.linger_timer = std::move(timer).value();
  arm_timer(process.linger_timer.get(), kOutputLingerNs);
  const auto token = poller_.add(process.linger_timer.get(), EPOLLIN, [this, &process](std::uint32_t) {
    poller_.remove(process.linger_token);
    process.io->close_output();
  });
  if (token.ok()) process.linger_token = *token;
}

void Monitor::forget_ended() {
  std::erase_if(processes_, [this](const auto& entry) {
    const Process& process = *entry.second;
    if (entry.first.empty() || !process.reaped) return false;
    if (!process.io->output_ended() || !process.io->clients_drained()) return false;
    poller_.remove(process.linger_token);
    if (process.helper) static_cast<void>(reap(process.helper.get()));
    poller_.remove(process.helper_token);
    return true;
  });
}

void Monitor::on_oom() {
  const std::uint64_t kills = cgroup_->oom_kills();
  if (kills <= oom_kills_told_) return;
  oom_kills_told_ = kills;
  state_.oom_killed = true;
  save();
  tell_all(OomNotice{});
}

void Monitor::note_log() {
  if (log_ != nullptr && log_->take_grown()) log_grown_ = true;
  if (!log_watched_ || !log_grown_) return;
  log_watched_ = false;
  log_grown_ = false;
  tell_all(LoggedNotice{});
}

void Monitor::save() {
  static_cast<void>(write_state(directory_.get(), state_));  // a full /run: the daemon still hears it by the socket
}

/// After a failed launch, or when the container is to be removed: nothing of it stays but its folder.
void Monitor::tear_down_container() {
  for (auto& [exec, process] : processes_) {
    static_cast<void>(send_signal(process->launched.pidfd.get(), SIGKILL));
  }
  if (cgroup_ != nullptr) cgroup_->kill_all(kKillTimeoutNs);
  // Backwards, the first process ("") last: process 1 of a pid namespace does not end before all others in it are
  // reaped, and those that were added are ours to reap.
  for (auto entry = processes_.rbegin(); entry != processes_.rend(); ++entry) {
    const Process& process = *entry->second;
    const std::int64_t deadline = monotonic_clock_ns() + kKillTimeoutNs;
    if (wait_ready(process.launched.pidfd.get(), EPOLLIN, deadline)) {
      static_cast<void>(reap(process.launched.pidfd.get()));
    }
  }
  if (cgroup_ != nullptr) static_cast<void>(cgroup_->remove());
  ::unlinkat(directory_.get(), kStateFileName, 0);
}

bool Monitor::finished() const {
  if (failed_) return true;
  // The daemon left before it said what to make.
  if (processes_.empty()) return connections_.empty();
  if (state_.status != MonitorStatus::exited) return false;
  if (!released_ && !connections_.empty()) return false;
  return std::all_of(processes_.begin(), processes_.end(), [](const auto& entry) {
    return entry.second->reaped && entry.second->io->output_ended() && entry.second->io->clients_drained();
  });
}

void Monitor::run() {
  while (!finished()) {
    poller_.poll(-1);
    note_log();
    forget_ended();
  }
  if (failed_) tear_down_container();
}

}  // namespace drydock::native
