#pragma once
// What the sockets of AF_INET and AF_INET6 share: addresses, and the options of ip(7) and ipv6(7). An IPv6 socket
// speaks IPv4 too, with IPv4-mapped addresses, unless IPV6_V6ONLY is set.

#include "machine/net/interface.h"
#include "machine/net/socket.h"

namespace drydock::machine::net {

struct InetName {
  IpAddress address;
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  // interface of a link-local IPv6 address
};

struct InetOptions {
  int ttl = -1, multicast_ttl = 1, hops = -1, multicast_hops = 1;  // -1: the namespace's
  int tos = 0, tclass = 0, mtu_discover = 1, v6_mtu_discover = 1;
  bool packet_info = false, receive_ttl = false, receive_tos = false, receive_errors = false, free_bind = false,
       header_included = false, multicast_loop = true, v6_only = false, v6_packet_info = false, v6_hop_limit = false,
       v6_old_hop_limit = false, v6_old_packet_info = false, v6_receive_errors = false, v6_traffic_class = false,
       transparent = false, bind_no_port = false;
  std::uint32_t multicast_interface = 0;
  int checksum_at = -1;
  std::uint32_t icmp_filter = 0;                            // bit N: messages of type N are not wanted
  std::array<std::uint32_t, 8> icmp6_filter{};              // likewise
  std::vector<std::pair<IpAddress, std::uint32_t>> groups;  // joined, with the interface
};

inline constexpr std::size_t kGroupsMax = 20;

class InetSocket : public Socket {
 public:
  bool v6() const { return family == 10; }
  InetOptions inet;

  Result<void, Errno> set_option(const Caller& caller, int level, int name, std::string_view value) override;
  Result<std::string, Errno> get_option(const Caller& caller, int level, int name) override;

  /// A struct sockaddr_in or sockaddr_in6 as this socket understands it. EINVAL, EAFNOSUPPORT.
  Result<InetName, Errno> name_of(std::string_view address) const;
  std::string sockaddr_of(const IpAddress& address, std::uint16_t port, std::uint32_t scope = 0) const;
  bool is_unspecified_family(std::string_view address) const;
  /// ip(7): CAP_NET_BIND_SERVICE below net.ipv4.ip_unprivileged_port_start. EACCES.
  Result<void, Errno> may_bind_port(const Caller& caller, std::uint16_t port) const;
  /// An address of this host, or one of a group. EADDRNOTAVAIL.
  Result<void, Errno> may_bind_address(const Caller& caller, const IpAddress& address) const;
  /// Which interface what is sent must leave by: SO_BINDTODEVICE, or the scope.
  std::uint32_t out_interface(std::uint32_t scope) const;
  std::uint8_t time_to_live(const Kernel& kernel, const IpAddress& destination) const;
  /// IP_PKTINFO and the like for a packet that was received.
  void add_packet_info(const Kernel& kernel, const IpAddress& destination, std::uint32_t interface, std::uint8_t ttl,
                       IncomingMessage* message) const;
  bool has_joined(const IpAddress& group, std::uint32_t interface) const;

 private:
  Result<void, Errno> set_ip_option(const Caller& caller, int name, std::string_view value);
  Result<void, Errno> set_ipv6_option(const Caller& caller, int name, std::string_view value);
  Result<void, Errno> join_or_leave(const Caller& caller, bool join, const IpAddress& group, std::uint32_t interface);
  bool* flag(int level, int name);
};

/// The next free port of net.ipv4.ip_local_port_range, by a walk that begins elsewhere each time; 0: all are taken.
template <class IsTaken>
std::uint16_t choose_port(NetNamespace& space, IsTaken is_taken) {
  const std::uint32_t first = space.settings.local_port_first, last = space.settings.local_port_last;
  const std::uint32_t count = last >= first ? last - first + 1 : 0;
  for (std::uint32_t tries = 0; tries < count; ++tries) {
    const auto port = static_cast<std::uint16_t>(first + space.next_port_offset % count);
    space.next_port_offset = (space.next_port_offset + 1) % count;
    if (!is_taken(port)) return port;
  }
  return 0;
}

}  // namespace drydock::machine::net
