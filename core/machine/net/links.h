#pragma once
// Interfaces as they are made, joined, moved and configured: what ip-link(8), ip-address(8) and ip-route(8) do. These
// check no permissions; the callers (rtnetlink, ioctl, core/sim) do.

#include <optional>
#include <string>
#include <string_view>

#include "machine/kernel/kernel.h"
#include "machine/net/interface.h"

namespace drydock::machine::net {

Interface* find_interface(Kernel& kernel, InterfaceRef ref);
const Interface* find_interface(const Kernel& kernel, InterfaceRef ref);
/// 0: there is none of that name.
std::uint32_t interface_by_name(const NetNamespace& space, std::string_view name);
bool is_valid_interface_name(std::string_view name);

/// EEXIST: the name is taken. EINVAL: no name for an interface. ENOSPC: kInterfacesMax.
/// An empty name becomes "veth0", "dummy0" ...: the first that is free.
Result<InterfaceRef, Errno> create_bridge(Kernel& kernel, NetNamespaceId net, std::string_view name);
Result<InterfaceRef, Errno> create_dummy(Kernel& kernel, NetNamespaceId net, std::string_view name);
/// The two ends; the second one is made first, as Linux does, and so has the lower index.
Result<std::pair<InterfaceRef, InterfaceRef>, Errno> create_veth(Kernel& kernel, NetNamespaceId net,
                                                                 std::string_view name, NetNamespaceId peer_net,
                                                                 std::string_view peer_name);
/// A network card whose other end is a segment between machines (wire.h).
Result<InterfaceRef, Errno> create_wire(Kernel& kernel, NetNamespaceId net, std::string_view name,
                                        std::string_view wire);
/// Its peer goes too. Nothing happens to one that is gone already.
void remove_interface(Kernel& kernel, NetNamespaceId net, std::uint32_t index);

/// EEXIST: the name is taken there. Addresses and routes are lost. EINVAL: lo cannot move.
Result<InterfaceRef, Errno> move_interface_to_namespace(Kernel& kernel, InterfaceRef ref, NetNamespaceId to,
                                                        std::string_view new_name = "");
Result<void, Errno> rename_interface(Kernel& kernel, InterfaceRef ref, std::string_view name);
void set_up(Kernel& kernel, InterfaceRef ref, bool up);
Result<void, Errno> set_mtu(Kernel& kernel, InterfaceRef ref, std::uint32_t mtu);  // EINVAL
void set_mac(Kernel& kernel, InterfaceRef ref, const MacAddress& mac);
/// bridge 0: no longer a port. ELOOP: a bridge in a bridge. EINVAL: lo. EOPNOTSUPP: the other one is no bridge.
Result<void, Errno> set_master(Kernel& kernel, InterfaceRef ref, std::uint32_t bridge);

/// EEXIST. The route to its network comes with it while the interface is up.
Result<void, Errno> add_address(Kernel& kernel, InterfaceRef ref, InterfaceAddress address);
/// A plain address with the broadcast address that belongs to it.
Result<void, Errno> add_address(Kernel& kernel, InterfaceRef ref, const Prefix& prefix);
Result<void, Errno> remove_address(Kernel& kernel, InterfaceRef ref, const Prefix& prefix);  // EADDRNOTAVAIL

inline constexpr std::uint8_t kAnyScope = 255;
/// EEXIST, ENETUNREACH: the gateway is not on a link. ENODEV: no such interface. ENETDOWN: it is down.
Result<void, Errno> add_route(Kernel& kernel, NetNamespaceId net, Route route, bool replace = false);
/// What is unspecified in `route` (interface, gateway, metric 0, scope kAnyScope) fits all. ESRCH.
Result<void, Errno> remove_route(Kernel& kernel, NetNamespaceId net, const Route& route);
Result<void, Errno> add_default_route(Kernel& kernel, NetNamespaceId net, const IpAddress& gateway);

/// IFF_* as SIOCGIFFLAGS tells them; netlink adds IFF_LOWER_UP.
std::uint32_t interface_flags(const Kernel& kernel, InterfaceRef ref);
/// Something is at the other end.
bool has_carrier(const Kernel& kernel, InterfaceRef ref);

}  // namespace drydock::machine::net
