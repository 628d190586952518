#include "engine/network_ports.h"

#include "engine/container.h"
#include "engine/daemon.h"

namespace drydock::engine {

using network::Address;
using network::ContainerPort;
using network::HostPortRange;
using network::PortAllocator;
using network::PortPlan;

namespace {

/// Another program may hold ports that the allocator believes free: that many are tried.
constexpr int kBindTriesMax = 64;

const Address kEveryV4 = Address();
const Address kEveryV6 = Address::v6({});

/// Everything that one container's publishing needs to know.
struct Publishing {
  Daemon& daemon;
  Container& container;
  PortAllocator& allocator;
  const network::EndpointPlan& endpoint;
  std::vector<PortPlan>& published;

  Failure<Error> failed(const Error& cause) const {
    return fail(ErrorKind::internal, "driver failed programming external connectivity on endpoint ", container.name,
                " (", endpoint.endpoint_id, "): ", cause.message);
  }

  PortPlan plan(const ContainerPort& port, const Address& host_address, std::uint16_t host_port) const {
    PortPlan plan;
    plan.endpoint_id = endpoint.endpoint_id;
    plan.protocol = port.protocol;
    plan.host_address = host_address;
    plan.host_port = host_port;
    plan.container_address = endpoint.address.address;
    plan.container_port = port.port;
    return plan;
  }

  void note(const PortPlan& plan, const ContainerPort& port) {
    published.push_back(plan);
    auto& bindings = container.ports[port.str()];
    if (!bindings) bindings.emplace();
    bindings->push_back({plan.host_address.str(), std::to_string(plan.host_port)});
  }

  /// One host address. Returns the port that was bound.
  Result<std::uint16_t> publish_at(const ContainerPort& port, const Address& address, HostPortRange range) {
    const bool fixed = range.first != 0 && range.first == range.last;
    for (int tries = 1;; ++tries) {
      auto allocated = allocator.allocate(address, port.protocol, range);
      if (!allocated.ok()) return failed(allocated.error());
      const PortPlan attempt = plan(port, address, *allocated);
      const auto bound = daemon.host.network.publish(attempt);
      if (bound.ok()) {
        note(attempt, port);
        return attempt.host_port;
      }
      if (fixed || tries == kBindTriesMax) {
        allocator.release(address, port.protocol, *allocated);
        return failed(with_context("Error starting userland proxy", bound.error()));
      }
      // Kept allocated while others are tried, so that the next one is not this one again.
      tried.emplace_back(attempt);
    }
  }

  /// "::" beside "0.0.0.0", as Docker does where the host has IPv6; that it cannot be had is no error.
  void publish_at_every_v6(const ContainerPort& port, std::uint16_t host_port) {
    if (!daemon.host.network.features().ipv6 || !daemon.settings.userland_proxy) return;
    if (port.protocol == network::Protocol::sctp) return;
    if (!allocator.allocate(kEveryV6, port.protocol, {host_port, host_port}).ok()) return;
    const PortPlan attempt = plan(port, kEveryV6, host_port);
    if (daemon.host.network.publish(attempt).ok()) return note(attempt, port);
    allocator.release(kEveryV6, port.protocol, host_port);
  }

  Result<void> publish(const ContainerPort& port, const PortBinding& binding) {
    const HostPortRange range = TRY(HostPortRange::parse(binding.host_port));
    if (binding.host_ip.empty()) {
      const std::uint16_t bound = TRY(publish_at(port, kEveryV4, range));
      publish_at_every_v6(port, bound);
      return {};
    }
    const auto address = Address::parse(binding.host_ip);
    if (!address) return fail(ErrorKind::invalid_argument, "invalid IP address: ", binding.host_ip);
    TRY(publish_at(port, *address, range));
    return {};
  }

  void give_back_tried() {
    for (const PortPlan& plan : tried) allocator.release(plan.host_address, plan.protocol, plan.host_port);
    tried.clear();
  }

  std::vector<PortPlan> tried{};
};

}  // namespace

Result<void> publish_ports(Daemon& daemon, Container& container, PortAllocator& allocator,
                           const network::EndpointPlan& endpoint, std::vector<PortPlan>& published) {
  Publishing publishing{daemon, container, allocator, endpoint, published};
  const PortMap asked = container.host_config.port_bindings.value_or(PortMap());
  const auto publish_one = [&](const std::string& text) -> Result<void> {
    const ContainerPort port = TRY(ContainerPort::parse(text));
    container.ports.try_emplace(port.str());
    const auto bindings = asked.find(text);
    if (bindings != asked.end() && bindings->second && !bindings->second->empty()) {
      for (const PortBinding& binding : *bindings->second) TRY(publishing.publish(port, binding));
    } else if (container.host_config.publish_all_ports) {
      TRY(publishing.publish(port, {}));
    }
    return {};
  };
  const auto publish_all = [&]() -> Result<void> {
    for (const auto& [text, bindings] : asked) TRY(publish_one(text));
    if (!container.config.exposed_ports) return {};
    for (const auto& [text, unused] : *container.config.exposed_ports) {
      if (!asked.contains(text)) TRY(publish_one(text));
    }
    return {};
  };
  auto result = publish_all();
  publishing.give_back_tried();
  return result;
}

Result<void> republish_ports(Daemon& daemon, const Container& container, PortAllocator& allocator,
                             const network::EndpointPlan& endpoint, std::vector<PortPlan>& published) {
  for (const auto& [text, bindings] : container.ports) {
    if (!bindings) continue;
    const ContainerPort port = TRY(ContainerPort::parse(text));
    for (const PortBinding& binding : *bindings) {
      const auto address = Address::parse(binding.host_ip);
      const HostPortRange range = TRY(HostPortRange::parse(binding.host_port));
      if (!address || range.first == 0) continue;
      TRY(allocator.allocate(*address, port.protocol, range));
      PortPlan plan;
      plan.endpoint_id = endpoint.endpoint_id;
      plan.protocol = port.protocol;
      plan.host_address = *address;
      plan.host_port = range.first;
      plan.container_address = endpoint.address.address;
      plan.container_port = port.port;
      published.push_back(plan);
      TRY(daemon.host.network.publish(plan));
    }
  }
  return {};
}

}  // namespace drydock::engine
