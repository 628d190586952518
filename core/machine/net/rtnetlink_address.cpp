// rtnetlink(7): RTM_GETADDR, RTM_NEWADDR, RTM_DELADDR; RTM_GETNEIGH, RTM_NEWNEIGH, RTM_DELNEIGH.

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/net/links.h"
#include "machine/net/rtnetlink.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kIfaddrBytes = 8, kNdmsgBytes = 12;
constexpr std::uint16_t kAddress = 1, kLocal = 2, kLabel = 3, kBroadcast = 4, kCacheInfo = 6, kFlags = 8;
constexpr std::uint8_t kSecondary = 1, kPermanent = 0x80;
constexpr std::uint16_t kDestination = 1, kLinkAddress = 2, kNeighbourCache = 3, kProbes = 4;

int family_of(const IpAddress& address) {
  return address.is_v6() ? abi::af_inet6 : abi::af_inet;
}

std::string address_message(const Interface& interface, const InterfaceAddress& address,
                            const NetlinkRequest& request) {
  const IpAddress& own = address.prefix.address;
  const std::uint8_t bits =
      static_cast<std::uint8_t>((address.permanent ? kPermanent : 0) | (address.secondary ? kSecondary : 0));
  NetlinkWriter writer(nl::new_address, nl::flag_multi, request);
  writer.body(StructWriter()
                  .u8(static_cast<std::uint8_t>(family_of(own)))
                  .u8(static_cast<std::uint8_t>(address.prefix.length))
                  .u8(bits)
                  .u8(address.scope)
                  .u32(interface.index));
  const IpAddress far = address.peer.is_unspecified() ? own : address.peer;
  writer.attribute(kAddress, far.bytes());
  if (!own.is_v6()) {
    writer.attribute(kLocal, own.bytes());
    if (!address.broadcast.is_unspecified()) writer.attribute(kBroadcast, address.broadcast.bytes());
    writer.attribute_text(kLabel, address.label);
  }
  writer.attribute_u32(kFlags, bits);
  writer.attribute(kCacheInfo, StructWriter().u32(~0u).u32(~0u).u32(0).u32(0).bytes());
  return writer.bytes();
}

/// NUD_* of neighbours.
std::uint16_t neighbour_bits(NeighbourState state) {
  switch (state) {
    case NeighbourState::incomplete:
      return 0x01;
    case NeighbourState::reachable:
      return 0x02;
    case NeighbourState::failed:
      return 0x20;
    case NeighbourState::permanent:
      return 0x80;
  }
  return 0;
}

}  // namespace

Result<void, Errno> get_addresses(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request,
                                  Messages* out) {
  if (!wants_dump(request)) return Errno::eopnotsupp;
  const int family = request.byte(0);
  const std::uint32_t only = request.body.size() >= kIfaddrBytes ? request.word(4) : 0;
  for (int wanted : {abi::af_inet, abi::af_inet6}) {
    if (family != 0 && family != wanted) continue;
    for (const auto& entry : std::as_const(caller.kernel).net_namespaces[net].interfaces)
      for (const InterfaceAddress& address : entry.second.addresses)
        if (family_of(address.prefix.address) == wanted && (only == 0 || only == entry.first))
          out->push_back(address_message(entry.second, address, request));
  }
  return {};
}

Result<void, Errno> change_address(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request) {
  if (request.body.size() < kIfaddrBytes) return Errno::einval;
  Kernel& kernel = caller.kernel;
  const AttributeSet attributes = request.attributes(kIfaddrBytes);
  const InterfaceRef ref{net, request.word(4)};
  auto own = attributes.address(kLocal);
  const auto far = attributes.address(kAddress);
  if (!own) own = far;
  if (!own) return Errno::einval;
  const int family = request.byte(0);
  if (family_of(*own) != family)
    return family == abi::af_inet || family == abi::af_inet6 ? Errno::einval : Errno::eopnotsupp;
  if (find_interface(std::as_const(kernel), ref) == nullptr) return Errno::enodev;
  InterfaceAddress address;
  address.prefix = {*own, request.byte(1)};
  if (address.prefix.length > own->bits()) return Errno::einval;
  if (request.type == nl::del_address) return remove_address(kernel, ref, address.prefix);
  address.scope = request.byte(3);
  address.peer = far && !(*far == *own) ? *far : IpAddress::any(own->is_v6());
  if (const auto broadcast = attributes.address(kBroadcast)) address.broadcast = *broadcast;
  address.label = attributes.text(kLabel).substr(0, kInterfaceNameMax);
  const auto added = add_address(kernel, ref, address);
  const bool replaces = (request.flags & nl::flag_replace) != 0 && (request.flags & nl::flag_excl) == 0;
  if (!added.ok() && added.error() == Errno::eexist && replaces) return {};
  return added;
}

Result<void, Errno> get_neighbours(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request,
                                   Messages* out) {
  if (!wants_dump(request)) return Errno::eopnotsupp;
  const int family = request.byte(0);
  const std::uint32_t only = request.body.size() >= kNdmsgBytes ? request.word(4) : 0;
  for (const auto& entry : std::as_const(caller.kernel).net_namespaces[net].neighbours) {
    const IpAddress& address = entry.first.second;
    if ((family != 0 && family != family_of(address)) || (only != 0 && only != entry.first.first)) continue;
    const Neighbour& neighbour = entry.second;
    NetlinkWriter writer(nl::new_neighbour, nl::flag_multi, request);
    writer.body(StructWriter()
                    .u8(static_cast<std::uint8_t>(family_of(address)))
                    .zeros(3)
                    .u32(entry.first.first)
                    .u16(neighbour_bits(neighbour.state))
                    .u8(0)
                    .u8(1));
    writer.attribute(kDestination, address.bytes());
    const bool known = neighbour.state == NeighbourState::reachable || neighbour.state == NeighbourState::permanent;
    if (known) writer.attribute(kLinkAddress, neighbour.mac.raw());
    writer.attribute_u32(kProbes, neighbour.probes);
    writer.attribute(kNeighbourCache, StructWriter().u32(0).u32(0).u32(0).u32(0).bytes());
    out->push_back(writer.bytes());
  }
  return {};
}

Result<void, Errno> change_neighbour(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request) {
  if (request.body.size() < kNdmsgBytes) return Errno::einval;
  const AttributeSet attributes = request.attributes(kNdmsgBytes);
  const auto address = attributes.address(kDestination);
  if (!address) return Errno::einval;
  NetNamespace& space = caller.kernel.net_namespaces[net];
  const std::uint32_t index = request.word(4);
  if (space.interfaces.count(index) == 0) return index == 0 ? Errno::einval : Errno::enodev;
  const NeighbourKey key{index, *address};
  if (request.type == nl::del_neighbour)
    return space.neighbours.erase(key) == 0 ? Result<void, Errno>(Errno::enoent) : Result<void, Errno>();
  const bool present = space.neighbours.count(key) != 0;
  if (present && (request.flags & nl::flag_excl) != 0) return Errno::eexist;
  if (!present && (request.flags & nl::flag_create) == 0) return Errno::enoent;
  const std::string_view mac = attributes.raw(kLinkAddress);
  if (mac.size() != 6) return Errno::einval;
  if (!present && space.neighbours.size() >= kNeighboursMax) return Errno::enobufs;
  Neighbour& neighbour = space.neighbours[key];
  const std::uint32_t state = request.word(8) & 0xffff;
  neighbour.state = state == 0x80 || state == 0x40 ? NeighbourState::permanent : NeighbourState::reachable;
  neighbour.since_ns = caller.kernel.now_ns();
  std::copy_n(mac.begin(), 6, neighbour.mac.bytes.begin());
  return {};
}

}  // namespace drydock::machine::net
