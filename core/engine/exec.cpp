#include "engine/exec.h"

#include <algorithm>

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/images.h"
#include "engine/start.h"
#include "engine/users.h"
#include "runtime/default_spec.h"

namespace drydock::engine {

namespace {

constexpr std::uint64_t kUserFileMax = 16u << 20;

Result<void> check_runs(const Container& container) {
  if (container.state.status == Status::paused)
    return fail(ErrorKind::conflict, "Container ", container.name, " is paused, unpause the container before exec");
  if (container.is_restarting())
    return fail(ErrorKind::conflict, "Container ", container.id, " is restarting, wait until the container is running");
  if (!container.is_running()) return fail(ErrorKind::conflict, "Container ", container.id, " is not running");
  return {};
}

/// Ended ones are only kept for inspect.
void forget_old(Container& container) {
  auto& execs = container.live.execs;
  for (auto at = execs.begin(); at != execs.end() && execs.size() >= kExecsMax;)
    at = at->second.started && !at->second.running ? execs.erase(at) : std::next(at);
}

/// The container's variables, with those of the exec in place of what they name anew.
Strings merge_env(Strings env, const Strings& more) {
  const auto name_of = [](std::string_view line) { return line.substr(0, line.find('=')); };
  for (const std::string& line : more) {
    const auto same =
        std::find_if(env.begin(), env.end(), [&](const std::string& mine) { return name_of(mine) == name_of(line); });
    if (same == env.end())
      env.push_back(line);
    else
      *same = line;
  }
  return env;
}

Result<runtime::Process> make_process(Daemon& daemon, const Container& container, const Exec& exec) {
  const runtime::DockerSpecInput input = TRY(make_spec_input(daemon, container));
  runtime::DockerExecInput process;
  process.args = exec.cmd;
  process.env = merge_env(input.env, exec.env.value_or(Strings{}));
  process.hostname = container.config.hostname;
  process.cwd = exec.working_dir;
  process.terminal = exec.tty;
  process.console_size = exec.console_size;
  process.privileged = exec.privileged;
  process.home = input.home;
  if (!exec.user.empty()) {
    const storage::MergedTree tree = TRY(daemon.images->snapshots().tree(container.id));
    const std::string passwd = tree.read_file("etc/passwd", kUserFileMax).value_or("");
    const std::string group = tree.read_file("etc/group", kUserFileMax).value_or("");
    ResolvedUser resolved = TRY(resolve_user(exec.user, passwd, group));
    process.user = std::move(resolved.user);
    process.home = std::move(resolved.home);
  }
  const runtime::DockerSpec spec = TRY(runtime::make_docker_spec(input));
  return runtime::make_docker_exec(spec.spec, process, input.kernel);
}

Error runtime_failure(Exec& exec, const Error& error) {
  const bool command_is_wrong = error.kind == ErrorKind::not_found || error.kind == ErrorKind::forbidden;
  // Docker says 126 for a command that is not there, too.
  exec.exit_code = 126;
  return make_error(command_is_wrong ? ErrorKind::invalid_argument : ErrorKind::internal,
                    "OCI runtime exec failed: exec failed: ", error.message, ": unknown");
}

}  // namespace

Result<std::string> create_exec(Daemon& daemon, std::string_view name, ExecConfig config) {
  if (config.cmd.empty()) return fail(ErrorKind::invalid_argument, "No exec command specified");
  Container& container = *TRY(daemon.containers->find(name));
  TRY(check_runs(container));
  forget_old(container);
  if (container.live.execs.size() >= kExecsMax)
    return fail(ErrorKind::unavailable, "too many exec instances in container ", container.id);
  Exec exec;
  exec.id = daemon.host.random.hex_id(32);
  exec.container = container.id;
  exec.cmd = std::move(config.cmd);
  exec.env = std::move(config.env);
  exec.user = std::move(config.user);
  exec.working_dir = std::move(config.working_dir);
  exec.detach_keys = std::move(config.detach_keys);
  exec.tty = config.tty;
  exec.privileged = config.privileged;
  exec.attach_stdin = config.attach_stdin;
  exec.attach_stdout = config.attach_stdout;
  exec.attach_stderr = config.attach_stderr;
  exec.console_size = config.console_size;
  const std::string id = exec.id;
  emit_container_event(daemon, container, "exec_create: " + join(exec.cmd, " "), {{"execID", id}});
  container.live.execs[id] = std::move(exec);
  return id;
}

Result<Exec*> find_exec(Daemon& daemon, std::string_view id) {
  for (Container* container : daemon.containers->list()) {
    const auto found = container->live.execs.find(std::string(id));
    if (found != container->live.execs.end()) return &found->second;
  }
  return fail(ErrorKind::not_found, "No such exec instance: ", id);
}

Result<void> start_exec(Daemon& daemon, Exec& exec, std::shared_ptr<Attachment> attachment) {
  if (exec.started) {
    if (exec.running) return fail(ErrorKind::conflict, "Error: Exec command ", exec.id, " is already running");
    return fail(ErrorKind::conflict, "Error: Exec command ", exec.id, " has already run");
  }
  Container* container = daemon.containers->by_id(exec.container);
  if (container == nullptr) return fail(ErrorKind::not_found, "No such container: ", exec.container);
  TRY(check_runs(*container));
  exec.started = true;
  emit_container_event(daemon, *container, "exec_start: " + join(exec.cmd, " "), {{"execID", exec.id}});
  runtime::ExecRequest request;
  request.container = container->id;
  request.exec = exec.id;
  request.privileged = exec.privileged;
  auto process = make_process(daemon, *container, exec);
  if (!process.ok()) {
    exec.exit_code = 126;
    return make_error(ErrorKind::internal, process.error().message);
  }
  request.process = std::move(*process);
  request.stdio.terminal = exec.tty;
  request.stdio.console_size = exec.console_size;
  request.stdio.open_stdin = exec.attach_stdin && attachment != nullptr;
  request.stdio.stdin_once = true;
  auto pid = daemon.host.runtime.exec(request);
  if (!pid.ok()) return runtime_failure(exec, pid.error());
  exec.running = true;
  exec.pid = *pid;
  if (attachment != nullptr) {
    attachment->stream = TRY(daemon.host.runtime.attach({container->id, exec.id}, attachment->with_stdin));
    exec.attachment = attachment;
    container->live.attachments.push_back(std::move(attachment));
  }
  return {};
}

}  // namespace drydock::engine
