#include "network/ipam.h"

#include <algorithm>

namespace drydock::network {

AddressPool::AddressPool(Subnet subnet, std::optional<Subnet> range)
    : subnet_(subnet.network()), range_(range ? range->network() : subnet_), next_(range_.address) {}

bool AddressPool::usable(const Address& address) const {
  // In an IPv4 network of more than two addresses the first and the last are not hosts (RFC 919, RFC 3021).
  const unsigned width = subnet_.address.is_v6() ? 128 : 32;
  if (subnet_.prefix + 1 >= width) return true;
  if (address == subnet_.address) return false;
  return subnet_.address.is_v6() || address != subnet_.last();
}

Result<Address> AddressPool::allocate() {
  const Address last = range_.last();
  Address candidate = next_;
  // Every used address can be met once, and the two that are no hosts.
  for (std::size_t tries = 0; tries <= used_.size() + 3; ++tries) {
    const Address following = candidate == last ? range_.address : candidate.plus(1);
    if (usable(candidate) && !used_.contains(candidate)) {
      used_.insert(candidate);
      next_ = following;
      return candidate;
    }
    candidate = following;
  }
  return fail(ErrorKind::unavailable, "no available IPv4 addresses on this network's address pools");
}

Result<void> AddressPool::reserve(const Address& address) {
  if (!subnet_.contains(address)) {
    return fail(ErrorKind::invalid_argument, "no configured subnet contains IP address ", address.str());
  }
  if (!used_.insert(address).second) return fail(ErrorKind::conflict, "Address already in use");
  return {};
}

std::vector<Subnet> default_address_pools() {
  std::vector<Subnet> pools;
  for (std::uint32_t second = 17; second <= 31; ++second) {
    pools.push_back({Address::v4(172u << 24 | second << 16), 16});
  }
  for (std::uint32_t third = 0; third < 256; third += 16) {
    pools.push_back({Address::v4(192u << 24 | 168u << 16 | third << 8), 20});
  }
  return pools;
}

Result<Subnet> choose_subnet(const std::vector<Subnet>& pools, const std::vector<Subnet>& taken) {
  for (const Subnet& pool : pools) {
    const bool free = std::none_of(taken.begin(), taken.end(), [&](const Subnet& s) { return s.overlaps(pool); });
    if (free) return pool;
  }
  return fail(
      ErrorKind::unavailable,
      "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network");
}

}  // namespace drydock::network
