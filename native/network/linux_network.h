#pragma once
// NetworkDriver on Linux: bridges and veth pairs by rtnetlink, translation by nftables, and a user-space proxy process
// where the kernel cannot translate (an IPv6 address of the host for an IPv4 container; a kernel without nftables).

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "native/kernel/fd.h"
#include "native/network/firewall.h"
#include "native/network/netlink.h"
#include "native/network/port_proxy.h"
#include "network/network_driver.h"

namespace drydock::native {

struct LinuxNetworkOptions {
  std::string state_directory;  // where running proxies are noted, so that a restarted daemon finds them
  std::string proxy_program;    // the path of drydock-proxy
};

/// Works in the network namespace of the thread that makes it, and only on that thread.
class LinuxNetwork final : public network::NetworkDriver {
 public:
  static Result<std::unique_ptr<LinuxNetwork>> open(LinuxNetworkOptions options);
  ~LinuxNetwork() override;

  network::NetworkFeatures features() const override { return features_; }
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

 private:
  LinuxNetwork(Netlink netlink, Fd own_namespace, LinuxNetworkOptions options);

  /// A netlink socket of the other namespace; the thread is back in its own afterwards.
  enum class Ipv6 { on, off };
  Result<Netlink, SysError> netlink_in(const Fd& network_namespace, Ipv6 ipv6);
  Result<void> attach_container_side(const network::EndpointPlan& plan, const Fd& network_namespace);
  void probe();

  Netlink netlink_;
  Fd own_namespace_;
  Firewall firewall_;
  PortProxies proxies_;
  network::NetworkFeatures features_;
  std::map<std::string, bool> inter_container_;  // by bridge
  /// Sockets that hold the host's side of a translated port, so that no other program takes it. By "tcp 0.0.0.0:80".
  std::map<std::string, Fd> reserved_;
};

}  // namespace drydock::native
