#pragma once
// SOCK_DGRAM sockets of AF_INET and AF_INET6. udp(7). Not modelled: UDP-Lite, corking, segmentation offload.

#include <deque>

#include "machine/net/inet_socket.h"

namespace drydock::machine::net {

inline constexpr std::size_t kUdpPayloadMax = 65507, kDatagramOverheadBytes = 768;

/// What a socket that keeps datagrams has received.
struct Datagram {
  std::string bytes;
  IpAddress source, destination;
  std::uint16_t source_port = 0;
  std::uint32_t interface = 0;
  std::uint8_t ttl = 0;
};

/// A queue of datagrams, bounded by SO_RCVBUF.
struct DatagramQueue {
  std::deque<Datagram> items;
  std::uint64_t charged_bytes = 0;

  bool push(Datagram datagram, std::uint64_t limit);
  void pop();
};

class UdpSocket final : public InetSocket {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<UdpSocket>(*this); }

  Outcome bind(const Caller& caller, std::string_view address) override;
  Outcome connect(const Caller& caller, std::string_view address) override;
  Outcome send(const Caller& caller, const OutgoingMessage& message) override;
  Outcome receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                  IncomingMessage* message) override;
  Outcome shutdown(const Caller& caller, int how) override;
  Result<std::string, Errno> local_address(const Caller& caller) override;
  Result<std::string, Errno> peer_address(const Caller& caller) override;
  std::uint64_t readable_bytes() const override { return queue.items.empty() ? 0 : queue.items.front().bytes.size(); }
  std::uint16_t poll(const Caller& caller) override;
  void release(Kernel& kernel) override;
  Result<std::string, Errno> get_option(const Caller& caller, int level, int name) override;
  Result<void, Errno> set_option(const Caller& caller, int level, int name, std::string_view value) override;

  IpAddress local, remote;
  std::uint16_t local_port = 0, remote_port = 0;           // 0: not bound; not connected
  bool address_was_bound = false, port_was_bound = false;  // by bind(2): stays when it is disconnected
  DatagramQueue queue;

 private:
  void give_up_port(Kernel& kernel);
  Result<void, Errno> bind_port(Kernel& kernel, const IpAddress& address, std::uint16_t port);
  bool collides(const UdpSocket& other, const IpAddress& address) const;
};

void udp_input(Kernel& kernel, InterfaceRef at, const Packet& packet);
void udp_icmp_error(Kernel& kernel, NetNamespaceId net, const Packet& error);

/// IP_PKTINFO of an outgoing message: where it is to leave from.
struct PacketInfo {
  std::uint32_t interface = 0;
  IpAddress source;
  bool given = false;
};
PacketInfo packet_info_in(const OutgoingMessage& message);

}  // namespace drydock::machine::net
