// /proc/PID/net: interfaces, routes, neighbours, sockets and counters of the process's network namespace. proc(5).
//
// Not counted: frame and fifo errors, socket memory, multicast groups. Kernel addresses are shown as 0.

#include <algorithm>
#include <array>

#include "base/text.h"
#include "machine/fs/proc/process_view.h"
#include "machine/kernel/capabilities.h"
#include "machine/net/socket.h"
#include "machine/net/unix_socket.h"

namespace drydock::machine {

namespace {

using net::Interface;
using net::IpAddress;

std::string upper_hex(std::uint64_t value, std::size_t digits) {
  return to_upper(hex_number(value, digits));
}

/// As the kernel prints an address it keeps in network order: each 32-bit word with its first byte last.
std::string address_words(const IpAddress& address, bool as_v6) {
  std::string bytes = address.bytes();
  if (as_v6 && !address.is_v6()) {
    const auto mapped = address.is_unspecified() ? std::array<std::uint8_t, 16>{} : address.mapped();
    bytes.assign(mapped.begin(), mapped.end());
  }
  std::string text;
  for (std::size_t word = 0; word + 4 <= bytes.size(); word += 4)
    for (int byte = 3; byte >= 0; --byte)
      text += upper_hex(static_cast<std::uint8_t>(bytes[word + static_cast<std::size_t>(byte)]), 2);
  return text;
}

std::string endpoint(const IpAddress& address, std::uint16_t port, bool as_v6) {
  return concat(address_words(address, as_v6), ':', upper_hex(port, 4));
}

std::string counter_columns(const net::InterfaceCounters& counters, bool received) {
  const auto column = [](std::uint64_t value, std::size_t width) {
    return concat(' ', padded_left(concat(value), width));
  };
  std::string text = padded_left(concat(counters.bytes), received ? 7 : 8);
  text += column(counters.packets, 7) + column(counters.errors, 4) + column(counters.dropped, 4) + column(0, 4) +
          column(0, 5);
  if (received) return text + column(0, 10) + column(counters.multicast, 9);
  return text + column(0, 7) + column(0, 10);
}

std::string dev_text(const Caller&, const NetNamespace& space) {
  std::string text =
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
      "compressed\n";
  for (const auto& [index, interface] : space.interfaces)
    text += concat(padded_left(interface.name, 6), ": ", counter_columns(interface.received, true), ' ',
                   counter_columns(interface.sent, false), "\n");
  return text;
}

std::string interface_name(const NetNamespace& space, std::uint32_t index) {
  const auto found = space.interfaces.find(index);
  return found != space.interfaces.end() ? found->second.name : "*";
}

std::string route_text(const Caller&, const NetNamespace& space) {
  constexpr std::size_t kWidth = 127;
  constexpr std::uint32_t kMainTable = 254;
  std::string text =
      padded_right("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT", kWidth) +
      "\n";
  std::vector<net::Route> routes(space.routes.begin(), space.routes.end());
  std::stable_sort(routes.begin(), routes.end(), [](const net::Route& a, const net::Route& b) {
    return a.destination.address < b.destination.address;  // the order of fib_trie's leaves
  });
  for (const net::Route& route : routes) {
    if (route.table != kMainTable || route.destination.address.is_v6()) continue;
    const std::uint32_t bits = route.destination.length;
    const std::uint32_t mask = bits == 0 ? 0 : ~std::uint32_t{0} << (32 - std::min(bits, 32u));
    std::uint32_t flags = 1;  // RTF_UP
    if (!route.gateway.is_unspecified()) flags |= 2;
    if (bits == 32) flags |= 4;
    if (route.kind != net::RouteKind::unicast) flags |= 0x200;
    const IpAddress gateway = route.gateway.is_v6() ? IpAddress() : route.gateway;
    text += padded_right(
                concat(interface_name(space, route.interface), '\t', address_words(route.destination.address, false),
                       '\t', address_words(gateway, false), '\t', upper_hex(flags, 4), "\t0\t0\t", route.metric, '\t',
                       address_words(IpAddress::v4(mask), false), "\t0\t0\t0"),
                kWidth) +
            "\n";
  }
  return text;
}

std::string arp_text(const Caller&, const NetNamespace& space) {
  std::string text = "IP address       HW type     Flags       HW address            Mask     Device\n";
  for (const auto& [key, neighbour] : space.neighbours) {
    if (key.second.is_v6()) continue;
    const bool known = neighbour.state == net::NeighbourState::reachable;
    const bool permanent = neighbour.state == net::NeighbourState::permanent;
    text += concat(padded_right(key.second.str(), 16), " 0x1         ",
                   padded_right(concat("0x", permanent ? 6
                                             : known   ? 2
                                                       : 0),
                                12),
                   neighbour.mac.str(), "     *        ", interface_name(space, key.first), "\n");
  }
  return text;
}

std::string if_inet6_text(const Caller&, const NetNamespace& space) {
  std::string text;
  for (const auto& [index, interface] : space.interfaces)
    for (const net::InterfaceAddress& address : interface.addresses) {
      if (!address.prefix.address.is_v6()) continue;
      const std::uint32_t scope = address.prefix.address.is_loopback()     ? 0x10
                                  : address.prefix.address.is_link_local() ? 0x20
                                                                           : 0;
      text += concat(to_hex(address.prefix.address.bytes()), ' ', hex_number(index, 2), ' ',
                     hex_number(address.prefix.length, 2), ' ', hex_number(scope, 2), ' ',
                     address.permanent ? "80" : "00", ' ', padded_left(interface.name, 8), "\n");
    }
  return text;
}

struct SocketLine {
  IpAddress local, remote;
  std::uint16_t local_port = 0, remote_port = 0;
  std::uint32_t state = 7;
  std::uint64_t sending = 0, receiving = 0, inode = 0;
  std::uint32_t uid = 0;
};

/// The columns that TCP, UDP and raw sockets share.
std::string socket_columns(const Caller& caller, const SocketLine& line, bool v6) {
  constexpr std::size_t kUidWidth = 5, kTimeoutWidth = 8;

  return concat(endpoint(line.local, line.local_port, v6), ' ', endpoint(line.remote, line.remote_port, v6), ' ',
                upper_hex(line.state, 2), ' ', upper_hex(line.sending, 8), ':', upper_hex(line.receiving, 8),
                " 00:00000000 00000000 ", padded_left(concat(uid_shown(caller, line.uid)), kUidWidth), ' ',
                padded_left("0", kTimeoutWidth), ' ', line.inode);
}

std::string tcp_lines(const Caller& caller, const NetNamespace& space, bool v6) {
  constexpr std::size_t kWidth = 149;
  std::string text =
      v6 ? "  sl  local_address                         remote_address                        st tx_queue "
           "rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
         : padded_right(
               "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
               "uid  timeout inode",
               kWidth) +
               "\n";
  std::vector<net::TcpId> all;
  for (const auto& [port, id] : space.tcp_bound) all.push_back(id);
  for (const auto& [key, id] : space.tcp_connections) all.push_back(id);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  // Listeners come first.
  std::stable_partition(all.begin(), all.end(), [&](net::TcpId id) {
    const net::TcpEndpoint* end = std::as_const(caller.kernel.network.tcp).find(id);
    return end != nullptr && end->state == net::TcpState::listen;
  });
  std::size_t number = 0;
  for (const net::TcpId id : all) {
    const net::TcpEndpoint* end = std::as_const(caller.kernel.network.tcp).find(id);
    if (end == nullptr || end->v6 != v6 || end->state == net::TcpState::closed) continue;
    const bool listens = end->state == net::TcpState::listen;
    SocketLine line{end->local,
                    end->remote,
                    end->local_port,
                    end->remote_port,
                    static_cast<std::uint32_t>(end->state),
                    end->out.size(),
                    listens ? end->accept_queue.size() : end->in.size(),
                    end->inode_number,
                    end->uid};
    const std::string columns = concat(padded_left(concat(number++), 4), ": ", socket_columns(caller, line, v6),
                                       " 1 0000000000000000 ", listens ? "100 0 0 10 0" : "20 4 30 10 -1");
    text += (v6 ? columns : padded_right(columns, kWidth)) + "\n";
  }
  return text;
}

std::string tcp_text(const Caller& caller, const NetNamespace& space) {
  return tcp_lines(caller, space, false);
}
std::string tcp6_text(const Caller& caller, const NetNamespace& space) {
  return tcp_lines(caller, space, true);
}

/// struct sockaddr_in or sockaddr_in6.
void decode_address(std::string_view sockaddr, IpAddress& address, std::uint16_t& port) {
  constexpr std::size_t kV4Bytes = 8, kV6Bytes = 24;
  if (sockaddr.size() < kV4Bytes) return;
  port =
      static_cast<std::uint16_t>(static_cast<std::uint8_t>(sockaddr[2]) << 8 | static_cast<std::uint8_t>(sockaddr[3]));
  address = sockaddr.size() >= kV6Bytes ? IpAddress::from_bytes(sockaddr.substr(8, 16))
                                        : IpAddress::from_bytes(sockaddr.substr(4, 4));
}

constexpr int kAfInet6 = 10;

std::string datagram_lines(const Caller& caller, const std::vector<FileId>& files, bool v6) {
  constexpr std::size_t kWidth = 127;
  std::string text =
      v6 ? "  sl  local_address                         remote_address                        st tx_queue rx_queue tr "
           "tm->when retrnsmt   uid  timeout inode ref pointer drops\n"
         : padded_right(
               "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
               "inode ref pointer drops",
               kWidth) +
               "\n";
  std::size_t number = 0;
  for (const FileId id : files) {
    Socket* socket = find_socket(caller.kernel, id);
    if (socket == nullptr || (socket->family == kAfInet6) != v6) continue;
    SocketLine line;
    if (auto local = socket->local_address(caller); local.ok()) decode_address(*local, line.local, line.local_port);
    if (auto peer = socket->peer_address(caller); peer.ok()) {
      decode_address(*peer, line.remote, line.remote_port);
      line.state = 1;
    }
    line.receiving = socket->readable_bytes();
    line.inode = socket->inode_number;
    line.uid = socket->uid;
    const std::string columns =
        concat(padded_left(concat(number++), 5), ": ", socket_columns(caller, line, v6), " 2 0000000000000000 0");
    text += (v6 ? columns : padded_right(columns, kWidth)) + "\n";
  }
  return text;
}

std::vector<FileId> udp_files(const NetNamespace& space) {
  std::vector<FileId> files;
  for (const auto& [port, id] : space.udp_bound) files.push_back(id);
  return files;
}
std::string udp_text(const Caller& caller, const NetNamespace& space) {
  return datagram_lines(caller, udp_files(space), false);
}
std::string udp6_text(const Caller& caller, const NetNamespace& space) {
  return datagram_lines(caller, udp_files(space), true);
}
std::string raw_text(const Caller& caller, const NetNamespace& space) {
  return datagram_lines(caller, space.raw_sockets, false).erase(0, 1);
}
std::string raw6_text(const Caller& caller, const NetNamespace& space) {
  return datagram_lines(caller, space.raw_sockets, true);
}

std::string unix_text(const Caller& caller, const NetNamespace& space) {
  std::string text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  for (const FileId id : space.unix_sockets) {
    const auto* socket = dynamic_cast<const net::UnixSocket*>(std::as_const(caller.kernel.files).find(id));
    if (socket == nullptr) continue;
    const bool connected = socket->state == net::UnixSocket::State::connected;
    text += concat("0000000000000000: 00000002 00000000 ", socket->is_listening() ? "00010000" : "00000000", ' ',
                   upper_hex(static_cast<std::uint64_t>(socket->type), 4), ' ', connected ? "03" : "01", ' ',
                   padded_left(concat(socket->inode_number), 5));
    if (!socket->name.empty()) {
      std::string name = socket->name;
      std::replace(name.begin(), name.end(), '\0', '@');
      text += concat(' ', name);
    }
    text += "\n";
  }
  return text;
}

std::string snmp_text(const Caller&, const NetNamespace& space) {
  const net::NetCounters& c = space.counters;
  return concat(
             "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards "
             "InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs "
             "FragFails FragCreates\nIp: ",
             space.settings.ip_forward ? 1 : 2, ' ', space.settings.default_ttl, ' ', c.ip_received, " 0 0 ",
             c.ip_forwarded, " 0 ", c.ip_discarded, ' ', c.ip_delivered, ' ', c.ip_sent, " 0 ", c.ip_no_route,
             " 0 0 0 0 0 0 0\n") +
         concat(
             "Icmp: InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects "
             "InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors "
             "OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps "
             "OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps\nIcmp: ",
             c.icmp_received, " 0 0 ", c.icmp_unreachable_received, ' ', c.icmp_time_exceeded_received, " 0 0 0 ",
             c.icmp_echos, ' ', c.icmp_echo_replies, " 0 0 0 0 ", c.icmp_sent, " 0 ", c.icmp_unreachable_sent, ' ',
             c.icmp_time_exceeded_sent, " 0 0 0 0 0 0 0 0 0\n") +
         concat(
             "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab "
             "InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\nTcp: 1 200 120000 -1 ",
             c.tcp_active_opens, ' ', c.tcp_passive_opens, ' ', c.tcp_failed, ' ', c.tcp_resets, ' ',
             space.tcp_connections.size(), ' ', c.tcp_received, ' ', c.tcp_sent, ' ', c.tcp_retransmitted, " 0 ",
             c.tcp_resets_sent, " 0\n") +
         concat(
             "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti "
             "MemErrors\nUdp: ",
             c.udp_received, ' ', c.udp_no_ports, ' ', c.udp_errors, ' ', c.udp_sent, " 0 0 0 0 0\n") +
         "UdpLite: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti "
         "MemErrors\nUdpLite: 0 0 0 0 0 0 0 0 0\n";
}

std::string netstat_text(const Caller&, const NetNamespace&) {
  return "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed\nTcpExt: 0 0 0\n"
         "IpExt: InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets\n"
         "IpExt: 0 0 0 0 0 0 0 0\n";
}

std::string sockstat_text(const Caller& caller, const NetNamespace& space) {
  std::size_t used = space.unix_sockets.size() + space.udp_bound.size() + space.raw_sockets.size() +
                     space.netlink_sockets.size() + space.packet_sockets.size() + space.tcp_bound.size();
  (void)caller;
  return concat("sockets: used ", used, "\nTCP: inuse ", space.tcp_bound.size(), " orphan 0 tw 0 alloc ",
                space.tcp_bound.size(), " mem 0\nUDP: inuse ", space.udp_bound.size(),
                " mem 0\nUDPLITE: inuse 0\nRAW: inuse ", space.raw_sockets.size(), "\nFRAG: inuse 0 memory 0\n");
}

std::string psched_text(const Caller&, const NetNamespace&) {
  return "000003e8 00000040 000f4240 3b9aca00\n";
}
std::string nothing(const Caller&, const NetNamespace&) {
  return "";
}
std::string protocols_text(const Caller&, const NetNamespace&) {
  return "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh "
         "gp em\n";
}

struct NetRow {
  std::string_view name;
  std::uint32_t permissions;
  std::string (*text)(const Caller&, const NetNamespace&);
};
constexpr std::array<NetRow, 24> kRows{{
    {"arp", 0444, arp_text},
    {"dev", 0444, dev_text},
    {"dev_mcast", 0444, nothing},
    {"icmp", 0444, nothing},
    {"if_inet6", 0444, if_inet6_text},
    {"igmp", 0444, nothing},
    {"ipv6_route", 0444, nothing},
    {"netlink", 0444, nothing},
    {"netstat", 0444, netstat_text},
    {"packet", 0444, nothing},
    {"protocols", 0444, protocols_text},
    {"psched", 0444, psched_text},
    {"ptype", 0444, nothing},
    {"raw", 0444, raw_text},
    {"raw6", 0444, raw6_text},
    {"route", 0444, route_text},
    {"rt_cache", 0444, nothing},
    {"snmp", 0444, snmp_text},
    {"sockstat", 0444, sockstat_text},
    {"tcp", 0444, tcp_text},
    {"tcp6", 0444, tcp6_text},
    {"udp", 0444, udp_text},
    {"udp6", 0444, udp6_text},
    {"unix", 0444, unix_text},
}};
constexpr std::uint32_t kNetPart = 0x300;

const NetNamespace* space_of(const Caller& caller, const ProcessView& view) {
  const Task* task = std::as_const(caller.kernel.tasks).find(view.task);
  return task != nullptr ? std::as_const(caller.kernel.net_namespaces).find(task->namespaces.net) : nullptr;
}

class NetFile final : public TextInode {
 public:
  NetFile(const ProcessView& view, const NetRow& row) : view_(view), row_(&row) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<NetFile>(*this); }
  Result<std::string, Errno> text(const Caller& caller) override {
    const NetNamespace* space = space_of(caller, view_);
    if (space == nullptr) return Errno::einval;
    return row_->text(caller, *space);
  }
  bool still_valid(const Caller& caller) const override { return space_of(caller, view_) != nullptr; }

 private:
  ProcessView view_;
  const NetRow* row_;
};

class NetDirectory final : public ProcessInode {
 public:
  using ProcessInode::ProcessInode;
  std::unique_ptr<Inode> clone() const override { return std::make_unique<NetDirectory>(*this); }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    if (space_of(caller, view_) == nullptr) return Errno::enoent;
    for (std::size_t at = 0; at < kRows.size(); ++at) {
      if (kRows[at].name != name) continue;
      auto node = std::make_unique<NetFile>(view_, kRows[at]);
      node->mode = abi::s_ifreg | kRows[at].permissions;
      node->number = process_inode_number(view_, kNetPart + static_cast<std::uint32_t>(at));
      node->time_ns = caller.kernel.boot_time_ns;
      return add_inode(caller.kernel, superblock, std::move(node));
    }
    return Errno::enoent;
  }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    std::vector<DirectoryItem> items;
    if (space_of(caller, view_) == nullptr) return items;
    for (std::size_t at = cookie; at < kRows.size() && items.size() < count_max; ++at)
      items.push_back({std::string(kRows[at].name),
                       process_inode_number(view_, kNetPart + static_cast<std::uint32_t>(at)), abi::s_ifreg >> 12,
                       at + 1});
    return items;
  }
};

}  // namespace

std::unique_ptr<PseudoInode> make_net_directory(const Caller&, const ProcessView& view) {
  return std::make_unique<NetDirectory>(view);
}

}  // namespace drydock::machine
