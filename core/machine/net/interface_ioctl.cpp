// netdevice(7), and the ioctls of route(8), arp(8) and brctl(8).
// Not modelled: SIOCGIFMAP's contents (zeros), SIOCETHTOOL (EOPNOTSUPP), wireless extensions (ENOTTY).

#include "machine/net/interface_ioctl.h"

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/tracer.h"
#include "machine/net/links.h"
#include "machine/net/route_ioctl.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kNameBytes = 16, kIfreqBytes = 40;

/// struct ifreq: a name, and 24 bytes that depend on the request.
struct InterfaceRequest {
  std::uint64_t at = 0;
  std::string name;
  StructReader fields{std::string()};
};

std::string socket_address(const IpAddress& address) {
  return StructWriter().u16(abi::af_inet).u16(0).bytes() + address.bytes().substr(0, 4) + std::string(8, '\0');
}

std::string hardware_address(const Interface& interface) {
  const bool loopback = interface.kind == InterfaceKind::loopback;
  return StructWriter().u16(loopback ? 772 : 1).bytes() + interface.mac.raw() + std::string(8, '\0');
}

Result<InterfaceRequest, Errno> request_at(const Call& call, std::uint64_t address) {
  std::string raw(kIfreqBytes, '\0');
  TRY(call.copy_in(address, raw));
  InterfaceRequest request;
  request.at = address;
  request.name = raw.substr(0, std::min(raw.find('\0'), kNameBytes - 1));
  request.fields = StructReader(raw.substr(kNameBytes));
  return request;
}

/// The first IPv4 address with that label: "eth0:1" names one of eth0's.
InterfaceAddress* labelled_address(Interface& interface, const std::string& label) {
  for (InterfaceAddress& address : interface.addresses)
    if (!address.prefix.address.is_v6() && address.label == label) return &address;
  return nullptr;
}

Result<std::string, Errno> value_of(const Caller& caller, InterfaceRef ref, Interface& interface, std::uint64_t request,
                                    const std::string& label) {
  const InterfaceAddress* address = labelled_address(interface, label);
  switch (request) {
    case abi::siocgifflags:
      return StructWriter().u16(static_cast<std::uint16_t>(interface_flags(caller.kernel, ref))).bytes();
    case abi::siocgifmtu:
      return StructWriter().u32(interface.mtu).bytes();
    case abi::siocgifindex:
      return StructWriter().u32(interface.index).bytes();
    case abi::siocgifmetric:
      return StructWriter().u32(0).bytes();
    case abi::siocgiftxqlen:
      return StructWriter().u32(interface.queue_length).bytes();
    case abi::siocgifmap:
      return std::string(24, '\0');
    case abi::siocgifhwaddr:
      return hardware_address(interface);
    default:
      break;
  }
  if (address == nullptr) return Errno::eaddrnotavail;
  switch (request) {
    case abi::siocgifaddr:
      return socket_address(address->prefix.address);
    case abi::siocgifdstaddr:
      return socket_address(address->peer.is_unspecified() ? address->prefix.address : address->peer);
    case abi::siocgifbrdaddr:
      return socket_address(address->broadcast);
    case abi::siocgifnetmask:
      return socket_address(Prefix{IpAddress::v4(0xffffffff), address->prefix.length}.network());
    default:
      return Errno::enotty;
  }
}

Outcome get_value(const Call& call, NetNamespaceId net, std::uint64_t request, const InterfaceRequest& wanted) {
  NetNamespace& space = call.kernel.net_namespaces[net];
  const std::uint32_t index = interface_by_name(space, wanted.name.substr(0, wanted.name.find(':')));
  if (index == 0) return Errno::enodev;
  const std::string value = TRY(value_of(call, {net, index}, space.interfaces.at(index), request, wanted.name));
  TRY(call.copy_out(wanted.at + kNameBytes, value));
  return done();
}

/// SIOCGIFNAME: the name of an index.
Outcome get_name(const Call& call, NetNamespaceId net, const InterfaceRequest& wanted) {
  const auto& interfaces = std::as_const(call.kernel).net_namespaces[net].interfaces;
  const auto found = interfaces.find(wanted.fields.u32(0));
  if (found == interfaces.end()) return Errno::enodev;
  TRY(call.copy_out(wanted.at, StructWriter().text(found->second.name, kNameBytes).span()));
  return done();
}

/// SIOCGIFCONF: the interfaces that have an IPv4 address.
Outcome get_all(const Call& call, NetNamespaceId net, std::uint64_t at) {
  const auto room = static_cast<std::int32_t>(TRY(call.load32(at)));
  const std::uint64_t buffer = TRY(call.load64(at + 8));
  std::string out;
  for (const auto& entry : std::as_const(call.kernel).net_namespaces[net].interfaces)
    for (const InterfaceAddress& address : entry.second.addresses) {
      if (address.prefix.address.is_v6()) continue;
      out += StructWriter().text(address.label, kNameBytes).bytes() + socket_address(address.prefix.address) +
             std::string(8, '\0');
    }
  if (buffer != 0) {
    if (room < 0) return Errno::einval;
    out.resize(std::min(out.size(), static_cast<std::size_t>(room) / kIfreqBytes * kIfreqBytes));
    TRY(call.copy_out(buffer, out));
  }
  TRY(call.store32(at, static_cast<std::uint32_t>(out.size())));
  return done();
}

/// The mask that the class of an address has (RFC 791 §3.2).
unsigned class_prefix(const IpAddress& address) {
  const std::uint32_t value = address.to_v4();
  if (value < 0x80000000u) return 8;
  return value < 0xc0000000u ? 16 : 24;
}

Result<void, Errno> set_address(Kernel& kernel, InterfaceRef ref, const std::string& label, const IpAddress& address) {
  Interface& interface = *find_interface(kernel, ref);
  if (const InterfaceAddress* present = labelled_address(interface, label)) {
    if (present->prefix.address == address) return {};
    TRY(remove_address(kernel, ref, Prefix(present->prefix)));
  }
  if (address.is_unspecified()) return {};
  InterfaceAddress fresh;
  fresh.prefix = {address, class_prefix(address)};
  fresh.broadcast = fresh.prefix.broadcast();
  fresh.label = label;
  if (interface.kind == InterfaceKind::loopback) fresh.broadcast = IpAddress::v4(0);
  return add_address(kernel, ref, fresh);
}

/// A new mask or broadcast address: the address is taken away and put back, so that its route follows.
Result<void, Errno> change_address(Kernel& kernel, InterfaceRef ref, const std::string& label, std::uint64_t request,
                                   const IpAddress& value) {
  const InterfaceAddress* present = labelled_address(*find_interface(kernel, ref), label);
  if (present == nullptr) return Errno::eaddrnotavail;
  InterfaceAddress changed = *present;
  if (request == abi::siocsifbrdaddr) changed.broadcast = value;
  if (request == abi::siocsifdstaddr) changed.peer = value;
  if (request == abi::siocsifnetmask) {
    unsigned length = 0;
    while (length < 32 && (value.to_v4() >> (31 - length) & 1) != 0) ++length;
    if (!(Prefix{IpAddress::v4(0xffffffff), length}.network() == value)) return Errno::einval;
    const bool had_default = changed.broadcast == changed.prefix.broadcast();
    changed.prefix.length = length;
    if (had_default) changed.broadcast = changed.prefix.broadcast();
  }
  TRY(remove_address(kernel, ref, Prefix(present->prefix)));
  return add_address(kernel, ref, changed);
}

Result<void, Errno> set_value(Kernel& kernel, InterfaceRef ref, std::uint64_t request, const InterfaceRequest& wanted) {
  const StructReader& fields = wanted.fields;
  const std::uint32_t in_order = fields.u32(4);  // a sockaddr_in's address, in network order
  const IpAddress address = IpAddress::from_bytes(StructWriter().u32(in_order).bytes());
  Interface& interface = *find_interface(kernel, ref);
  constexpr std::uint32_t kSettable = abi::iff_promisc | abi::iff_allmulti | abi::iff_noarp;
  switch (request) {
    case abi::siocsifflags:
      interface.extra_flags = fields.u16(0) & kSettable;
      set_up(kernel, ref, (fields.u16(0) & abi::iff_up) != 0);
      return {};
    case abi::siocsifmtu:
      return set_mtu(kernel, ref, fields.u32(0));
    case abi::siocsiftxqlen:
      if (fields.u32(0) > 0x7fffffff) return Errno::einval;
      interface.queue_length = fields.u32(0);
      return {};
    case abi::siocsifname: {
      std::string name;
      for (std::size_t n = 0; n < kNameBytes && fields.at(n, 1) != 0; ++n)
        name.push_back(static_cast<char>(fields.at(n, 1)));
      if (interface.up) return Errno::ebusy;
      return rename_interface(kernel, ref, name);
    }
    case abi::siocsifhwaddr: {
      MacAddress mac;
      for (std::size_t n = 0; n < 6; ++n) mac.bytes[n] = static_cast<std::uint8_t>(fields.at(2 + n, 1));
      if (interface.kind == InterfaceKind::loopback || fields.u16(0) != 1) return Errno::einval;
      set_mac(kernel, ref, mac);
      return {};
    }
    case abi::siocsifaddr:
      return set_address(kernel, ref, wanted.name, address);
    default:
      return change_address(kernel, ref, wanted.name, request, address);
  }
}

Outcome bridge_request(const Call& call, NetNamespaceId net, std::uint64_t request, std::uint64_t argument) {
  Kernel& kernel = call.kernel;
  const NetNamespace& space = std::as_const(kernel).net_namespaces[net];
  if (request == abi::siocbraddbr || request == abi::siocbrdelbr) {
    std::string raw(kNameBytes, '\0');
    TRY(call.copy_in(argument, raw));
    const std::string name = raw.substr(0, std::min(raw.find('\0'), kNameBytes - 1));
    if (request == abi::siocbraddbr) {
      TRY(create_bridge(kernel, net, name));
      return done();
    }
    const std::uint32_t index = interface_by_name(space, name);
    if (index == 0) return Errno::enxio;
    if (space.interfaces.at(index).kind != InterfaceKind::bridge) return Errno::eperm;
    if (space.interfaces.at(index).up) return Errno::ebusy;
    remove_interface(kernel, net, index);
    return done();
  }
  const InterfaceRequest wanted = TRY(request_at(call, argument));
  const std::uint32_t bridge = interface_by_name(space, wanted.name), port = wanted.fields.u32(0);
  if (bridge == 0) return Errno::enodev;
  if (space.interfaces.at(bridge).kind != InterfaceKind::bridge) return Errno::eopnotsupp;
  if (space.interfaces.count(port) == 0) return Errno::einval;
  const std::uint32_t master = space.interfaces.at(port).master;
  if (request == abi::siocbraddif && master != 0) return Errno::ebusy;
  if (request == abi::siocbrdelif && master != bridge) return Errno::einval;
  TRY(set_master(kernel, {net, port}, request == abi::siocbraddif ? bridge : 0));
  return done();
}

}  // namespace

Outcome interface_ioctl(const Caller& caller, NetNamespaceId net, std::uint64_t request, std::uint64_t argument) {
  const Call call{caller, {}};
  const bool admin = capable(caller, cap::net_admin, caller.kernel.net_namespaces[net].owner);
  switch (request) {
    case abi::siocgifconf:
      return get_all(call, net, argument);
    case abi::siocgifname:
      return get_name(call, net, TRY(request_at(call, argument)));
    case abi::siocgifflags:
    case abi::siocgifaddr:
    case abi::siocgifdstaddr:
    case abi::siocgifbrdaddr:
    case abi::siocgifnetmask:
    case abi::siocgifmetric:
    case abi::siocgifmtu:
    case abi::siocgifhwaddr:
    case abi::siocgifindex:
    case abi::siocgiftxqlen:
    case abi::siocgifmap:
      return get_value(call, net, request, TRY(request_at(call, argument)));
    case abi::siocsifflags:
    case abi::siocsifaddr:
    case abi::siocsifdstaddr:
    case abi::siocsifbrdaddr:
    case abi::siocsifnetmask:
    case abi::siocsifmtu:
    case abi::siocsifname:
    case abi::siocsifhwaddr:
    case abi::siocsiftxqlen: {
      const InterfaceRequest wanted = TRY(request_at(call, argument));
      if (!admin) return Errno::eperm;
      const bool of_address = request == abi::siocsifaddr || request == abi::siocsifdstaddr ||
                              request == abi::siocsifbrdaddr || request == abi::siocsifnetmask;
      if (of_address && wanted.fields.u16(0) != abi::af_inet) return Errno::einval;
      const std::uint32_t index = interface_by_name(std::as_const(caller.kernel).net_namespaces[net],
                                                    wanted.name.substr(0, wanted.name.find(':')));
      if (index == 0) return Errno::enodev;
      TRY(set_value(caller.kernel, {net, index}, request, wanted));
      return done();
    }
    case abi::siocaddrt:
    case abi::siocdelrt:
      if (!admin) return Errno::eperm;
      return route_ioctl(call, net, request == abi::siocaddrt, argument);
    case abi::siocgarp:
    case abi::siocsarp:
    case abi::siocdarp:
      if (!admin && request != abi::siocgarp) return Errno::eperm;
      return neighbour_ioctl(call, net, request, argument);
    case abi::siocbraddbr:
    case abi::siocbrdelbr:
    case abi::siocbraddif:
    case abi::siocbrdelif:
      return admin ? bridge_request(call, net, request, argument) : Outcome(Errno::eperm);
    case abi::siocethtool:
      return Errno::eopnotsupp;
    default:
      return Errno::enotty;
  }
}

}  // namespace drydock::machine::net
