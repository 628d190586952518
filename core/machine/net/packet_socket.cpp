// packet(7): frames as they pass an interface. SOCK_RAW sees the Ethernet header, SOCK_DGRAM does not.

#include <algorithm>

#include "machine/abi/socket.h"
#include "machine/net/delivery.h"
#include "machine/net/links.h"
#include "machine/net/raw_socket.h"
#include "machine/syscalls/call.h"

namespace drydock::machine::net {

namespace {

constexpr std::size_t kEthernetHeaderBytes = 14, kFrameOverheadBytes = 768;
constexpr std::uint8_t kPacketHost = 0, kPacketBroadcast = 1, kPacketMulticast = 2, kPacketOtherHost = 3,
                       kPacketOutgoing = 4;

std::string big_endian(std::uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::uint16_t network16(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}

std::string link_address(std::uint16_t ether_type, const Interface* interface, std::uint8_t packet_type,
                         const MacAddress& mac) {
  const bool loopback = interface != nullptr && interface->kind == InterfaceKind::loopback;
  StructWriter writer;
  const std::string protocol = big_endian(ether_type);
  return writer.u16(abi::af_packet).bytes() + protocol +
         StructWriter()
             .u32(interface == nullptr ? 0 : interface->index)
             .u16(loopback ? 772 : 1)
             .u8(packet_type)
             .u8(6)
             .bytes() +
         mac.raw() + std::string(2, '\0');
}

}  // namespace

Outcome PacketSocket::bind(const Caller& caller, std::string_view address) {
  if (address.size() < 20 || StructReader(std::string(address)).u16(0) != abi::af_packet) return Errno::einval;
  const std::uint32_t wanted = StructReader(std::string(address)).u32(4);
  const Interface* found = find_interface(std::as_const(caller.kernel), {net, wanted});
  if (wanted != 0 && found == nullptr) return Errno::enodev;
  interface = wanted;
  if (const std::uint16_t wanted_type = network16(address, 2)) ether_type = wanted_type;
  if (found != nullptr && !found->up) pending_error = static_cast<int>(Errno::enetdown);
  return done();
}

Outcome PacketSocket::send(const Caller& caller, const OutgoingMessage& message) {
  std::uint32_t by = interface;
  std::uint16_t wanted_type = ether_type;
  MacAddress to;
  if (message.address) {
    const std::string& address = *message.address;
    if (address.size() < 12 || StructReader(address).u16(0) != abi::af_packet) return Errno::einval;
    by = StructReader(address).u32(4);
    wanted_type = network16(address, 2);
    if (address.size() >= 18) std::copy_n(address.begin() + 12, 6, to.bytes.begin());
  }
  const Interface* out = find_interface(std::as_const(caller.kernel), {net, by});
  if (out == nullptr) return Errno::enxio;
  if (!out->up) return Errno::enetdown;
  std::string_view body = message.bytes;
  MacAddress from = out->mac;
  if (type == abi::sock_raw) {
    if (body.size() < kEthernetHeaderBytes) return Errno::einval;
    std::copy_n(body.begin(), 6, to.bytes.begin());
    std::copy_n(body.begin() + 6, 6, from.bytes.begin());
    wanted_type = network16(body, 12);
    body.remove_prefix(kEthernetHeaderBytes);
  }
  if (body.size() > out->mtu) return Errno::emsgsize;
  std::optional<Packet> packet;
  if (wanted_type == abi::eth_p_arp && body.size() >= 28) {
    packet.emplace();
    packet->kind = network16(body, 6) == 1 ? PacketKind::resolve_request : PacketKind::resolve_reply;
    packet->source = IpAddress::from_bytes(body.substr(14, 4));
    packet->destination = IpAddress::from_bytes(body.substr(24, 4));
  } else if (wanted_type == abi::eth_p_ip || wanted_type == abi::eth_p_ipv6) {
    packet = parse_ip(body);
  }
  if (!packet) return static_cast<std::int64_t>(message.bytes.size());  // nobody here understands it
  packet->mac_source = from;
  packet->mac_destination = to;
  transmit(caller.kernel, {net, by}, std::move(*packet));
  run_local_deliveries(caller.kernel);
  return static_cast<std::int64_t>(message.bytes.size());
}

Outcome PacketSocket::receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags_in,
                              IncomingMessage* message) {
  if (const auto error = take_error()) return *error;
  if (queue.empty()) return wait_to_receive(caller, flags_in);
  const Frame& frame = queue.front();
  const std::size_t skip = type == abi::sock_raw ? 0 : kEthernetHeaderBytes;
  message->full_bytes = frame.bytes.size() - skip;
  message->bytes = frame.bytes.substr(skip, bytes_max);
  message->address = frame.address;
  if (message->bytes.size() < message->full_bytes) message->flags |= abi::msg_trunc;
  const std::uint64_t told = (flags_in & abi::msg_trunc) != 0 ? message->full_bytes : message->bytes.size();
  if ((flags_in & abi::msg_peek) == 0) {
    queued_bytes -= frame.bytes.size() + kFrameOverheadBytes;
    queue.pop_front();
  }
  return static_cast<std::int64_t>(told);
}

Result<std::string, Errno> PacketSocket::local_address(const Caller& caller) {
  const Interface* bound = find_interface(std::as_const(caller.kernel), {net, interface});
  return link_address(ether_type, bound, 0, bound == nullptr ? MacAddress{} : bound->mac);
}

Result<void, Errno> PacketSocket::set_option(const Caller&, int level, int name, std::string_view value) {
  if (level != abi::sol_packet) return Errno::enoprotoopt;
  if (name != abi::packet_auxdata && name != abi::packet_add_membership && name != abi::packet_drop_membership)
    return Errno::enoprotoopt;
  return value.size() < 4 ? Result<void, Errno>(Errno::einval) : Result<void, Errno>();
}

Result<std::string, Errno> PacketSocket::get_option(const Caller&, int, int) {
  return Errno::enoprotoopt;
}

std::uint16_t PacketSocket::poll(const Caller&) {
  std::uint16_t bits = kPollOut | kPollWrNorm;
  if (!queue.empty()) bits |= kPollIn | kPollRdNorm;
  if (pending_error != 0) bits |= kPollErr;
  return bits;
}

void PacketSocket::release(Kernel& kernel) {
  std::erase(kernel.net_namespaces[net].packet_sockets, id);
  Socket::release(kernel);
}

void packet_sockets_receive(Kernel& kernel, InterfaceRef at, const Packet& packet, bool outgoing) {
  const NetNamespace& space = std::as_const(kernel.net_namespaces)[at.net];
  if (space.packet_sockets.empty()) return;
  const Interface* interface = find_interface(std::as_const(kernel), at);
  if (interface == nullptr) return;
  const std::vector<FileId> sockets = space.packet_sockets;
  for (FileId file : sockets) {
    auto* socket = dynamic_cast<PacketSocket*>(kernel.files.find(file));
    if (socket == nullptr || socket->ether_type == 0) continue;
    if (socket->interface != 0 && socket->interface != at.index) continue;
    const bool all = socket->ether_type == abi::eth_p_all;
    if (!all && (outgoing || socket->ether_type != packet.ether_type())) continue;
    std::uint8_t packet_type = kPacketHost;
    if (outgoing) {
      packet_type = kPacketOutgoing;
    } else if (packet.mac_destination == MacAddress::broadcast()) {
      packet_type = kPacketBroadcast;
    } else if (packet.mac_destination.is_group()) {
      packet_type = kPacketMulticast;
    } else if (!(packet.mac_destination == interface->mac)) {
      packet_type = kPacketOtherHost;
    }
    PacketSocket::Frame frame;
    frame.address = link_address(packet.ether_type(), interface, packet_type, packet.mac_source);
    frame.bytes =
        packet.mac_destination.raw() + packet.mac_source.raw() + big_endian(packet.ether_type()) + packet.to_bytes();
    const std::uint64_t charge = frame.bytes.size() + kFrameOverheadBytes;
    if (socket->queued_bytes + charge > socket->options.receive_buffer) continue;
    socket->queued_bytes += charge;
    socket->queue.push_back(std::move(frame));
    wake_socket(kernel, file);
  }
}

}  // namespace drydock::machine::net
