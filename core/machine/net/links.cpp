// Interfaces: made, joined, moved, removed. ip-link(8), veth(4), bridge(8).

#include "machine/net/links.h"

#include <algorithm>

#include "base/text.h"
#include "machine/abi/socket.h"
#include "machine/net/delivery.h"

namespace drydock::machine::net {

namespace {

/// Locally administered, and never the same twice in a machine.
MacAddress fresh_mac(Kernel& kernel) {
  std::string bytes(3, '\0');
  kernel.random.fill(bytes);
  const std::uint32_t number = kernel.network.next_mac++;
  MacAddress mac;
  mac.bytes = {0x02,
               static_cast<std::uint8_t>(bytes[0]),
               static_cast<std::uint8_t>(bytes[1]),
               static_cast<std::uint8_t>(number >> 16),
               static_cast<std::uint8_t>(number >> 8),
               static_cast<std::uint8_t>(number)};
  return mac;
}

Result<std::string, Errno> free_name(const NetNamespace& space, std::string_view wanted, std::string_view stem) {
  if (!wanted.empty() && wanted.find('%') == std::string_view::npos) {
    if (!is_valid_interface_name(wanted)) return Errno::einval;
    if (interface_by_name(space, wanted) != 0) return Errno::eexist;
    return std::string(wanted);
  }
  if (wanted.size() > 2 && wanted.substr(wanted.size() - 2) == "%d") stem = wanted.substr(0, wanted.size() - 2);
  for (std::size_t number = 0; number <= kInterfacesMax; ++number) {
    const std::string name = concat(stem, number);
    if (interface_by_name(space, name) == 0 && is_valid_interface_name(name)) return name;
  }
  return Errno::enfile;
}

std::uint32_t take_index(NetNamespace& space, std::uint32_t wanted) {
  if (wanted != 0 && space.interfaces.count(wanted) == 0) {
    space.next_index = std::max(space.next_index, wanted + 1);
    return wanted;
  }
  while (space.interfaces.count(space.next_index) != 0) ++space.next_index;
  return space.next_index++;
}

Result<InterfaceRef, Errno> create(Kernel& kernel, NetNamespaceId net, InterfaceKind kind, std::string_view name,
                                   std::string_view stem) {
  NetNamespace& space = kernel.net_namespaces[net];
  if (space.interfaces.size() >= kInterfacesMax) return Errno::enospc;
  Interface interface;
  interface.name = TRY(free_name(space, name, stem));
  interface.index = take_index(space, 0);
  interface.kind = kind;
  interface.mac = fresh_mac(kernel);
  const InterfaceRef ref{net, interface.index};
  space.interfaces.emplace(ref.index, std::move(interface));
  return ref;
}

/// A bridge without an address of its own choice has the lowest of its ports' addresses.
void choose_bridge_mac(NetNamespace& space, std::uint32_t bridge) {
  const auto found = space.interfaces.find(bridge);
  if (found == space.interfaces.end() || found->second.mac_was_set) return;
  bool first = true;
  for (const auto& entry : space.interfaces) {
    if (entry.second.master != bridge || (!first && !(entry.second.mac < found->second.mac))) continue;
    found->second.mac = entry.second.mac;
    first = false;
  }
}

void leave_bridge(NetNamespace& space, Interface& port) {
  const std::uint32_t bridge = std::exchange(port.master, 0);
  const auto found = space.interfaces.find(bridge);
  if (found == space.interfaces.end()) return;
  std::erase_if(found->second.fdb, [&](const auto& entry) { return entry.second.port == port.index; });
  choose_bridge_mac(space, bridge);
}

/// What is lost with an interface that goes or moves: neighbours, routes, its place in a bridge.
void detach(Kernel& kernel, InterfaceRef ref) {
  NetNamespace& space = kernel.net_namespaces[ref.net];
  Interface& interface = space.interfaces.at(ref.index);
  if (interface.up) set_up(kernel, ref, false);
  if (interface.master != 0) leave_bridge(space, interface);
  for (auto& entry : space.interfaces)
    if (entry.second.master == ref.index) entry.second.master = 0;
  interface.addresses.clear();
  std::erase_if(space.routes, [&](const Route& route) { return route.interface == ref.index; });
}

}  // namespace

Interface* find_interface(Kernel& kernel, InterfaceRef ref) {
  NetNamespace* space = kernel.net_namespaces.find(ref.net);
  if (space == nullptr) return nullptr;
  const auto found = space->interfaces.find(ref.index);
  return found == space->interfaces.end() ? nullptr : &found->second;
}

const Interface* find_interface(const Kernel& kernel, InterfaceRef ref) {
  const NetNamespace* space = kernel.net_namespaces.find(ref.net);
  if (space == nullptr) return nullptr;
  const auto found = space->interfaces.find(ref.index);
  return found == space->interfaces.end() ? nullptr : &found->second;
}

std::uint32_t interface_by_name(const NetNamespace& space, std::string_view name) {
  for (const auto& entry : space.interfaces)
    if (entry.second.name == name) return entry.first;
  return 0;
}

bool is_valid_interface_name(std::string_view name) {
  if (name.empty() || name.size() > kInterfaceNameMax || name == "." || name == "..") return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return c != '/' && c != ':' && static_cast<std::uint8_t>(c) > ' ' && c != '\x7f'; });
}

Result<InterfaceRef, Errno> create_bridge(Kernel& kernel, NetNamespaceId net, std::string_view name) {
  return create(kernel, net, InterfaceKind::bridge, name, "bridge");
}

Result<InterfaceRef, Errno> create_dummy(Kernel& kernel, NetNamespaceId net, std::string_view name) {
  return create(kernel, net, InterfaceKind::dummy, name, "dummy");
}

Result<InterfaceRef, Errno> create_wire(Kernel& kernel, NetNamespaceId net, std::string_view name,
                                        std::string_view wire) {
  const InterfaceRef ref = TRY(create(kernel, net, InterfaceKind::wire, name, "eth"));
  find_interface(kernel, ref)->wire = wire;
  return ref;
}

Result<std::pair<InterfaceRef, InterfaceRef>, Errno> create_veth(Kernel& kernel, NetNamespaceId net,
                                                                 std::string_view name, NetNamespaceId peer_net,
                                                                 std::string_view peer_name) {
  if (!name.empty() && interface_by_name(kernel.net_namespaces[net], name) != 0) return Errno::eexist;
  const InterfaceRef peer = TRY(create(kernel, peer_net, InterfaceKind::veth, peer_name, "veth"));
  const auto made = create(kernel, net, InterfaceKind::veth, name, "veth");
  if (!made.ok()) {
    kernel.net_namespaces[peer_net].interfaces.erase(peer.index);
    return made.error();
  }
  find_interface(kernel, peer)->peer = *made;
  find_interface(kernel, *made)->peer = peer;
  return std::pair(*made, peer);
}

void remove_interface(Kernel& kernel, NetNamespaceId net, std::uint32_t index) {
  const InterfaceRef ref{net, index};
  const Interface* interface = find_interface(std::as_const(kernel), ref);
  if (interface == nullptr) return;
  const InterfaceRef peer = interface->peer;
  detach(kernel, ref);
  kernel.net_namespaces[net].interfaces.erase(index);
  if (Interface* other = find_interface(kernel, peer)) {
    other->peer = {};
    remove_interface(kernel, peer.net, peer.index);
  }
}

Result<InterfaceRef, Errno> move_interface_to_namespace(Kernel& kernel, InterfaceRef ref, NetNamespaceId to,
                                                        std::string_view new_name) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return Errno::enodev;
  if (interface->kind == InterfaceKind::loopback) return Errno::einval;
  if (ref.net == to) return ref;
  const std::string name = TRY(free_name(kernel.net_namespaces[to], new_name.empty() ? interface->name : new_name, ""));
  detach(kernel, ref);
  Interface moved = std::move(*interface);
  kernel.net_namespaces[ref.net].interfaces.erase(ref.index);
  NetNamespace& target = kernel.net_namespaces[to];
  moved.name = name;
  moved.index = take_index(target, ref.index);
  moved.fdb.clear();
  const InterfaceRef now{to, moved.index};
  if (Interface* peer = find_interface(kernel, moved.peer)) peer->peer = now;
  target.interfaces.emplace(now.index, std::move(moved));
  return now;
}

Result<void, Errno> rename_interface(Kernel& kernel, InterfaceRef ref, std::string_view name) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return Errno::enodev;
  if (interface->name == name) return {};
  const std::string old = interface->name;
  interface->name = TRY(free_name(kernel.net_namespaces[ref.net], name, ""));
  for (InterfaceAddress& address : interface->addresses)
    if (address.label == old) address.label = interface->name;
  return {};
}

Result<void, Errno> set_mtu(Kernel& kernel, InterfaceRef ref, std::uint32_t mtu) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return Errno::enodev;
  const std::uint32_t most = interface->kind == InterfaceKind::loopback ? 0x7fffffff : 65535;
  if (mtu < 68 || mtu > most) return Errno::einval;
  interface->mtu = mtu;
  return {};
}

void set_mac(Kernel& kernel, InterfaceRef ref, const MacAddress& mac) {
  Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return;
  interface->mac = mac;
  interface->mac_was_set = true;
  if (interface->master != 0) choose_bridge_mac(kernel.net_namespaces[ref.net], interface->master);
}

Result<void, Errno> set_master(Kernel& kernel, InterfaceRef ref, std::uint32_t bridge) {
  NetNamespace& space = kernel.net_namespaces[ref.net];
  Interface* port = find_interface(kernel, ref);
  if (port == nullptr) return Errno::enodev;
  if (port->master != 0) leave_bridge(space, *port);
  if (bridge == 0) return {};
  const Interface* master = find_interface(kernel, {ref.net, bridge});
  if (master == nullptr) return Errno::enodev;
  if (master->kind != InterfaceKind::bridge) return Errno::eopnotsupp;
  if (port->kind == InterfaceKind::loopback) return Errno::einval;
  if (port->kind == InterfaceKind::bridge) return Errno::eloop;
  port->master = bridge;
  space.interfaces.at(bridge).had_ports = true;
  choose_bridge_mac(space, bridge);
  carrier_changed(kernel, {ref.net, bridge});
  return {};
}

bool has_carrier(const Kernel& kernel, InterfaceRef ref) {
  const Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr || !interface->up) return false;
  if (interface->kind == InterfaceKind::veth) {
    const Interface* peer = find_interface(kernel, interface->peer);
    return peer != nullptr && peer->up;
  }
  if (interface->kind != InterfaceKind::bridge || !interface->had_ports) return true;
  for (const auto& entry : kernel.net_namespaces[ref.net].interfaces)
    if (entry.second.master == ref.index && has_carrier(kernel, {ref.net, entry.first})) return true;
  return false;
}

std::uint32_t interface_flags(const Kernel& kernel, InterfaceRef ref) {
  const Interface* interface = find_interface(kernel, ref);
  if (interface == nullptr) return 0;
  std::uint32_t flags = interface->extra_flags;
  switch (interface->kind) {
    case InterfaceKind::loopback:
      flags |= abi::iff_loopback;
      break;
    case InterfaceKind::dummy:
      flags |= abi::iff_broadcast | abi::iff_noarp;
      break;
    default:
      flags |= abi::iff_broadcast | abi::iff_multicast;
      break;
  }
  if (interface->up) flags |= abi::iff_up;
  if (has_carrier(kernel, ref)) flags |= abi::iff_running;
  return flags;
}

}  // namespace drydock::machine::net
