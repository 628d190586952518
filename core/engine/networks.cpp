#include "engine/networks.h"

#include <algorithm>

#include "base/json.h"
#include "engine/containers.h"
#include "engine/daemon.h"
#include "engine/network_ports.h"
#include "network/ipam.h"

namespace drydock::engine {

using network::Address;
using network::EndpointPlan;
using network::PortPlan;
using network::Subnet;

namespace {

constexpr std::uint64_t kNetworksFileMax = 4u << 20;
constexpr std::string_view kNetworksFile = "networks.json";
constexpr std::string_view kBridgeName = "com.docker.network.bridge.name";

/// A container's place in a bridge network while it runs.
struct Endpoint {
  std::string network_id;
  EndpointPlan plan;
  std::vector<PortPlan> ports;
};

Result<Network> network_from_json(const Json& json) {
  Network network;
  network.id = TRY(get_string(json, "Id"));
  network.name = TRY(get_string(json, "Name"));
  network.driver = TRY(get_string(json, "Driver"));
  network.created = TRY(parse_rfc3339(TRY(get_string(json, "Created"))));
  network.internal = TRY(get_bool(json, "Internal"));
  network.subnet = TRY(get_string(json, "Subnet"));
  network.gateway = TRY(get_string(json, "Gateway"));
  for (auto& [name, value] : TRY(get_string_map(json, "Options"))) network.options[name] = value;
  for (auto& [name, value] : TRY(get_string_map(json, "Labels"))) network.labels[name] = value;
  return network;
}

Json network_to_json(const Network& network) {
  Json json;
  json["Id"] = network.id;
  json["Name"] = network.name;
  json["Driver"] = network.driver;
  json["Created"] = to_rfc3339(network.created);
  json["Internal"] = network.internal;
  json["Subnet"] = network.subnet;
  json["Gateway"] = network.gateway;
  json["Options"] = network.options;
  json["Labels"] = network.labels;
  return json;
}

/// What a container that is not connected shows: what was asked for stays, what it got goes.
void clear_runtime_fields(EndpointSettings& settings) {
  settings.endpoint_id.clear();
  settings.gateway.clear();
  settings.ip_address.clear();
  settings.ip_prefix_len = 0;
  settings.mac_address.clear();
}

}  // namespace

struct Networks::State {
  std::vector<Network> networks;
  std::map<std::string, network::BridgePlan> bridges;      // by network id
  std::map<std::string, network::AddressPool> pools;       // by network id
  std::map<std::string, std::vector<Endpoint>> endpoints;  // by container id
  network::PortAllocator ports;

  const Network* by_name(std::string_view name) const {
    const auto found = std::find_if(networks.begin(), networks.end(), [&](const Network& n) { return n.name == name; });
    return found == networks.end() ? nullptr : &*found;
  }

  Result<void> load(Daemon& daemon);
  Result<void> save(Daemon& daemon) const;
  Network& ensure_default(Daemon& daemon, std::string_view name, std::string_view driver);
  Result<void> open_bridge(Daemon& daemon, Network& network);
  Result<std::string> choose_bridge_name(Daemon& daemon) const;
  Result<Subnet> choose_gateway(Daemon& daemon, const Network& network) const;

  Result<Endpoint> plan_endpoint(Daemon& daemon, const Container& container, const Network& network,
                                 const EndpointSettings& settings);
  void release(Daemon& daemon, const Endpoint& endpoint);
};

Networks::Networks() : state_(std::make_unique<State>()) {}
Networks::~Networks() = default;

Result<void> Networks::State::load(Daemon& daemon) {
  auto text = storage::read_file(daemon.host.data, kNetworksFile, kNetworksFileMax);
  if (!text.ok() && text.error().code == Errno::enoent) return {};
  const Json json = TRY(parse_json(TRY(std::move(text))));
  if (!json.is_array()) return fail(ErrorKind::corrupt, kNetworksFile, ": not a JSON array");
  for (const Json& entry : json) networks.push_back(TRY(network_from_json(entry)));
  return {};
}

Result<void> Networks::State::save(Daemon& daemon) const {
  Json json = Json::array();
  for (const Network& network : networks) json.push_back(network_to_json(network));
  TRY(daemon.host.data.write_atomic(kNetworksFile, to_json_text(json), 0600));
  return {};
}

Network& Networks::State::ensure_default(Daemon& daemon, std::string_view name, std::string_view driver) {
  for (Network& network : networks) {
    if (network.name == name) return network;
  }
  Network network;
  network.id = daemon.host.random.hex_id(32);
  network.name = name;
  network.driver = driver;
  network.created = daemon.host.clock.now();
  return networks.emplace_back(std::move(network));
}

Result<std::string> Networks::State::choose_bridge_name(Daemon& daemon) const {
  if (!daemon.settings.bridge.empty()) return daemon.settings.bridge;
  // Another engine's docker0 is left alone: both run beside each other.
  const bool taken = TRY(daemon.host.network.has_interface("docker0"));
  return std::string(taken ? "drydock0" : "docker0");
}

Result<Subnet> Networks::State::choose_gateway(Daemon& daemon, const Network& network) const {
  if (!daemon.settings.bip.empty()) {
    const auto given = Subnet::parse(daemon.settings.bip);
    if (!given) return fail(ErrorKind::invalid_argument, "invalid CIDR address: ", daemon.settings.bip);
    return *given;
  }
  if (const auto kept = Subnet::parse(network.subnet)) return Subnet{kept->address.plus(1), kept->prefix};
  const auto pools = network::default_address_pools();
  const Subnet subnet = TRY(network::choose_subnet(pools, TRY(daemon.host.network.used_subnets())));
  return Subnet{subnet.address.plus(1), subnet.prefix};
}

Result<void> Networks::State::open_bridge(Daemon& daemon, Network& network) {
  network::BridgePlan plan;
  plan.network_id = network.id;
  const auto named = network.options.find(std::string(kBridgeName));
  plan.bridge = named != network.options.end() ? named->second : TRY(choose_bridge_name(daemon));
  plan.gateway = TRY(choose_gateway(daemon, network));
  plan.mtu = daemon.settings.mtu.value_or(1500);
  plan.inter_container = daemon.settings.inter_container;
  plan.masquerade = daemon.settings.ip_masquerade;
  TRY(daemon.host.network.ensure_bridge(plan));

  network.subnet = plan.gateway.network().str();
  network.gateway = plan.gateway.address.str();
  network.options = {{"com.docker.network.bridge.default_bridge", "true"},
                     {"com.docker.network.bridge.enable_icc", plan.inter_container ? "true" : "false"},
                     {"com.docker.network.bridge.enable_ip_masquerade", plan.masquerade ? "true" : "false"},
                     {"com.docker.network.bridge.host_binding_ipv4", "0.0.0.0"},
                     {std::string(kBridgeName), plan.bridge},
                     {"com.docker.network.driver.mtu", std::to_string(plan.mtu)}};
  network::AddressPool pool(plan.gateway);
  TRY(pool.reserve(plan.gateway.address));
  pools.insert_or_assign(network.id, std::move(pool));
  bridges.insert_or_assign(network.id, std::move(plan));
  return {};
}

Result<void> Networks::open(Daemon& daemon) {
  TRY(state_->load(daemon));
  state_->ensure_default(daemon, "host", "host");
  state_->ensure_default(daemon, "none", "null");
  if (daemon.settings.bridge != "none" && daemon.host.network.features().bridge) {
    TRY(state_->open_bridge(daemon, state_->ensure_default(daemon, "bridge", "bridge")));
  }
  std::vector<std::string> kept;
  for (const Container* container : daemon.containers->list()) {
    for (const auto& [name, settings] : container->endpoints) {
      if (container->is_running() && !settings.endpoint_id.empty()) kept.push_back(settings.endpoint_id);
    }
  }
  TRY(daemon.host.network.retain_only(kept));
  return state_->save(daemon);
}

Result<const Network*> Networks::find(std::string_view name_or_id) const {
  const Network* by_prefix = nullptr;
  for (const Network& network : state_->networks) {
    if (network.name == name_or_id || network.id == name_or_id) return &network;
    if (name_or_id.empty() || !network.id.starts_with(name_or_id)) continue;
    if (by_prefix != nullptr) {
      return fail(ErrorKind::invalid_argument, "network ", name_or_id,
                  " is ambiguous (2 matches found based on ID prefix)");
    }
    by_prefix = &network;
  }
  if (by_prefix == nullptr) return fail(ErrorKind::not_found, "network ", name_or_id, " not found");
  return by_prefix;
}

std::vector<const Network*> Networks::list() const {
  std::vector<const Network*> all;
  for (const Network& network : state_->networks) all.push_back(&network);
  return all;
}

Result<Endpoint> Networks::State::plan_endpoint(Daemon& daemon, const Container& container, const Network& network,
                                                const EndpointSettings& settings) {
  const auto bridge = bridges.find(network.id);
  if (bridge == bridges.end()) {
    return fail(ErrorKind::unavailable, "network ", network.name, " has no bridge on this host");
  }
  if (settings.ipam_config && !settings.ipam_config->ipv4_address.empty()) {
    return fail(ErrorKind::invalid_argument, "user specified IP address is supported on user defined networks only");
  }
  Endpoint endpoint;
  endpoint.network_id = network.id;
  EndpointPlan& plan = endpoint.plan;
  plan.endpoint_id = daemon.host.random.hex_id(32);
  plan.bridge = bridge->second.bridge;
  plan.host_interface = network::endpoint_interface(plan.endpoint_id);
  plan.container_interface = "eth0";
  plan.mtu = bridge->second.mtu;
  plan.gateway = bridge->second.gateway.address;
  plan.address = {TRY(pools.at(network.id).allocate()), bridge->second.gateway.prefix};
  plan.mac =
      network::Mac::parse(container.config.mac_address).value_or(network::Mac::from_address(plan.address.address));
  return endpoint;
}

void Networks::State::release(Daemon& daemon, const Endpoint& endpoint) {
  // What cannot be taken down is gone with its namespace; a restarted daemon removes the rest (retain_only).
  for (const PortPlan& port : endpoint.ports) {
    static_cast<void>(daemon.host.network.unpublish(port));
    ports.release(port.host_address, port.protocol, port.host_port);
  }
  static_cast<void>(daemon.host.network.detach(endpoint.plan));
  pools.at(endpoint.network_id).release(endpoint.plan.address.address);
}

Result<void> Networks::connect_all(Daemon& daemon, Container& container) {
  disconnect_all(daemon, container);
  const std::string& mode = container.host_config.network_mode;
  if (mode.starts_with("container:")) return {};
  if (mode != "host") TRY(daemon.host.network.prepare_namespace(container.live.network_namespace));

  const auto connect = [&](const std::string& name, EndpointSettings& settings) -> Result<void> {
    const Network* network = TRY(find(name));
    settings.network_id = network->id;
    if (network->driver != "bridge") {
      settings.endpoint_id = daemon.host.random.hex_id(32);
      return {};
    }
    auto& endpoints = state_->endpoints[container.id];
    endpoints.push_back(TRY(state_->plan_endpoint(daemon, container, *network, settings)));
    Endpoint& endpoint = endpoints.back();
    TRY(daemon.host.network.attach(endpoint.plan, container.live.network_namespace));
    settings.endpoint_id = endpoint.plan.endpoint_id;
    settings.gateway = endpoint.plan.gateway->str();
    settings.ip_address = endpoint.plan.address.address.str();
    settings.ip_prefix_len = endpoint.plan.address.prefix;
    settings.mac_address = endpoint.plan.mac.str();
    return publish_ports(daemon, container, state_->ports, endpoint.plan, endpoint.ports);
  };
  for (auto& [name, settings] : container.endpoints) {
    auto connected = connect(name, settings);
    if (connected.ok()) continue;
    disconnect_all(daemon, container);
    return connected;
  }
  return {};
}

std::vector<std::string> Networks::hosts_lines(const Container& container) const {
  std::vector<std::string> lines;
  const std::string& host = container.config.hostname;
  const std::string& domain = container.config.domainname;
  // The full name first, then the host's own: of "a.b" too, where the domain is part of the host name.
  const std::string full = domain.empty() ? host : concat(host, '.', domain);
  const std::string first_label = full.substr(0, full.find('.'));
  for (const auto& [name, settings] : container.endpoints) {
    if (settings.ip_address.empty()) continue;
    lines.push_back(concat(settings.ip_address, '\t', full, full == first_label ? "" : concat(' ', first_label)));
  }
  return lines;
}

void Networks::disconnect_all(Daemon& daemon, Container& container) {
  const auto held = state_->endpoints.find(container.id);
  if (held != state_->endpoints.end()) {
    for (const Endpoint& endpoint : held->second) state_->release(daemon, endpoint);
    state_->endpoints.erase(held);
  }
  for (auto& [name, settings] : container.endpoints) clear_runtime_fields(settings);
  container.ports.clear();
}

Result<void> Networks::adopt(Daemon& daemon, Container& container) {
  for (const auto& [name, settings] : container.endpoints) {
    const Network* network = state_->by_name(name);
    const auto address = Address::parse(settings.ip_address);
    if (network == nullptr || !address || settings.endpoint_id.empty()) continue;
    const auto bridge = state_->bridges.find(network->id);
    if (bridge == state_->bridges.end()) continue;
    Endpoint endpoint;
    endpoint.network_id = network->id;
    endpoint.plan.endpoint_id = settings.endpoint_id;
    endpoint.plan.bridge = bridge->second.bridge;
    endpoint.plan.host_interface = network::endpoint_interface(settings.endpoint_id);
    endpoint.plan.address = {*address, static_cast<unsigned>(settings.ip_prefix_len)};
    endpoint.plan.gateway = bridge->second.gateway.address;
    TRY(state_->pools.at(network->id).reserve(*address));
    auto published = republish_ports(daemon, container, state_->ports, endpoint.plan, endpoint.ports);
    state_->endpoints[container.id].push_back(std::move(endpoint));
    TRY(std::move(published));
  }
  return {};
}

}  // namespace drydock::engine
