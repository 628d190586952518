#pragma once
// IP address management: which subnet a network gets, and which address an endpoint. Plain data; the owner persists it
// by keeping what was handed out and reserving it again.

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "network/address.h"

namespace drydock::network {

/// Addresses of one subnet. Handed out in ascending order, going round, so that an address just given back is not the
/// next to be taken: a client's stale connections do not meet another container.
class AddressPool {
 public:
  /// `range` is the part that allocate() chooses from (--ip-range), the whole subnet if nothing.
  explicit AddressPool(Subnet subnet, std::optional<Subnet> range = std::nullopt);

  const Subnet& subnet() const { return subnet_; }
  std::size_t used() const { return used_.size(); }

  /// Errors: unavailable "no available IPv4 addresses on this network's address pools".
  Result<Address> allocate();
  /// Errors: conflict "Address already in use", invalid_argument when outside of the subnet.
  Result<void> reserve(const Address& address);
  void release(const Address& address) { used_.erase(address); }

 private:
  bool usable(const Address& address) const;

  Subnet subnet_;  // host bits cleared
  Subnet range_;
  std::set<Address> used_;
  Address next_;
};

/// The subnets that networks are given when they name none: Docker's default address pools,
/// 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 and on.
std::vector<Subnet> default_address_pools();

/// The first of `pools` that overlaps none of `taken`. Errors: unavailable, in Docker's words.
Result<Subnet> choose_subnet(const std::vector<Subnet>& pools, const std::vector<Subnet>& taken);

}  // namespace drydock::network
