// rtnetlink(7): RTM_GETLINK, RTM_NEWLINK, RTM_DELLINK. Kinds of links that can be made: bridge, dummy, veth.

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/fs/nsfs/nsfs.h"
#include "machine/kernel/capabilities.h"
#include "machine/kernel/pids.h"
#include "machine/net/links.h"
#include "machine/net/rtnetlink.h"
#include "machine/vfs/file.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kIfinfoBytes = 16;
constexpr std::uint16_t kAddress = 1, kBroadcast = 2, kName = 3, kMtu = 4, kLink = 5, kQdisc = 6, kStats = 7,
                        kMaster = 10, kTxQueueLength = 13, kOperState = 16, kLinkMode = 17, kLinkInfo = 18,
                        kNetNsPid = 19, kAlias = 20, kStats64 = 23, kGroup = 27, kNetNsFd = 28, kPromiscuity = 30,
                        kTxQueues = 31, kRxQueues = 32, kCarrier = 33, kLinkNetNsId = 37, kMinMtu = 50, kMaxMtu = 51;
constexpr std::uint16_t kInfoKind = 1, kInfoData = 2, kVethPeer = 1;
constexpr std::uint8_t kOperUnknown = 0, kOperDown = 2, kOperLowerLayerDown = 3, kOperUp = 6;

std::string_view kind_name(InterfaceKind kind) {
  switch (kind) {
    case InterfaceKind::bridge:
      return "bridge";
    case InterfaceKind::dummy:
      return "dummy";
    case InterfaceKind::veth:
      return "veth";
    default:
      return "";
  }
}

std::string statistics(const Interface& interface, int width) {
  const InterfaceCounters& in = interface.received;
  const InterfaceCounters& out = interface.sent;
  StructWriter writer;
  const auto put = [&](std::uint64_t value) {
    if (width == 8) {
      writer.u64(value);
    } else {
      writer.u32(static_cast<std::uint32_t>(value));
    }
  };
  for (std::uint64_t value :
       {in.packets, out.packets, in.bytes, out.bytes, in.errors, out.errors, in.dropped, out.dropped, in.multicast})
    put(value);
  for (int n = 9; n < (width == 8 ? 25 : 24); ++n) put(0);
  return writer.bytes();
}

std::uint8_t oper_state(const Kernel& kernel, InterfaceRef ref, const Interface& interface) {
  if (!interface.up) return kOperDown;
  const bool never_off = interface.kind == InterfaceKind::loopback || interface.kind == InterfaceKind::dummy ||
                         (interface.kind == InterfaceKind::bridge && !interface.had_ports);
  if (never_off) return kOperUnknown;
  if (has_carrier(kernel, ref)) return kOperUp;
  return interface.kind == InterfaceKind::veth ? kOperLowerLayerDown : kOperDown;
}

std::string link_message(const Kernel& kernel, InterfaceRef ref, const NetlinkRequest& request, std::uint16_t flags) {
  const Interface& interface = *find_interface(kernel, ref);
  const bool loopback = interface.kind == InterfaceKind::loopback;
  std::uint32_t bits = interface_flags(kernel, ref);
  const bool carrier = has_carrier(kernel, ref);
  if (carrier) bits |= abi::iff_lower_up;
  NetlinkWriter writer(nl::new_link, flags, request);
  writer.body(StructWriter().u8(0).u8(0).u16(loopback ? 772 : 1).u32(ref.index).u32(bits).u32(0));
  writer.attribute_text(kName, interface.name);
  writer.attribute_u32(kTxQueueLength, interface.queue_length);
  writer.attribute_u8(kOperState, oper_state(kernel, ref, interface));
  writer.attribute_u8(kLinkMode, 0);
  writer.attribute_u32(kMtu, interface.mtu);
  writer.attribute_u32(kMinMtu, loopback ? 0 : 68);
  writer.attribute_u32(kMaxMtu, loopback ? 0 : 65535);
  writer.attribute_u32(kGroup, 0);
  writer.attribute_u32(kPromiscuity, interface.master != 0 ? 1 : 0);
  writer.attribute_u32(kTxQueues, 1);
  writer.attribute_u32(kRxQueues, 1);
  writer.attribute_u8(kCarrier, carrier ? 1 : 0);
  writer.attribute_text(kQdisc, interface.was_up ? "noqueue" : "noop");
  if (interface.master != 0) writer.attribute_u32(kMaster, interface.master);
  if (interface.peer) {
    writer.attribute_u32(kLink, interface.peer.index);
    if (!(interface.peer.net == ref.net)) writer.attribute_u32(kLinkNetNsId, 0);
  }
  if (!interface.alias.empty()) writer.attribute_text(kAlias, interface.alias);
  writer.attribute(kAddress, interface.mac.raw());
  writer.attribute(kBroadcast, loopback ? std::string(6, '\0') : MacAddress::broadcast().raw());
  writer.attribute(kStats64, statistics(interface, 8));
  writer.attribute(kStats, statistics(interface, 4));
  const std::string_view kind = kind_name(interface.kind);
  if (!kind.empty()) writer.attribute(kLinkInfo, netlink_attribute(kInfoKind, kind));
  return writer.bytes();
}

/// The interface a request names by index or by name; 0: none.
std::uint32_t named_interface(const NetNamespace& space, const NetlinkRequest& request,
                              const AttributeSet& attributes) {
  const std::uint32_t index = request.word(4);
  if (index != 0) return space.interfaces.count(index) != 0 ? index : 0;
  return attributes.has(kName) ? interface_by_name(space, attributes.text(kName)) : 0;
}

Result<NetNamespaceId, Errno> target_namespace(const Caller& caller, NetNamespaceId here,
                                               const AttributeSet& attributes) {
  NetNamespaceId target = here;
  if (const auto pid = attributes.u32(kNetNsPid)) target = TRY(namespace_of_pid(caller, *pid));
  if (const auto fd = attributes.u32(kNetNsFd)) target = TRY(namespace_of_fd(caller, static_cast<int>(*fd)));
  if (!(target == here) && !capable(caller, cap::net_admin, caller.kernel.net_namespaces[target].owner))
    return Errno::eperm;
  return target;
}

std::optional<MacAddress> mac_in(const AttributeSet& attributes) {
  const std::string_view raw = attributes.raw(kAddress);
  if (raw.size() != 6) return std::nullopt;
  MacAddress mac;
  std::copy_n(raw.begin(), 6, mac.bytes.begin());
  return mac;
}

/// Everything but the name and the namespace: for new links and old ones.
Result<void, Errno> configure(Kernel& kernel, InterfaceRef ref, const NetlinkRequest& request,
                              const AttributeSet& attributes) {
  if (const auto mac = mac_in(attributes)) {
    if (mac->is_group() || mac->is_zero()) return Errno::eaddrnotavail;
    set_mac(kernel, ref, *mac);
  }
  if (const auto mtu = attributes.u32(kMtu)) TRY(set_mtu(kernel, ref, *mtu));
  if (const auto length = attributes.u32(kTxQueueLength)) find_interface(kernel, ref)->queue_length = *length;
  if (attributes.has(kAlias)) find_interface(kernel, ref)->alias = attributes.text(kAlias).substr(0, 255);
  if (const auto master = attributes.u32(kMaster)) TRY(set_master(kernel, ref, *master));
  const std::uint32_t flags = request.word(8);
  std::uint32_t change = request.word(12);
  if (change == 0 && flags != 0) change = ~0u;
  constexpr std::uint32_t kSettable = abi::iff_promisc | abi::iff_allmulti | abi::iff_noarp;
  Interface& interface = *find_interface(kernel, ref);
  interface.extra_flags = (interface.extra_flags & ~(change & kSettable)) | (flags & change & kSettable);
  if ((change & abi::iff_up) != 0) set_up(kernel, ref, (flags & abi::iff_up) != 0);
  return {};
}

Result<void, Errno> make_veth(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request,
                              const AttributeSet& attributes, const AttributeSet& info) {
  Kernel& kernel = caller.kernel;
  const NetNamespaceId target = TRY(target_namespace(caller, net, attributes));
  const AttributeSet data(info.raw(kInfoData));
  NetlinkRequest peer_request = request;
  peer_request.body = data.raw(kVethPeer);
  const AttributeSet peer_attributes = peer_request.attributes(kIfinfoBytes);
  // Without a word about it the peer is made where the caller is.
  const NetNamespaceId peer_target = TRY(target_namespace(caller, net, peer_attributes));
  const auto ends = TRY(create_veth(kernel, target, attributes.text(kName), peer_target, peer_attributes.text(kName)));
  Result<void, Errno> result = configure(kernel, ends.first, request, attributes);
  if (result.ok() && peer_request.body.size() >= kIfinfoBytes)
    result = configure(kernel, ends.second, peer_request, peer_attributes);
  if (!result.ok()) remove_interface(kernel, target, ends.first.index);
  return result;
}

Result<void, Errno> make_link(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request,
                              const AttributeSet& attributes) {
  const AttributeSet info(attributes.raw(kLinkInfo));
  const std::string kind = info.text(kInfoKind);
  if (kind.empty()) return Errno::eopnotsupp;
  if (attributes.text(kName).size() > kInterfaceNameMax) return Errno::erange;
  if (attributes.has(kName) && !is_valid_interface_name(attributes.text(kName))) return Errno::einval;
  if (kind == "veth") return make_veth(caller, net, request, attributes, info);
  if (kind != "bridge" && kind != "dummy") return Errno::eopnotsupp;
  Kernel& kernel = caller.kernel;
  const NetNamespaceId target = TRY(target_namespace(caller, net, attributes));
  const std::string name = attributes.text(kName);
  const InterfaceRef ref =
      TRY(kind == "bridge" ? create_bridge(kernel, target, name) : create_dummy(kernel, target, name));
  const auto result = configure(kernel, ref, request, attributes);
  if (!result.ok()) remove_interface(kernel, target, ref.index);
  return result;
}

}  // namespace

bool wants_dump(const NetlinkRequest& request) {
  return request.type >= nl::first_real_type && (request.type - nl::first_real_type) % 4 == 2 &&
         (request.flags & nl::flag_dump) != 0;
}

Result<NetNamespaceId, Errno> namespace_of_pid(const Caller& caller, std::uint32_t pid) {
  const TaskId task = find_task(caller.kernel, caller.self().pid_namespace, pid);
  const Task* found = std::as_const(caller.kernel.tasks).find(task);
  if (found == nullptr || !found->namespaces.net) return Errno::esrch;
  return found->namespaces.net;
}

Result<NetNamespaceId, Errno> namespace_of_fd(const Caller& caller, int fd) {
  const FileId file = TRY(file_of(caller, fd));
  const auto named = namespace_of_file(caller.kernel, file);
  if (!named || named->kind != NamespaceKind::net) return Errno::einval;
  return NetNamespaceId{named->id};
}

Result<void, Errno> get_links(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out) {
  const NetNamespace& space = std::as_const(caller.kernel).net_namespaces[net];
  const AttributeSet attributes = request.attributes(kIfinfoBytes);
  if (wants_dump(request)) {
    const auto master = attributes.u32(kMaster);
    for (const auto& entry : space.interfaces)
      if (!master || entry.second.master == *master)
        out->push_back(link_message(caller.kernel, {net, entry.first}, request, nl::flag_multi));
    return {};
  }
  if (request.word(4) == 0 && !attributes.has(kName)) return Errno::einval;
  const std::uint32_t index = named_interface(space, request, attributes);
  if (index == 0) return Errno::enodev;
  out->push_back(link_message(caller.kernel, {net, index}, request, 0));
  return {};
}

Result<void, Errno> change_link(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request) {
  if (request.body.size() < kIfinfoBytes) return Errno::einval;
  Kernel& kernel = caller.kernel;
  const AttributeSet attributes = request.attributes(kIfinfoBytes);
  const std::uint32_t index = named_interface(std::as_const(kernel).net_namespaces[net], request, attributes);
  if (index == 0) {
    if (request.type == nl::set_link || (request.flags & nl::flag_create) == 0) {
      if (request.word(4) == 0 && !attributes.has(kName)) return Errno::einval;
      return Errno::enodev;
    }
    return make_link(caller, net, request, attributes);
  }
  if ((request.flags & nl::flag_excl) != 0) return Errno::eexist;
  InterfaceRef ref{net, index};
  const NetNamespaceId target = TRY(target_namespace(caller, net, attributes));
  const bool by_index = request.word(4) != 0;
  const std::string name = by_index && attributes.has(kName) ? attributes.text(kName) : "";
  if (!(target == net)) {
    ref = TRY(move_interface_to_namespace(kernel, ref, target, name));
  } else if (!name.empty()) {
    TRY(rename_interface(kernel, ref, name));
  }
  return configure(kernel, ref, request, attributes);
}

Result<void, Errno> delete_link(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request) {
  const NetNamespace& space = std::as_const(caller.kernel).net_namespaces[net];
  const AttributeSet attributes = request.attributes(kIfinfoBytes);
  if (request.word(4) == 0 && !attributes.has(kName)) return Errno::einval;
  const std::uint32_t index = named_interface(space, request, attributes);
  if (index == 0) return Errno::enodev;
  const InterfaceKind kind = space.interfaces.at(index).kind;
  if (kind == InterfaceKind::loopback || kind == InterfaceKind::wire) return Errno::eopnotsupp;
  remove_interface(caller.kernel, net, index);
  return {};
}

}  // namespace drydock::machine::net
