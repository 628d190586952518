#pragma once
// The packet filter: one nftables table of ours per network namespace, driven through libnftables.
//
// Rules are few and fixed; what changes are the elements of sets and maps, so that adding a bridge or a port is one
// small transaction whatever else is there, and no rule has to be found again by its handle. nft(8).

#include <memory>
#include <string>

#include "base/result.h"
#include "network/network_driver.h"

struct nft_ctx;

namespace drydock::native {

class Firewall {
 public:
  /// Works on the network namespace the calling thread is in at each call.
  Firewall();
  ~Firewall();
  Firewall(const Firewall&) = delete;
  Firewall& operator=(const Firewall&) = delete;

  /// Makes the table, or renews the rules of an existing one; forgets every published port and bridge.
  /// Errors: not_implemented where the kernel has no nftables or no address translation.
  Result<void> reset();
  Result<void> add_bridge(const network::BridgePlan& plan);
  Result<void> remove_bridge(const network::BridgePlan& plan);
  Result<void> publish(const network::PortPlan& plan);
  /// Fine when it is gone already.
  Result<void> unpublish(const network::PortPlan& plan);

 private:
  Result<void> run(const std::string& commands);
  void run_ignoring_errors(const std::string& commands);

  struct FreeContext {
    void operator()(nft_ctx* context) const;
  };
  std::unique_ptr<nft_ctx, FreeContext> context_;
};

}  // namespace drydock::native
