// netdevice(7), the ioctls of route(8) and arp(8).

#include "machine/net/interface_ioctl.h"

namespace drydock::machine::net {

Outcome interface_ioctl(const Caller&, NetNamespaceId, std::uint64_t, std::uint64_t) {
  return Errno::enotty;
}

}  // namespace drydock::machine::net
