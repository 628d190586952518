#pragma once
// netdevice(7), route's and arp's ioctls: SIOCGIFCONF, SIOCSIFADDR, SIOCADDRT ...

#include "machine/kernel/kernel.h"

namespace drydock::machine::net {

/// ENOTTY for a request that sockets do not have.
Outcome interface_ioctl(const Caller& caller, NetNamespaceId net, std::uint64_t request, std::uint64_t argument);

}  // namespace drydock::machine::net
