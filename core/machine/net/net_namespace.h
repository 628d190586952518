#pragma once
// network_namespaces(7): interfaces, addresses, routes, rules and the sockets bound in one. How packets move between
// them is in stack.h.

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "machine/kernel/ids.h"
#include "machine/net/firewall.h"
#include "machine/net/interface.h"
#include "machine/net/tcp_endpoint.h"

namespace drydock::machine {

namespace net {
/// /proc/sys/net of a namespace.
struct NetSettings {
  bool ip_forward = false;
  bool ipv6_forward = false;
  bool ipv6_disabled = false;
  std::uint32_t default_ttl = 64;
  std::uint32_t ping_group_first = 1, ping_group_last = 0;  // the range is empty: nobody
  std::uint32_t unprivileged_port_start = 1024;
  std::uint32_t local_port_first = 32768, local_port_last = 60999;
  std::uint32_t somaxconn = 4096;
  std::uint32_t max_dgram_qlen = 512;
  std::uint32_t tcp_syn_retries = kTcpSynRetries;
  bool icmp_echo_ignore_all = false;
  bool ip_nonlocal_bind = false;
};

/// What /proc/net/snmp counts.
struct NetCounters {
  std::uint64_t ip_received = 0, ip_forwarded = 0, ip_delivered = 0, ip_sent = 0, ip_no_route = 0, ip_discarded = 0;
  std::uint64_t icmp_received = 0, icmp_sent = 0, icmp_echos = 0, icmp_echo_replies = 0, icmp_unreachable_sent = 0,
                icmp_unreachable_received = 0, icmp_time_exceeded_sent = 0, icmp_time_exceeded_received = 0;
  std::uint64_t tcp_active_opens = 0, tcp_passive_opens = 0, tcp_failed = 0, tcp_resets = 0, tcp_received = 0,
                tcp_sent = 0, tcp_retransmitted = 0, tcp_resets_sent = 0;
  std::uint64_t udp_received = 0, udp_no_ports = 0, udp_errors = 0, udp_sent = 0;
};
}  // namespace net

class NetNamespace {
 public:
  std::uint32_t users = 0;  // tasks, nsfs files, bind mounts and sockets
  std::uint64_t number = 0;
  UserNamespaceId owner;

  std::map<std::uint32_t, net::Interface> interfaces;  // by index; 1 is lo
  std::uint32_t next_index = 2;
  std::vector<net::Route> routes;
  std::map<net::NeighbourKey, net::Neighbour> neighbours;
  net::Firewall firewall;
  net::NetSettings settings;
  net::NetCounters counters;
  std::uint16_t next_identification = 1;
  std::uint32_t next_port_offset = 0;

  std::map<net::TcpKey, net::TcpId> tcp_connections;   // those with a remote end
  std::multimap<std::uint16_t, net::TcpId> tcp_bound;  // by local port: listeners and all that have one
  std::deque<net::TcpId> time_waits;                   // in the order in which they end
  std::multimap<std::uint16_t, FileId> udp_bound;      // by local port
  std::vector<FileId> raw_sockets, ping_sockets, packet_sockets, netlink_sockets;
  std::uint32_t next_netlink_port = 0;
  std::map<std::string, FileId, std::less<>> abstract_names;  // AF_UNIX; without the leading NUL
  std::vector<FileId> unix_sockets;                           // all, for /proc/net/unix
};

/// A namespace with a loopback interface that is down. The caller takes the first reference with get_net_namespace().
NetNamespaceId new_net_namespace(Kernel& kernel, UserNamespaceId owner);
void get_net_namespace(Kernel& kernel, NetNamespaceId id);
/// Without references it ends: at once, or after kNamespaceEndNs when what was sent from it may be on its way.
void put_net_namespace(Kernel& kernel, NetNamespaceId id);
/// Ends it if nobody refers to it: veth peers vanish, connections are forgotten.
void end_net_namespace(Kernel& kernel, NetNamespaceId id);

}  // namespace drydock::machine
