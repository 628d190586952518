// docker exec: create, start, inspect, resize.

#include "engine/exec.h"
#include "api/attach_job.h"
#include "api/body.h"
#include "api/respond.h"
#include "api/routes.h"
#include "api/stdcopy.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/detach_keys.h"

namespace drydock::api {

namespace {

using engine::Exec;

Result<runtime::ConsoleSize> body_size(const Json& body) {
  runtime::ConsoleSize size;
  const Json* pair = TRY(get_array(body, "ConsoleSize"));
  if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_number_unsigned() || !(*pair)[1].is_number_unsigned())
    return size;
  size.height = (*pair)[0].get<std::uint16_t>();
  size.width = (*pair)[1].get<std::uint16_t>();
  return size;
}

Result<std::string> create_from(Context& context) {
  const Json body = TRY(json_body(context));
  if (!body.is_object()) return fail(ErrorKind::invalid_argument, "No exec command specified");
  engine::ExecConfig config;
  config.cmd = TRY(get_strings(body, "Cmd"));
  if (body.contains("Env") && !body["Env"].is_null()) config.env = TRY(get_strings(body, "Env"));
  config.user = TRY(get_string(body, "User"));
  config.working_dir = TRY(get_string(body, "WorkingDir"));
  config.tty = TRY(get_bool(body, "Tty"));
  config.privileged = TRY(get_bool(body, "Privileged"));
  config.attach_stdin = TRY(get_bool(body, "AttachStdin"));
  config.attach_stdout = TRY(get_bool(body, "AttachStdout"));
  config.attach_stderr = TRY(get_bool(body, "AttachStderr"));
  config.console_size = TRY(body_size(body));
  config.detach_keys = TRY(get_string(body, "DetachKeys"));
  if (config.cmd.empty()) return fail(ErrorKind::invalid_argument, "No exec command specified");
  if (!engine::parse_detach_keys(config.detach_keys).ok())
    return fail(ErrorKind::internal, "Invalid escape keys (", config.detach_keys, ") provided");
  return engine::create_exec(context.daemon, context.params.get("name"), std::move(config));
}

void create(Context& context) {
  auto id = create_from(context);
  if (!id.ok()) return send_error(*context.responder, id.error());
  send_json(*context.responder, 201, Json{{"Id", *id}});
}

Result<void> start_from(Context& context) {
  const Json body = TRY(optional_json_body(context));
  if (!body.is_object()) return fail(ErrorKind::invalid_argument, "json: cannot unmarshal body");
  Exec& exec = *TRY(engine::find_exec(context.daemon, context.params.get("id")));
  const auto size = TRY(body_size(body));
  if (size.height != 0) exec.console_size = size;
  if (TRY(get_bool(body, "Detach"))) {
    TRY(engine::start_exec(context.daemon, exec, nullptr));
    send_empty(*context.responder, 200);
    return {};
  }
  AttachOptions options;
  options.container = exec.container;
  options.exec = exec.id;
  options.in = exec.attach_stdin;
  options.out = exec.attach_stdout;
  options.err = exec.attach_stderr;
  options.terminal = exec.tty;
  options.close_stdin = true;
  options.detach_keys = TRY(engine::parse_detach_keys(exec.detach_keys));
  auto attachment = std::make_shared<engine::Attachment>();
  attachment->with_stdin = options.in;
  const bool terminal = exec.tty;
  if (auto started = engine::start_exec(context.daemon, exec, attachment); !started.ok()) {
    if (started.error().kind == ErrorKind::conflict) return started;
    // dockerd has taken the connection over by now, and says it there.
    options.out = true;
    const std::string words = started.error().message + "\r\n";
    if (terminal)
      options.first = words;
    else
      append_frame(options.first, runtime::StreamKind::out, words);
    attachment->over = true;
  }
  context.daemon.add_job(make_attach_job(std::move(options), hijack(context, terminal), std::move(attachment)));
  return {};
}

void start(Context& context) {
  if (auto started = start_from(context); !started.ok()) send_error(*context.responder, started.error());
}

void inspect(Context& context) {
  auto found = engine::find_exec(context.daemon, context.params.get("id"));
  if (!found.ok()) return send_error(*context.responder, found.error());
  const Exec& exec = **found;
  Json arguments = Json::array();
  for (std::size_t i = 1; i < exec.cmd.size(); ++i) arguments.push_back(exec.cmd[i]);
  Json process = {{"tty", exec.tty},
                  {"entrypoint", exec.cmd.front()},
                  {"arguments", std::move(arguments)},
                  {"privileged", exec.privileged}};
  if (!exec.user.empty()) process["user"] = exec.user;
  Json answer = {{"ID", exec.id},
                 {"Running", exec.running},
                 {"ExitCode", exec.exit_code ? Json(*exec.exit_code) : Json(nullptr)},
                 {"ProcessConfig", std::move(process)},
                 {"OpenStdin", exec.attach_stdin},
                 {"OpenStderr", exec.attach_stderr},
                 {"OpenStdout", exec.attach_stdout},
                 {"CanRemove", false},
                 {"ContainerID", exec.container},
                 {"DetachKeys", exec.detach_keys.empty() ? "" : to_base64(exec.detach_keys)},
                 {"Pid", exec.pid}};
  send_json(*context.responder, 200, answer);
}

Result<void> resize_from(Context& context) {
  const auto size = TRY(console_size(context));
  Exec& exec = *TRY(engine::find_exec(context.daemon, context.params.get("id")));
  if (!exec.running) return fail(ErrorKind::internal, "Exec command ", exec.id, " is not running");
  TRY(context.daemon.host.runtime.resize({exec.container, exec.id}, size));
  return {};
}

void resize(Context& context) {
  send_result(context, resize_from(context), 200);
}

constexpr Route kRoutes[] = {
    {"POST", "/containers/{name}/exec", &create, http::BodyMode::buffered, "ContainerExec"},
    {"POST", "/exec/{id}/start", &start, http::BodyMode::buffered, "ExecStart"},
    {"POST", "/exec/{id}/resize", &resize, http::BodyMode::buffered, "ExecResize"},
    {"GET", "/exec/{id}/json", &inspect, http::BodyMode::buffered, "ExecInspect"},
};

}  // namespace

RouteTable exec_routes() {
  return kRoutes;
}

}  // namespace drydock::api
