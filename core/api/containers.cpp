// Containers: create, start, stop and the other verbs that answer once. Streams are in container_streams.cpp.

#include "engine/containers.h"
#include "api/body.h"
#include "api/container_inspect.h"
#include "api/container_list.h"
#include "api/respond.h"
#include "api/routes.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/config_json.h"
#include "engine/container_events.h"
#include "engine/create.h"
#include "engine/remove.h"
#include "engine/rename.h"
#include "engine/signals.h"
#include "engine/start.h"
#include "engine/stop.h"
#include "engine/top.h"
#include "engine/update.h"

namespace drydock::api {

namespace {

using engine::Container;

/// Runs `verb` on the container that the path names, and answers with its error or with `status`.
template <class Verb>
void with_container(Context& context, Verb verb, int status = 204) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  send_result(context, verb(**container), status);
}

Result<engine::CreatedContainer> create_from(Context& context) {
  engine::CreateRequest request;
  request.name = context.query().get_or("name", "");
  request.create = TRY(as_malformed(engine::decode_create_config(TRY(json_body(context, ErrorKind::malformed)))));
  return engine::create_container(context.daemon, std::move(request));
}

void create(Context& context) {
  auto created = create_from(context);
  if (!created.ok()) return send_error(*context.responder, created.error());
  Json warnings = Json::array();
  for (const std::string& warning : created->warnings) warnings.push_back(warning);
  send_json(*context.responder, 201, Json{{"Id", created->id}, {"Warnings", std::move(warnings)}});
}

void start(Context& context) {
  // Docker took a HostConfig here once.
  if (!trim(context.request.body).empty() && trim(context.request.body) != "{}")
    return send_error(*context.responder,
                      make_error(ErrorKind::invalid_argument,
                                 "starting container with non-empty request body was deprecated since API v1.22 and "
                                 "removed in v1.24"));
  with_container(context, [&](Container& container) { return engine::start_container(context.daemon, container); });
}

/// stop, restart and rm -f answer when the container has stopped.
class StopJob final : public engine::Job {
 public:
  enum class Then { nothing, start, remove };
  StopJob(std::string id, engine::StopProcess process, Then then, engine::RemoveOptions remove,
          std::shared_ptr<http::Responder> responder)
      : id_(std::move(id)),
        process_(std::move(process)),
        then_(then),
        remove_(remove),
        responder_(std::move(responder)) {}

  State step(engine::Daemon& daemon) override {
    switch (process_.step(daemon)) {
      case engine::StopProcess::State::waiting:
        return State::waiting;
      case engine::StopProcess::State::failed:
        send_error(*responder_, process_.error());
        return State::done;
      case engine::StopProcess::State::stopped:
        break;
    }
    finish(daemon);
    return State::done;
  }
  std::int64_t deadline_ns() const override { return process_.deadline_ns(); }
  std::string_view name() const override { return "stop"; }

 private:
  void finish(engine::Daemon& daemon) {
    Container* container = daemon.containers->by_id(id_);
    Result<void> result;
    if (container == nullptr) {
      if (then_ == Then::start) result = make_error(ErrorKind::not_found, "No such container: ", id_);
    } else if (then_ == Then::nothing) {
      engine::emit_container_event(daemon, *container, "stop");
    } else if (then_ == Then::start) {
      engine::emit_container_event(daemon, *container, "stop");
      result = engine::start_container(daemon, *container);
      container = daemon.containers->by_id(id_);
      if (result.ok() && container != nullptr) engine::emit_container_event(daemon, *container, "restart");
    } else {
      result = engine::remove_container(daemon, *container, remove_);
    }
    if (result.ok()) return send_empty(*responder_);
    send_error(*responder_, result.error());
  }

  std::string id_;
  engine::StopProcess process_;
  Then then_;
  engine::RemoveOptions remove_;
  std::shared_ptr<http::Responder> responder_;
};

struct StopRequest {
  std::optional<std::int64_t> seconds;
  int signal = 0;
};

Result<StopRequest> stop_request(const Context& context, const Container& container) {
  StopRequest request;
  if (context.query().has("t") && !context.query().get_or("t", "").empty())
    request.seconds = TRY(int_query(context, "t", 0));
  const std::string signal = context.version.minor >= 42 ? context.query().get_or("signal", "") : "";
  request.signal = signal.empty() ? engine::stop_signal(container) : TRY(engine::parse_signal(signal));
  return request;
}

void stop_then(Context& context, StopJob::Then then) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  auto request = stop_request(context, **container);
  if (!request.ok()) return send_error(*context.responder, request.error());
  Container& found = **container;
  if (then == StopJob::Then::nothing && !found.is_running() && !found.is_restarting())
    return send_empty(*context.responder, 304);
  context.daemon.add_job(std::make_unique<StopJob>(found.id,
                                                   engine::StopProcess(found, request->seconds, request->signal), then,
                                                   engine::RemoveOptions{}, context.responder));
}

void stop(Context& context) {
  stop_then(context, StopJob::Then::nothing);
}

void restart(Context& context) {
  stop_then(context, StopJob::Then::start);
}

Result<void> kill_named(Context& context) {
  const std::string name = context.params.get("name");
  const std::string text = context.query().get_or("signal", "");
  const int signal = text.empty() ? engine::kSignalKill : TRY(engine::parse_signal(text));
  auto container = context.daemon.containers->find(name);
  auto killed =
      container.ok() ? engine::kill_container(context.daemon, **container, signal) : Result<void>(container.error());
  if (!killed.ok()) return with_context(concat("Cannot kill container: ", name), killed.error());
  return {};
}

void kill(Context& context) {
  send_result(context, kill_named(context));
}

void pause(Context& context) {
  with_container(context, [&](Container& container) { return engine::pause_container(context.daemon, container); });
}

void unpause(Context& context) {
  with_container(context, [&](Container& container) { return engine::unpause_container(context.daemon, container); });
}

void rename(Context& context) {
  with_container(context, [&](Container& container) {
    return engine::rename_container(context.daemon, container, context.query().get_or("name", ""));
  });
}

void remove(Context& context) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  Container& found = **container;
  engine::RemoveOptions options;
  options.force = context.query().flag("force");
  options.volumes = context.query().flag("v");
  if (context.query().flag("link"))
    return send_error(*context.responder, make_error(ErrorKind::not_implemented, "links are not implemented"));
  if (options.force && (found.is_running() || found.is_restarting())) {
    context.daemon.add_job(std::make_unique<StopJob>(found.id, engine::StopProcess(found, 0, engine::kSignalKill),
                                                     StopJob::Then::remove, options, context.responder));
    return;
  }
  send_result(context, engine::remove_container(context.daemon, found, options));
}

Result<void> resize_container(Context& context, Container& container) {
  const auto size = TRY(console_size(context));
  if (!container.is_running()) return fail(ErrorKind::conflict, "Container ", container.id, " is not running");
  // Without a terminal there is nothing to resize, and dockerd calls that done.
  if (container.config.tty) TRY(context.daemon.host.runtime.resize({container.id, ""}, size));
  engine::emit_container_event(context.daemon, container, "resize",
                               {{"height", concat(size.height)}, {"width", concat(size.width)}});
  return {};
}

void resize(Context& context) {
  with_container(
      context, [&](Container& container) { return resize_container(context, container); }, 200);
}

void update(Context& context) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  auto body = json_body(context, ErrorKind::malformed);
  if (!body.ok()) return send_error(*context.responder, body.error());
  auto config = as_malformed(engine::decode_update_config(*body));
  if (!config.ok()) return send_error(*context.responder, config.error());
  auto updated = engine::update_container(context.daemon, **container, *config);
  if (!updated.ok()) return send_error(*context.responder, updated.error());
  send_json(*context.responder, 200, Json{{"Warnings", nullptr}});
}

void top(Context& context) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  auto table = engine::top_container(context.daemon, **container, context.query().get_or("ps_args", "-ef"));
  if (!table.ok()) return send_error(*context.responder, table.error());
  Json processes = Json::array();
  for (auto& row : table->rows) processes.push_back(row);
  send_json(*context.responder, 200, Json{{"Processes", std::move(processes)}, {"Titles", table->titles}});
}

void prune(Context& context) {
  auto pruned = prune_json(context);
  if (!pruned.ok()) return send_error(*context.responder, pruned.error());
  send_json(*context.responder, 200, *pruned);
}

void inspect(Context& context) {
  auto container = context.daemon.containers->find(context.params.get("name"));
  if (!container.ok()) return send_error(*context.responder, container.error());
  auto document = inspect_json(context.daemon, **container, context.version, context.query().flag("size"));
  if (!document.ok()) return send_error(*context.responder, document.error());
  send_json(*context.responder, 200, *document);
}

void list(Context& context) {
  auto containers = list_json(context);
  if (!containers.ok()) return send_error(*context.responder, containers.error());
  send_json(*context.responder, 200, *containers);
}

constexpr Route kRoutes[] = {
    {"GET", "/containers/json", &list, http::BodyMode::buffered, "ContainerList"},
    {"POST", "/containers/create", &create, http::BodyMode::buffered, "ContainerCreate"},
    {"POST", "/containers/prune", &prune, http::BodyMode::buffered, "ContainerPrune"},
    {"GET", "/containers/{name}/json", &inspect, http::BodyMode::buffered, "ContainerInspect"},
    {"GET", "/containers/{name}/top", &top, http::BodyMode::buffered, "ContainerTop"},
    {"POST", "/containers/{name}/start", &start, http::BodyMode::buffered, "ContainerStart"},
    {"POST", "/containers/{name}/stop", &stop, http::BodyMode::buffered, "ContainerStop"},
    {"POST", "/containers/{name}/kill", &kill, http::BodyMode::buffered, "ContainerKill"},
    {"POST", "/containers/{name}/restart", &restart, http::BodyMode::buffered, "ContainerRestart"},
    {"POST", "/containers/{name}/pause", &pause, http::BodyMode::buffered, "ContainerPause"},
    {"POST", "/containers/{name}/unpause", &unpause, http::BodyMode::buffered, "ContainerUnpause"},
    {"POST", "/containers/{name}/rename", &rename, http::BodyMode::buffered, "ContainerRename"},
    {"POST", "/containers/{name}/resize", &resize, http::BodyMode::buffered, "ContainerResize"},
    {"POST", "/containers/{name}/update", &update, http::BodyMode::buffered, "ContainerUpdate"},
    {"DELETE", "/containers/{name}", &remove, http::BodyMode::buffered, "ContainerDelete"},
};

}  // namespace

RouteTable container_routes() {
  return kRoutes;
}

}  // namespace drydock::api
