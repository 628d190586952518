// GET /networks: the default networks. Making, changing and removing networks is not there yet.

#include "engine/networks.h"

#include "api/body.h"
#include "api/filters.h"
#include "api/respond.h"
#include "api/routes.h"
#include "base/json.h"
#include "base/text.h"
#include "engine/containers.h"

namespace drydock::api {

namespace {

using engine::Network;

Json map_json(const engine::StringMap& map) {
  Json object = Json::object();
  for (const auto& item : map) object[item.first] = item.second;
  return object;
}

Json ipam_json(const Network& network) {
  Json config = Json::array();
  if (!network.subnet.empty()) {
    Json pool = {{"Subnet", network.subnet}};
    if (!network.gateway.empty()) pool["Gateway"] = network.gateway;
    config.push_back(std::move(pool));
  }
  return Json{{"Driver", "default"}, {"Options", nullptr}, {"Config", std::move(config)}};
}

Json members_json(engine::Daemon& daemon, const Network& network) {
  Json members = Json::object();
  for (const engine::Container* container : daemon.containers->list()) {
    if (!container->is_running()) continue;
    for (const auto& item : container->endpoints) {
      const engine::EndpointSettings& endpoint = item.second;
      if (endpoint.network_id != network.id) continue;
      const bool addressed = !endpoint.ip_address.empty();
      members[container->id] =
          Json{{"Name", container->name},
               {"EndpointID", endpoint.endpoint_id},
               {"MacAddress", endpoint.mac_address},
               {"IPv4Address", addressed ? concat(endpoint.ip_address, '/', endpoint.ip_prefix_len) : ""},
               {"IPv6Address", endpoint.global_ipv6_address}};
    }
  }
  return members;
}

Json network_json(engine::Daemon& daemon, const Network& network, bool with_members) {
  return Json{{"Name", network.name},
              {"Id", network.id},
              {"Created", to_rfc3339(network.created)},
              {"Scope", "local"},
              {"Driver", network.driver},
              {"EnableIPv6", false},
              {"IPAM", ipam_json(network)},
              {"Internal", network.internal},
              {"Attachable", false},
              {"Ingress", false},
              {"ConfigFrom", Json{{"Network", ""}}},
              {"ConfigOnly", false},
              {"Containers", with_members ? members_json(daemon, network) : Json::object()},
              {"Options", map_json(network.options)},
              {"Labels", map_json(network.labels)}};
}

Result<Json> list_networks(Context& context) {
  const Filters filters = TRY(Filters::parse(context.query().get_or("filters", "")));
  TRY(filters.allow({"dangling", "driver", "id", "label", "name", "scope", "type"}));
  if (filters.has("dangling")) TRY(filters.flag("dangling", false));
  Json networks = Json::array();
  for (const Network* network : context.daemon.networks->list()) {
    const auto names = filters.get("name");
    bool named = names.empty();
    for (const std::string& part : names) named = named || network->name.find(part) != std::string::npos;
    // The three that are always there are "builtin", and never dangling.
    if (!named || !filters.matches_exactly("driver", network->driver) || !filters.matches_prefix("id", network->id) ||
        !filters.matches_labels("label", network->labels) || !filters.matches_exactly("scope", "local") ||
        !filters.matches_exactly("type", "builtin") || TRY(filters.flag("dangling", false)))
      continue;
    networks.push_back(network_json(context.daemon, *network, false));
  }
  return networks;
}

void list(Context& context) {
  auto networks = list_networks(context);
  if (!networks.ok()) return send_error(*context.responder, networks.error());
  send_json(*context.responder, 200, *networks);
}

void inspect(Context& context) {
  auto network = context.daemon.networks->find(context.params.get("id"));
  if (!network.ok()) return send_error(*context.responder, network.error());
  send_json(*context.responder, 200, network_json(context.daemon, **network, true));
}

void not_there_yet(Context& context, std::string_view operation) {
  context.daemon.trace.emit(trace::UnimplementedEvent{concat("operation ", operation), "api"});
  send_error(*context.responder, make_error(ErrorKind::not_implemented, operation, " is not implemented"));
}

void create(Context& context) {
  not_there_yet(context, "NetworkCreate");
}

void connect(Context& context) {
  auto network = context.daemon.networks->find(context.params.get("id"));
  if (!network.ok()) return send_error(*context.responder, network.error());
  not_there_yet(context, "NetworkConnect");
}

void disconnect(Context& context) {
  auto network = context.daemon.networks->find(context.params.get("id"));
  if (!network.ok()) return send_error(*context.responder, network.error());
  not_there_yet(context, "NetworkDisconnect");
}

void remove(Context& context) {
  auto network = context.daemon.networks->find(context.params.get("id"));
  if (!network.ok()) return send_error(*context.responder, network.error());
  send_error(*context.responder,
             make_error(ErrorKind::forbidden, (*network)->name, " is a pre-defined network and cannot be removed"));
}

void prune(Context& context) {
  // Those that are always there are never pruned, and there are no others.
  send_json(*context.responder, 200, Json{{"NetworksDeleted", nullptr}});
}

constexpr Route kRoutes[] = {
    {"GET", "/networks", &list, http::BodyMode::buffered, "NetworkList"},
    {"GET", "/networks/", &list, http::BodyMode::buffered, "NetworkList"},
    {"POST", "/networks/create", &create, http::BodyMode::buffered, "NetworkCreate"},
    {"POST", "/networks/prune", &prune, http::BodyMode::buffered, "NetworkPrune"},
    {"GET", "/networks/{id}", &inspect, http::BodyMode::buffered, "NetworkInspect"},
    {"POST", "/networks/{id}/connect", &connect, http::BodyMode::buffered, "NetworkConnect"},
    {"POST", "/networks/{id}/disconnect", &disconnect, http::BodyMode::buffered, "NetworkDisconnect"},
    {"DELETE", "/networks/{id}", &remove, http::BodyMode::buffered, "NetworkDelete"},
};

}  // namespace

RouteTable network_routes() {
  return kRoutes;
}

}  // namespace drydock::api
