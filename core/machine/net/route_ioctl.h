#pragma once
// SIOCADDRT, SIOCDELRT (struct rtentry) and SIOCGARP, SIOCSARP, SIOCDARP (struct arpreq). route(8), arp(7).

#include "machine/kernel/kernel.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

Outcome route_ioctl(const Call& call, NetNamespaceId net, bool add, std::uint64_t argument);
Outcome neighbour_ioctl(const Call& call, NetNamespaceId net, std::uint64_t request, std::uint64_t argument);

}  // namespace drydock::machine::net
