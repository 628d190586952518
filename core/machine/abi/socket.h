#pragma once
// Numbers of the x86-64 system call interface that are about sockets: socket(2), ip(7), tcp(7), unix(7), netlink(7),
// netdevice(7). Lower case, because the upper-case names are macros wherever <sys/socket.h> was included.
// tidy: table

#include <cstdint>

namespace drydock::machine::abi {

inline constexpr int af_unspec = 0, af_unix = 1, af_inet = 2, af_inet6 = 10, af_netlink = 16, af_packet = 17,
                     af_max = 46;
inline constexpr int sock_stream = 1, sock_dgram = 2, sock_raw = 3, sock_rdm = 4, sock_seqpacket = 5, sock_packet = 10,
                     sock_type_mask = 0xf, sock_nonblock = 04000, sock_cloexec = 02000000;
inline constexpr int ipproto_ip = 0, ipproto_icmp = 1, ipproto_tcp = 6, ipproto_udp = 17, ipproto_ipv6 = 41,
                     ipproto_icmpv6 = 58, ipproto_raw = 255;
inline constexpr std::uint32_t ip_protocol_icmp = 1, ip_protocol_tcp = 6, ip_protocol_udp = 17, ip_protocol_icmpv6 = 58;

// send(2), recv(2).
inline constexpr std::uint32_t msg_oob = 1, msg_peek = 2, msg_dontroute = 4, msg_ctrunc = 8, msg_trunc = 0x20,
                               msg_dontwait = 0x40, msg_eor = 0x80, msg_waitall = 0x100, msg_confirm = 0x800,
                               msg_errqueue = 0x2000, msg_nosignal = 0x4000, msg_more = 0x8000,
                               msg_waitforone = 0x10000, msg_cmsg_cloexec = 0x40000000;
inline constexpr int shut_rd = 0, shut_wr = 1, shut_rdwr = 2;

// socket(7).
inline constexpr int sol_socket = 1;
inline constexpr int so_debug = 1, so_reuseaddr = 2, so_type = 3, so_error = 4, so_dontroute = 5, so_broadcast = 6,
                     so_sndbuf = 7, so_rcvbuf = 8, so_keepalive = 9, so_oobinline = 10, so_no_check = 11,
                     so_priority = 12, so_linger = 13, so_bsdcompat = 14, so_reuseport = 15, so_passcred = 16,
                     so_peercred = 17, so_rcvlowat = 18, so_sndlowat = 19, so_rcvtimeo = 20, so_sndtimeo = 21,
                     so_bindtodevice = 25, so_attach_filter = 26, so_detach_filter = 27, so_peername = 28,
                     so_timestamp = 29, so_acceptconn = 30, so_peersec = 31, so_sndbufforce = 32, so_rcvbufforce = 33,
                     so_passsec = 34, so_mark = 36, so_protocol = 38, so_domain = 39, so_rxq_ovfl = 40,
                     so_peek_off = 42, so_incoming_cpu = 49, so_peergroups = 59, so_bindtoifindex = 62;
inline constexpr int scm_rights = 1, scm_credentials = 2;
inline constexpr std::uint32_t scm_rights_max = 253;

// ip(7).
inline constexpr int ip_tos = 1, ip_ttl = 2, ip_hdrincl = 3, ip_options = 4, ip_recvopts = 6, ip_retopts = 7,
                     ip_pktinfo = 8, ip_mtu_discover = 10, ip_recverr = 11, ip_recvttl = 12, ip_recvtos = 13,
                     ip_mtu = 14, ip_freebind = 15, ip_transparent = 19, ip_bind_address_no_port = 24,
                     ip_multicast_if = 32, ip_multicast_ttl = 33, ip_multicast_loop = 34, ip_add_membership = 35,
                     ip_drop_membership = 36, ip_unicast_if = 50, icmp_filter = 1;
// tcp(7).
inline constexpr int tcp_nodelay = 1, tcp_maxseg = 2, tcp_cork = 3, tcp_keepidle = 4, tcp_keepintvl = 5,
                     tcp_keepcnt = 6, tcp_syncnt = 7, tcp_linger2 = 8, tcp_defer_accept = 9, tcp_window_clamp = 10,
                     tcp_info = 11, tcp_quickack = 12, tcp_congestion = 13, tcp_user_timeout = 18, tcp_fastopen = 23;
// udp(7).
inline constexpr int udp_cork = 1;
// ipv6(7).
inline constexpr int ipv6_2292pktinfo = 2, ipv6_checksum = 7, ipv6_2292hoplimit = 8, ipv6_unicast_hops = 16,
                     ipv6_multicast_if = 17, ipv6_multicast_hops = 18, ipv6_multicast_loop = 19, ipv6_join_group = 20,
                     ipv6_leave_group = 21, ipv6_mtu_discover = 23, ipv6_mtu = 24, ipv6_recverr = 25, ipv6_v6only = 26,
                     ipv6_recvpktinfo = 49, ipv6_pktinfo = 50, ipv6_recvhoplimit = 51, ipv6_hoplimit = 52,
                     ipv6_recvtclass = 66, ipv6_tclass = 67, icmpv6_filter = 1;
// packet(7), raw(7), netlink(7).
inline constexpr int sol_raw = 255, sol_icmpv6 = 58, sol_packet = 263, sol_netlink = 270;
inline constexpr int packet_add_membership = 1, packet_drop_membership = 2, packet_auxdata = 8;
inline constexpr int netlink_add_membership = 1, netlink_drop_membership = 2, netlink_pktinfo = 3,
                     netlink_no_enobufs = 5, netlink_ext_ack = 11, netlink_get_strict_chk = 12;
inline constexpr int netlink_route = 0;
inline constexpr std::uint16_t eth_p_ip = 0x0800, eth_p_arp = 0x0806, eth_p_ipv6 = 0x86dd, eth_p_all = 3;

// ioctl_list(2), those of sockets.
inline constexpr std::uint64_t siocoutq = 0x5411, siocinq = 0x541b, siocatmark = 0x8905, siocgstamp = 0x8906,
                               siocaddrt = 0x890b, siocdelrt = 0x890c, siocgifname = 0x8910, siocgifconf = 0x8912,
                               siocgifflags = 0x8913, siocsifflags = 0x8914, siocgifaddr = 0x8915, siocsifaddr = 0x8916,
                               siocgifdstaddr = 0x8917, siocsifdstaddr = 0x8918, siocgifbrdaddr = 0x8919,
                               siocsifbrdaddr = 0x891a, siocgifnetmask = 0x891b, siocsifnetmask = 0x891c,
                               siocgifmetric = 0x891d, siocgifmtu = 0x8921, siocsifmtu = 0x8922, siocsifname = 0x8923,
                               siocsifhwaddr = 0x8924, siocgifhwaddr = 0x8927, siocgifindex = 0x8933,
                               siocgiftxqlen = 0x8942, siocsiftxqlen = 0x8943, siocdarp = 0x8953, siocgarp = 0x8954,
                               siocsarp = 0x8955, siocgifmap = 0x8970, siocbraddbr = 0x89a0, siocbrdelbr = 0x89a1,
                               siocbraddif = 0x89a2, siocbrdelif = 0x89a3, siocethtool = 0x8946;

// netdevice(7).
inline constexpr std::uint32_t iff_up = 1, iff_broadcast = 2, iff_loopback = 8, iff_pointopoint = 0x10,
                               iff_running = 0x40, iff_noarp = 0x80, iff_promisc = 0x100, iff_allmulti = 0x200,
                               iff_multicast = 0x1000, iff_lower_up = 0x10000;

// capabilities(7), those that sockets ask for.
inline constexpr int cap_setgid = 6, cap_setuid = 7, cap_net_bind_service = 10, cap_net_broadcast = 11,
                     cap_net_admin = 12, cap_net_raw = 13;

}  // namespace drydock::machine::abi
