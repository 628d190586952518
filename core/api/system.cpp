// The routes of the daemon itself, and those that Drydock refuses by name.

#include <string>
#include <utility>

#include "api/context.h"
#include "api/events.h"
#include "api/respond.h"
#include "api/routes.h"
#include "api/system_json.h"
#include "base/json.h"
#include "engine/image_distribution.h"

namespace drydock::api {

namespace {

http::Headers ping_headers() {
  // The classic builder is announced; sessions of BuildKit are refused.
  return {{"Builder-Version", "1"},
          {"Cache-Control", "no-cache, no-store, must-revalidate"},
          {"Pragma", "no-cache"},
          {"Swarm", "inactive"}};
}

void ping(Context& context) {
  context.responder->send(200, "text/plain; charset=utf-8", "OK", ping_headers());
}

void ping_head(Context& context) {
  http::Headers headers = ping_headers();
  headers.add("Content-Type", "text/plain; charset=utf-8");
  headers.add("Content-Length", "0");
  context.responder->start(200, std::move(headers));
  context.responder->finish();
}

void show_version(Context& context) {
  send_json(*context.responder, 200, version_json(context.daemon, context.version));
}

void show_info(Context& context) {
  send_json(*context.responder, 200, info_json(context.daemon, context.version));
}

void show_disk_usage(Context& context) {
  const auto usage = disk_usage_json(context.daemon, context.version);
  if (!usage.ok()) return send_error(*context.responder, usage.error());
  send_json(*context.responder, 200, *usage);
}

Result<void> check_login(Context& context) {
  auto credentials = TRY(as_malformed(registry::parse_auth_config(context.request.body)));
  const auto done = [responder = context.responder](const Result<std::string>& token) {
    if (!token.ok()) return send_error(*responder, token.error());
    send_json(*responder, 200, {{"Status", "Login Succeeded"}, {"IdentityToken", token.value()}});
  };
  engine::start_login(context.daemon, std::move(credentials), done);
  return {};
}

void login(Context& context) {
  if (const auto started = check_login(context); !started.ok()) send_error(*context.responder, started.error());
}

void empty_list(Context& context) {
  send_json(*context.responder, 200, Json::array());
}

void no_swarm(Context& context) {
  send_error(*context.responder,
             {ErrorKind::unavailable,
              "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect this "
              "node to swarm and try again."});
}

void not_in_swarm(Context& context) {
  send_error(*context.responder, {ErrorKind::unavailable, "This node is not part of a swarm"});
}

void not_there(Context& context) {
  const http::Request& request = context.request;
  const std::string_view path = http::split_version(request.path).rest;
  context.daemon.trace.emit(trace::UnimplementedEvent{concat("endpoint ", request.method, ' ', path), "api"});
  send_error(*context.responder,
             make_error(ErrorKind::not_implemented, request.method, ' ', path, " is not supported by Drydock"));
}

constexpr http::BodyMode kBuffered = http::BodyMode::buffered;
constexpr http::BodyMode kStreamed = http::BodyMode::streamed;

constexpr Route kRoutes[] = {
    {"GET", "/_ping", &ping, kBuffered, "SystemPing"},
    {"HEAD", "/_ping", &ping_head, kBuffered, "SystemPingHead"},
    {"GET", "/version", &show_version, kBuffered, "SystemVersion"},
    {"GET", "/info", &show_info, kBuffered, "SystemInfo"},
    {"GET", "/events", &stream_events, kBuffered, "SystemEvents"},
    {"GET", "/system/df", &show_disk_usage, kBuffered, "SystemDataUsage"},
    {"POST", "/auth", &login, kBuffered, "SystemAuth"},
    // As a dockerd that has no plugins and is in no swarm.
    {"GET", "/plugins", &empty_list, kBuffered, "PluginList"},
    {"GET", "/swarm", &no_swarm, kBuffered, "SwarmInspect"},
    {"GET", "/swarm/unlockkey", &no_swarm, kBuffered, "SwarmUnlockkey"},
    {"POST", "/swarm/leave", &not_in_swarm, kBuffered, "SwarmLeave"},
    {"POST", "/swarm/update", &no_swarm, kBuffered, "SwarmUpdate"},
    {"POST", "/swarm/unlock", &no_swarm, kBuffered, "SwarmUnlock"},
    {"GET", "/nodes", &no_swarm, kBuffered, "NodeList"},
    {"GET", "/nodes/{id}", &no_swarm, kBuffered, "NodeInspect"},
    {"DELETE", "/nodes/{id}", &no_swarm, kBuffered, "NodeDelete"},
    {"POST", "/nodes/{id}/update", &no_swarm, kBuffered, "NodeUpdate"},
    {"GET", "/services", &no_swarm, kBuffered, "ServiceList"},
    {"GET", "/services/{id}", &no_swarm, kBuffered, "ServiceInspect"},
    {"GET", "/services/{id}/logs", &no_swarm, kBuffered, "ServiceLogs"},
    {"POST", "/services/create", &no_swarm, kBuffered, "ServiceCreate"},
    {"POST", "/services/{id}/update", &no_swarm, kBuffered, "ServiceUpdate"},
    {"DELETE", "/services/{id}", &no_swarm, kBuffered, "ServiceDelete"},
    {"GET", "/tasks", &no_swarm, kBuffered, "TaskList"},
    {"GET", "/tasks/{id}", &no_swarm, kBuffered, "TaskInspect"},
    {"GET", "/tasks/{id}/logs", &no_swarm, kBuffered, "TaskLogs"},
    {"GET", "/secrets", &no_swarm, kBuffered, "SecretList"},
    {"GET", "/secrets/{id}", &no_swarm, kBuffered, "SecretInspect"},
    {"POST", "/secrets/create", &no_swarm, kBuffered, "SecretCreate"},
    {"DELETE", "/secrets/{id}", &no_swarm, kBuffered, "SecretDelete"},
    {"POST", "/secrets/{id}/update", &no_swarm, kBuffered, "SecretUpdate"},
    {"GET", "/configs", &no_swarm, kBuffered, "ConfigList"},
    {"GET", "/configs/{id}", &no_swarm, kBuffered, "ConfigInspect"},
    {"POST", "/configs/create", &no_swarm, kBuffered, "ConfigCreate"},
    {"DELETE", "/configs/{id}", &no_swarm, kBuffered, "ConfigDelete"},
    {"POST", "/configs/{id}/update", &no_swarm, kBuffered, "ConfigUpdate"},
    // Not there yet: refused by name.
    {"POST", "/swarm/init", &not_there, kBuffered, "SwarmInit"},
    {"POST", "/swarm/join", &not_there, kBuffered, "SwarmJoin"},
    {"POST", "/build", &not_there, kStreamed, "ImageBuild"},
    {"POST", "/build/prune", &not_there, kBuffered, "BuildPrune"},
    {"POST", "/build/cancel", &not_there, kBuffered, "BuildCancel"},
    {"GET", "/containers/{name}/changes", &not_there, kBuffered, "ContainerChanges"},
    {"GET", "/containers/{name}/export", &not_there, kBuffered, "ContainerExport"},
    {"HEAD", "/containers/{name}/archive", &not_there, kBuffered, "ContainerArchiveInfo"},
    {"GET", "/containers/{name}/archive", &not_there, kBuffered, "ContainerArchive"},
    {"PUT", "/containers/{name}/archive", &not_there, kStreamed, "PutContainerArchive"},
    {"POST", "/session", &not_there, kBuffered, "Session"},
    {"POST", "/grpc", &not_there, kBuffered, "Grpc"},
    {"POST", "/plugins/pull", &not_there, kBuffered, "PluginPull"},
    {"POST", "/plugins/create", &not_there, kStreamed, "PluginCreate"},
    {"GET", "/plugins/privileges", &not_there, kBuffered, "GetPluginPrivileges"},
    {"GET", "/plugins/{name:.*}/json", &not_there, kBuffered, "PluginInspect"},
    {"POST", "/plugins/{name:.*}/{verb}", &not_there, kBuffered, "PluginVerb"},
    {"DELETE", "/plugins/{name:.*}", &not_there, kBuffered, "PluginDelete"},
};

}  // namespace

RouteTable system_routes() {
  return kRoutes;
}

}  // namespace drydock::api
