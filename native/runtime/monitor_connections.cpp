#include <sys/stat.h>

#include <algorithm>

#include "native/runtime/monitor.h"

namespace drydock::native {

Result<std::unique_ptr<Monitor>, SysError> Monitor::make(Fd control, Fd directory) {
  Poller poller = TRY(Poller::make());
  std::unique_ptr<Monitor> monitor(new Monitor(std::move(poller), std::move(directory)));
  TRY(monitor->serve(std::move(control)));
  return monitor;
}

Monitor::~Monitor() {
  ::unlinkat(directory_.get(), kMonitorSocketName, 0);
}

Result<void, SysError> Monitor::serve(Fd control) {
  TRY(set_nonblocking(control.get()));
  listener_ = TRY(listen_in(directory_.get(), kMonitorSocketName));
  TRY(poller_.add(listener_.get(), EPOLLIN, [this](std::uint32_t) {
    if (auto socket = accept_connection(listener_.get()); socket.ok()) add_connection(std::move(socket).value());
  }));
  add_connection(std::move(control));
  return {};
}

void Monitor::add_connection(Fd socket) {
  auto connection = std::make_unique<Connection>();
  connection->socket = std::move(socket);
  Connection& added = *connection;
  auto token =
      poller_.add(added.socket.get(), EPOLLIN, [this, &added](std::uint32_t events) { on_connection(added, events); });
  if (!token.ok()) return;
  added.token = *token;
  connections_.push_back(std::move(connection));
  for (const auto& exit : std::exchange(undelivered_, {})) send(added, exit);
}

void Monitor::on_connection(Connection& connection, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush(connection);
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  ReceivedMessage message;
  const auto status = receive_message(connection.socket.get(), kControlMessageMax, message);
  if (status == ReceiveStatus::nothing) return;
  auto request = status == ReceiveStatus::message ? from_wire<Request>(message.bytes) : std::nullopt;
  if (!request) return drop(connection);
  handle(connection, std::move(*request), std::move(message.fds));
}

void Monitor::drop(Connection& connection) {
  poller_.remove(connection.token);
  for (auto& [exec, process] : processes_) {
    if (process->pending && process->pending->connection == &connection) process->pending->connection = nullptr;
  }
  std::erase_if(connections_, [&](const auto& other) { return other.get() == &connection; });
}

void Monitor::send(Connection& connection, const MonitorMessage& message) {
  connection.queue.push_back(to_wire(message));
  flush(connection);
}

void Monitor::flush(Connection& connection) {
  while (!connection.queue.empty()) {
    const auto status = send_message(connection.socket.get(), connection.queue.front());
    if (status == SendStatus::full) break;
    // A peer that is gone is noticed by reading; until then nothing can be said to it.
    connection.queue.pop_front();
  }
  poller_.modify(connection.token, EPOLLIN | (connection.queue.empty() ? 0U : EPOLLOUT));
}

void Monitor::tell_all(const MonitorMessage& message) {
  for (auto& connection : connections_) send(*connection, message);
}

void Monitor::reply(const PendingReply& to, std::int64_t pid, std::optional<LaunchFailure> failure,
                    std::optional<MonitorState> state) {
  for (auto& connection : connections_) {
    if (connection.get() != to.connection) continue;
    return send(*connection, Reply{to.sequence, pid, std::move(failure), std::move(state)});
  }
}

void Monitor::handle(Connection& connection, Request request, std::vector<Fd> fds) {
  const PendingReply to{&connection, request.sequence};
  auto& body = request.body;
  if (std::holds_alternative<LaunchRequest>(body)) return handle_launch(to, std::move(fds));
  if (std::holds_alternative<StartRequest>(body)) return handle_start(to);
  if (const auto* attach = std::get_if<AttachRequest>(&body)) return handle_attach(to, *attach, std::move(fds));
  if (const auto* signal = std::get_if<SignalRequest>(&body)) return handle_signal(to, *signal);
  if (const auto* resize = std::get_if<ResizeRequest>(&body)) return handle_resize(to, *resize);
  if (std::holds_alternative<WatchLogRequest>(body)) return handle_watch_log(to);
  if (std::holds_alternative<StateRequest>(body)) return reply(to, state_.pid, std::nullopt, state_now());
  if (std::holds_alternative<DestroyRequest>(body)) return handle_destroy(to);
  released_ = true;
  reply(to, 0, std::nullopt);
}

void Monitor::handle_launch(PendingReply to, std::vector<Fd> fds) {
  if (fds.empty()) return reply(to, 0, LaunchFailure{-1, EINVAL, "launch", "no order"});
  const auto bytes = read_to_end(fds[0].get(), kLaunchOrderMax);
  auto order = bytes.ok() ? from_wire<LaunchOrder>(*bytes) : std::nullopt;
  if (!order) return reply(to, 0, LaunchFailure{-1, EINVAL, "launch", "bad order"});
  const bool first = order->exec.empty();
  if (find(order->exec) != nullptr) return reply(to, 0, LaunchFailure{-1, EEXIST, "launch", order->exec});
  if (!first && state_.status != MonitorStatus::running) {
    return reply(to, 0, LaunchFailure{-1, ESRCH, "exec", order->id});
  }
  if (first) {
    const auto prepared = prepare_container(*order);
    if (!prepared.ok()) {
      failed_ = true;
      return reply(to, 0, prepared.error());
    }
  }
  auto launched = launch(*order, *cgroup_);
  if (!launched.ok()) {
    failed_ = failed_ || first;
    return reply(to, 0, launched.error());
  }
  auto process = std::make_unique<Process>();
  process->exec = order->exec;
  process->launched = std::move(launched).value();
  process->pending = to;
  process->io = std::make_unique<ProcessIo>(poller_, order->stdio, first ? log_.get() : nullptr);
  auto& ends = process->launched;
  if (!order->stdio.terminal) {
    process->io->use_pipes(std::move(ends.input), std::move(ends.output), std::move(ends.errors));
  }
  if (fds.size() > 1) process->io->attach(std::move(fds[1]), order->stdio.open_stdin);
  watch(*process);
  if (first) state_.pid = ends.pid;
  processes_[order->exec] = std::move(process);
}

void Monitor::handle_start(PendingReply to) {
  Process* process = find("");
  if (process == nullptr || process->phase != Phase::created) {
    return reply(to, 0, LaunchFailure{-1, EINVAL, "start", state_.id});
  }
  process->phase = Phase::starting;
  process->pending = to;
  send_message(process->launched.channel.get(), "s");
}

void Monitor::handle_attach(PendingReply to, const AttachRequest& request, std::vector<Fd> fds) {
  Process* process = find(request.exec);
  if (process == nullptr || fds.empty()) return reply(to, 0, LaunchFailure{-1, ESRCH, "attach", request.exec});
  process->io->attach(std::move(fds[0]), request.with_stdin);
  reply(to, process->launched.pid, std::nullopt);
}

void Monitor::handle_signal(PendingReply to, const SignalRequest& request) {
  Process* process = find(request.exec);
  if (process == nullptr || process->phase == Phase::ended) {
    return reply(to, 0, LaunchFailure{-1, ESRCH, "kill", request.exec});
  }
  const auto sent = send_signal(process->launched.pidfd.get(), request.signal);
  reply(to, process->launched.pid, sent.ok() ? std::nullopt : std::optional(to_failure(sent.error())));
}

void Monitor::handle_resize(PendingReply to, const ResizeRequest& request) {
  Process* process = find(request.exec);
  if (process == nullptr) return reply(to, 0, LaunchFailure{-1, ESRCH, "resize", request.exec});
  const auto resized = process->io->resize(request.size);
  reply(to, 0, resized.ok() ? std::nullopt : std::optional(to_failure(resized.error())));
}

void Monitor::handle_watch_log(PendingReply to) {
  log_watched_ = true;
  reply(to, 0, std::nullopt);
  note_log();
}

void Monitor::handle_destroy(PendingReply to) {
  // Told first, so that what the kill brings about is no news any more.
  failed_ = true;
  released_ = true;
  reply(to, 0, std::nullopt);
}

MonitorState Monitor::state_now() const {
  MonitorState now;
  now.status = state_.status;
  now.pid = state_.pid;
  now.oom_killed = state_.oom_killed;
  for (const auto& [exec, process] : processes_) {
    if (!exec.empty() && process->phase == Phase::running) now.execs.push_back(exec);
  }
  if (state_.status == MonitorStatus::exited) {
    now.exited = ProcessExit{"", state_.exit_code, state_.oom_killed, state_.exited_ns};
  }
  return now;
}

}  // namespace drydock::native
