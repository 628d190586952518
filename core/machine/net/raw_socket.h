#pragma once
// Sockets that see packets themselves: SOCK_RAW of AF_INET and AF_INET6 (raw(7)), SOCK_DGRAM of ICMP ("ping sockets",
// icmp(7)), and AF_PACKET (packet(7), without rings, filters and fan-out).

#include "machine/net/inet_socket.h"
#include "machine/net/udp_socket.h"

namespace drydock::machine::net {

/// SOCK_RAW, and SOCK_DGRAM with IPPROTO_ICMP.
class RawSocket final : public InetSocket {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<RawSocket>(*this); }

  Outcome bind(const Caller& caller, std::string_view address) override;
  Outcome connect(const Caller& caller, std::string_view address) override;
  Outcome send(const Caller& caller, const OutgoingMessage& message) override;
  Outcome receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                  IncomingMessage* message) override;
  Outcome shutdown(const Caller& caller, int how) override;
  Result<std::string, Errno> local_address(const Caller& caller) override;
  Result<std::string, Errno> peer_address(const Caller& caller) override;
  Result<void, Errno> set_option(const Caller& caller, int level, int name, std::string_view value) override;
  Result<std::string, Errno> get_option(const Caller& caller, int level, int name) override;
  std::uint16_t poll(const Caller& caller) override;
  void release(Kernel& kernel) override;

  bool is_ping() const { return type == 2; }
  bool wants(const Packet& packet) const;

  IpAddress local, remote;
  std::uint16_t echo_id = 0;  // of a ping socket: its "port"
  bool connected = false;
  DatagramQueue queue;

 private:
  Result<void, Errno> choose_echo_id(Kernel& kernel, std::uint16_t wanted);
  Result<Packet, Errno> packet_from(std::string_view bytes) const;
};

class PacketSocket final : public Socket {
 public:
  std::unique_ptr<File> clone() const override { return std::make_unique<PacketSocket>(*this); }

  Outcome bind(const Caller& caller, std::string_view address) override;
  Outcome send(const Caller& caller, const OutgoingMessage& message) override;
  Outcome receive(const Caller& caller, std::uint64_t bytes_max, std::uint32_t flags,
                  IncomingMessage* message) override;
  Result<std::string, Errno> local_address(const Caller& caller) override;
  Result<void, Errno> set_option(const Caller& caller, int level, int name, std::string_view value) override;
  Result<std::string, Errno> get_option(const Caller& caller, int level, int name) override;
  std::uint16_t poll(const Caller& caller) override;
  void release(Kernel& kernel) override;

  std::uint16_t ether_type = 0;  // 0: nothing is received; ETH_P_ALL: all
  std::uint32_t interface = 0;   // 0: any
  struct Frame {
    std::string bytes;    // from the Ethernet header on
    std::string address;  // struct sockaddr_ll
  };
  std::deque<Frame> queue;
  std::uint64_t queued_bytes = 0;
};

/// Copies for the raw sockets; true when there was one for the protocol.
bool raw_sockets_receive(Kernel& kernel, InterfaceRef at, const Packet& packet);
void ping_sockets_receive(Kernel& kernel, InterfaceRef at, const Packet& packet);
void ping_icmp_error(Kernel& kernel, NetNamespaceId net, const Packet& error);
void packet_sockets_receive(Kernel& kernel, InterfaceRef at, const Packet& packet, bool outgoing);

}  // namespace drydock::machine::net
