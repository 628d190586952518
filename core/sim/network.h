#pragma once
// network::NetworkDriver on the simulated host: bridges, veth pairs, routes and translated ports of its network stack.

#include <map>
#include <string>
#include <vector>

#include "machine/kernel/kernel.h"
#include "network/network_driver.h"

namespace drydock::sim {

class SimNetwork final : public network::NetworkDriver {
 public:
  /// In the initial network namespace of that machine, whose loopback is brought up.
  explicit SimNetwork(machine::Kernel& kernel);

  network::NetworkFeatures features() const override { return {.bridge = true, .nat = true, .ipv6 = true}; }
  Result<void> ensure_bridge(const network::BridgePlan& plan) override;
  Result<void> remove_bridge(const network::BridgePlan& plan) override;
  Result<std::vector<network::Subnet>> used_subnets() override;
  Result<bool> has_interface(const std::string& name) override;
  Result<void> prepare_namespace(const std::string& network_namespace) override;
  Result<void> attach(const network::EndpointPlan& plan, const std::string& network_namespace) override;
  Result<void> detach(const network::EndpointPlan& plan) override;
  Result<std::uint16_t> publish(const network::PortPlan& plan) override;
  Result<void> unpublish(const network::PortPlan& plan) override;
  Result<void> retain_only(const std::vector<std::string>& endpoint_ids) override;

  /// Ports that are published now: whoever forwards connections from outside of the simulation asks for them.
  const std::vector<network::PortPlan>& published() const { return ports_; }

 private:
  machine::NetNamespace& host() const;
  Result<machine::NetNamespaceId> find_namespace(const std::string& path) const;
  Result<void> connect(const network::EndpointPlan& plan, machine::NetNamespaceId inside);
  bool is_taken(const network::PortPlan& plan) const;
  /// The firewall's rules are made of the plans anew whenever one comes or goes.
  void write_rules();

  machine::Kernel& kernel_;
  std::map<std::string, network::BridgePlan> bridges_;
  std::vector<network::PortPlan> ports_;
};

}  // namespace drydock::sim
