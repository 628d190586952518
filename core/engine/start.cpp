#include "engine/start.h"

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/container_files.h"
#include "engine/containers.h"
#include "engine/exit.h"
#include "engine/images.h"
#include "engine/log_options.h"
#include "engine/networks.h"
#include "engine/remove.h"

namespace drydock::engine {

namespace {

Result<void> check_startable(const Container& container) {
  switch (container.state.status) {
    case Status::running:
      return fail(ErrorKind::not_modified, "container is already running");
    case Status::paused:
      return fail(ErrorKind::conflict, "cannot start a paused container, try unpause instead");
    case Status::removing:
    case Status::dead:
      return fail(ErrorKind::conflict, "container is marked for removal and cannot be started");
    case Status::created:
    case Status::restarting:
    case Status::exited:
      break;
  }
  return {};
}

/// The runtime's error in dockerd's frame, and the exit code that Docker keeps for it.
struct StartFailure {
  Error error;
  int exit_code = 128;
};

StartFailure runtime_failure(Error error) {
  StartFailure failure;
  // dockerd goes by the words of runc's error, whatever was not there: a command or a sysctl.
  const bool missing = error.message.find(to_string(Errno::enoent)) != std::string::npos;
  if (error.kind == ErrorKind::not_found || missing) failure.exit_code = 127;
  if (error.kind == ErrorKind::forbidden) failure.exit_code = 126;
  const ErrorKind kind = failure.exit_code == 128 ? ErrorKind::internal : ErrorKind::invalid_argument;
  failure.error = make_error(
      kind, "failed to create shim task: OCI runtime create failed: runc create failed: ", error.message, ": unknown");
  return failure;
}

void join_names(Daemon& daemon, Container& container) {
  if (!container.host_config.network_mode.starts_with("container:")) return;
  auto other = find_joined(daemon, container.host_config.network_mode, "network");
  if (!other.ok()) return;
  container.config.hostname = (*other)->config.hostname;
  container.config.domainname = (*other)->config.domainname;
}

Result<runtime::CreateRequest> make_request(Daemon& daemon, Container& container) {
  TRY(write_container_files(daemon, container));
  runtime::DockerSpec made = TRY(runtime::make_docker_spec(TRY(make_spec_input(daemon, container))));
  runtime::CreateRequest request;
  request.id = container.id;
  request.spec = std::move(made.spec);
  request.stdio.terminal = container.config.tty;
  request.stdio.console_size = request.spec.process.console_size;
  request.stdio.open_stdin = container.config.open_stdin;
  request.stdio.stdin_once = container.config.stdin_once;
  request.log = TRY(log_file(daemon, container));
  return request;
}

Result<void> connect(Daemon& daemon, Container& container) {
  TRY(daemon.networks->connect_all(daemon, container));
  return append_hosts(daemon, container, daemon.networks->hosts_lines(container));
}

/// Whoever attached before the start gets the first byte too.
Result<void> hand_out_streams(Daemon& daemon, Container& container) {
  for (const auto& attachment : container.live.attachments) {
    if (attachment->over || attachment->stream) continue;
    attachment->stream = TRY(daemon.host.runtime.attach({container.id, ""}, attachment->with_stdin));
  }
  return {};
}

void undo(Daemon& daemon, Container& container) {
  for (const auto& attachment : container.live.attachments) {
    attachment->stream.reset();
    attachment->over = true;
  }
  container.live.attachments.clear();
  if (container.live.in_runtime) static_cast<void>(daemon.host.runtime.remove(container.id));
  container.live.in_runtime = false;
  daemon.networks->disconnect_all(daemon, container);
}

Result<void, StartFailure> bring_up(Daemon& daemon, Container& container) {
  const auto failed = [](Error error) { return fail(StartFailure{std::move(error), 128}); };
  if (container.host_config.network_mode.starts_with("container:"))
    if (auto other = find_joined(daemon, container.host_config.network_mode, "network"); !other.ok())
      return failed(other.error());
  join_names(daemon, container);
  auto request = make_request(daemon, container);
  if (!request.ok()) {
    Error error = request.error();
    // Docker looks at users, devices and profiles only now, and calls what is wrong with them its own failure.
    if (error.kind == ErrorKind::invalid_argument) error.kind = ErrorKind::internal;
    return failed(std::move(error));
  }
  auto created = daemon.host.runtime.create(*request);
  if (!created.ok()) return fail(runtime_failure(created.error()));
  container.live.in_runtime = true;
  container.live.network_namespace = created->network_namespace;
  container.state.pid = created->pid;
  if (auto connected = connect(daemon, container); !connected.ok()) return failed(connected.error());
  if (auto handed = hand_out_streams(daemon, container); !handed.ok()) return failed(handed.error());
  if (auto started = daemon.host.runtime.start(container.id); !started.ok())
    return fail(runtime_failure(started.error()));
  return {};
}

}  // namespace

Result<void> start_container(Daemon& daemon, Container& container) {
  TRY(check_startable(container));
  settle_exit(daemon, container);
  const bool restarted = container.state.status == Status::restarting;
  auto up = bring_up(daemon, container);
  if (!up.ok()) {
    undo(daemon, container);
    container.state.pid = 0;
    container.state.error = up.error().error.message;
    container.state.exit_code = up.error().exit_code;
    if (restarted) container.state.status = *next_status(Status::restarting, Trigger::give_up);
    Error error = std::move(up.error().error);
    if (container.host_config.auto_remove) {
      static_cast<void>(remove_container(daemon, container, {.force = false, .volumes = true}));
    } else {
      TRY(daemon.containers->save(container));
    }
    return error;
  }
  container.state.status = *next_status(container.state.status, Trigger::start);
  container.state.error.clear();
  container.state.exit_code = 0;
  container.state.oom_killed = false;
  container.state.started_at = daemon.host.clock.now();
  if (!restarted) container.restart_count = 0;
  container.manually_stopped = false;
  container.live.has_been_stopped = false;
  container.live.started_monotonic_ns = daemon.host.clock.monotonic_ns();
  TRY(daemon.containers->save(container));
  trace::TaskEvent task;
  task.container = container.id;
  task.pid = container.state.pid;
  daemon.trace.emit(task, container.id);
  emit_container_event(daemon, container, "start");
  return {};
}

}  // namespace drydock::engine
