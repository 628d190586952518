#include "native/network/netlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <utility>

namespace drydock::native {

using network::Address;
using network::Mac;
using network::Subnet;

namespace {

constexpr std::size_t kMessageBytes = 8192;
constexpr std::size_t kAnswerBytes = 32768;
constexpr std::uint8_t kOperationalUp = 6;  // IF_OPER_UP of <linux/if.h>, which cannot be included beside <net/if.h>

Errno last_errno() {
  return static_cast<Errno>(errno);
}

void put_link_name(nlmsghdr* message, const std::string& name) {
  mnl_attr_put_strz(message, IFLA_IFNAME, name.c_str());
}

ifinfomsg* put_link_header(nlmsghdr* message) {
  auto* header = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifinfomsg)));
  header->ifi_family = AF_UNSPEC;
  return header;
}

Address address_from(int family, const void* bytes) {
  const auto* octets = static_cast<const std::uint8_t*>(bytes);
  if (family == AF_INET) {
    return Address::v4(std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 | std::uint32_t{octets[2]} << 8 |
                       octets[3]);
  }
  std::array<std::uint8_t, 16> v6{};
  std::copy_n(octets, 16, v6.begin());
  return Address::v6(v6);
}

std::uint8_t family_of(const Address& address) {
  return address.is_v6() ? AF_INET6 : AF_INET;
}
std::uint16_t length_of(const Address& address) {
  return address.is_v6() ? 16 : 4;
}

// libmnl's own loops are macros that only C takes.
template <class Visit>
void walk_attributes(const void* first, const char* end, Visit visit) {
  const auto* attribute = static_cast<const nlattr*>(first);
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    visit(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

template <class Visit>
void each_attribute(const nlmsghdr* message, std::size_t header_size, Visit visit) {
  walk_attributes(mnl_nlmsg_get_payload_offset(message, header_size),
                  static_cast<const char*>(mnl_nlmsg_get_payload_tail(message)), visit);
}

template <class Visit>
void each_nested_attribute(const nlattr* nest, Visit visit) {
  const auto* payload = static_cast<const char*>(mnl_attr_get_payload(nest));
  walk_attributes(payload, payload + mnl_attr_get_payload_len(nest), visit);
}

Link link_from(const nlmsghdr* message) {
  const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  Link link;
  link.index = header->ifi_index;
  each_attribute(message, sizeof(ifinfomsg), [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_IFNAME) link.name = mnl_attr_get_str(attribute);
    if (mnl_attr_get_type(attribute) == IFLA_OPERSTATE) link.operational = mnl_attr_get_u8(attribute) == kOperationalUp;
    if (mnl_attr_get_type(attribute) != IFLA_LINKINFO) return;
    each_nested_attribute(attribute, [&](const nlattr* info) {
      if (mnl_attr_get_type(info) == IFLA_INFO_KIND) link.kind = mnl_attr_get_str(info);
    });
  });
  return link;
}

}  // namespace

Netlink::Netlink(mnl_socket* socket) : socket_(socket) {}

Netlink::Netlink(Netlink&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)), sequence_(other.sequence_) {}

Netlink::~Netlink() {
  if (socket_ != nullptr) mnl_socket_close(socket_);
}

Result<Netlink, SysError> Netlink::open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (socket == nullptr) return SysError{last_errno(), "socket", "netlink"};
  Netlink netlink(socket);
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) return SysError{last_errno(), "bind", "netlink"};
  return netlink;
}

Result<void, SysError> Netlink::call(std::uint16_t type, std::uint16_t flags, const Fill& fill, const Take& take,
                                     std::string operation, std::string object) {
  alignas(nlmsghdr) std::array<char, kMessageBytes> buffer{};
  nlmsghdr* message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  message->nlmsg_seq = ++sequence_;
  fill(message);
  if (mnl_socket_sendto(socket_, message, message->nlmsg_len) < 0) {
    return SysError{last_errno(), std::move(operation), std::move(object)};
  }
  // libmnl hands each message to a plain function with one pointer.
  const auto deliver = [](const nlmsghdr* answer, void* data) {
    const Take& receiver = *static_cast<const Take*>(data);
    if (receiver) receiver(answer);
    return MNL_CB_OK;
  };
  alignas(nlmsghdr) std::array<char, kAnswerBytes> answers{};
  while (true) {
    const ssize_t size = mnl_socket_recvfrom(socket_, answers.data(), answers.size());
    if (size < 0 && errno == EINTR) continue;
    const int verdict = size < 0 ? -1
                                 : mnl_cb_run(answers.data(), static_cast<std::size_t>(size), sequence_,
                                              mnl_socket_get_portid(socket_), deliver, const_cast<Take*>(&take));
    if (verdict < 0) return SysError{last_errno(), std::move(operation), std::move(object)};
    if (verdict == MNL_CB_STOP) return {};
  }
}

Result<Link, SysError> Netlink::link(const std::string& name) {
  Link found;
  TRY(call(
      RTM_GETLINK, NLM_F_ACK,
      [&](nlmsghdr* message) {
        put_link_header(message);
        put_link_name(message, name);
      },
      [&](const nlmsghdr* answer) { found = link_from(answer); }, "link", name));
  return found;
}

Result<std::vector<Link>, SysError> Netlink::links() {
  std::vector<Link> all;
  TRY(call(
      RTM_GETLINK, NLM_F_DUMP, [](nlmsghdr* message) { put_link_header(message); },
      [&](const nlmsghdr* answer) { all.push_back(link_from(answer)); }, "links", ""));
  return all;
}

Result<void, SysError> Netlink::create_bridge(const std::string& name, std::uint32_t mtu) {
  return call(
      RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
      [&](nlmsghdr* message) {
        put_link_header(message);
        put_link_name(message, name);
        mnl_attr_put_u32(message, IFLA_MTU, mtu);
        nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "bridge");
        mnl_attr_nest_end(message, info);
      },
      nullptr, "create bridge", name);
}

Result<void, SysError> Netlink::create_veth(const std::string& name, std::uint32_t mtu, const std::string& peer_name,
                                            int peer_namespace_fd, const Mac& peer_mac) {
  const auto fill_peer = [&](nlmsghdr* message) {
    put_link_header(message);
    put_link_name(message, peer_name);
    mnl_attr_put_u32(message, IFLA_MTU, mtu);
    mnl_attr_put_u32(message, IFLA_TXQLEN, 0);
    mnl_attr_put(message, IFLA_ADDRESS, peer_mac.bytes.size(), peer_mac.bytes.data());
    mnl_attr_put_u32(message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(peer_namespace_fd));
  };
  return call(
      RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK,
      [&](nlmsghdr* message) {
        put_link_header(message);
        put_link_name(message, name);
        mnl_attr_put_u32(message, IFLA_MTU, mtu);
        mnl_attr_put_u32(message, IFLA_TXQLEN, 0);
        nlattr* info = mnl_attr_nest_start(message, IFLA_LINKINFO);
        mnl_attr_put_strz(message, IFLA_INFO_KIND, "veth");
        nlattr* data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
        nlattr* peer = mnl_attr_nest_start(message, VETH_INFO_PEER);
        fill_peer(message);
        mnl_attr_nest_end(message, peer);
        mnl_attr_nest_end(message, data);
        mnl_attr_nest_end(message, info);
      },
      nullptr, "create veth", name);
}

Result<void, SysError> Netlink::delete_link(const std::string& name) {
  auto result = call(
      RTM_DELLINK, NLM_F_ACK,
      [&](nlmsghdr* message) {
        put_link_header(message);
        put_link_name(message, name);
      },
      nullptr, "delete link", name);
  if (!result.ok() && result.error().code == Errno::enodev) return {};
  return result;
}

Result<void, SysError> Netlink::set_up(const std::string& name) {
  return call(
      RTM_NEWLINK, NLM_F_ACK,
      [&](nlmsghdr* message) {
        ifinfomsg* header = put_link_header(message);
        header->ifi_flags = IFF_UP;
        header->ifi_change = IFF_UP;
        put_link_name(message, name);
      },
      nullptr, "set up", name);
}

Result<void, SysError> Netlink::set_hardware_address(const std::string& name, const Mac& mac) {
  return call(
      RTM_NEWLINK, NLM_F_ACK,
      [&](nlmsghdr* message) {
        put_link_header(message);
        put_link_name(message, name);
        mnl_attr_put(message, IFLA_ADDRESS, mac.bytes.size(), mac.bytes.data());
      },
      nullptr, "set hardware address", name);
}

Result<void, SysError> Netlink::join_bridge(const std::string& port, const std::string& bridge, BridgePort options) {
  const Link master = TRY(link(bridge));
  TRY(call(
      RTM_NEWLINK, NLM_F_ACK,
      [&](nlmsghdr* message) {
        put_link_header(message);
        put_link_name(message, port);
        mnl_attr_put_u32(message, IFLA_MASTER, static_cast<std::uint32_t>(master.index));
      },
      nullptr, "join bridge", port));
  if (!options.hairpin && !options.isolated) return {};
  const Link member = TRY(link(port));
  return call(
      RTM_SETLINK, NLM_F_ACK,
      [&](nlmsghdr* message) {
        ifinfomsg* header = put_link_header(message);
        header->ifi_family = AF_BRIDGE;
        header->ifi_index = member.index;
        nlattr* protocol = mnl_attr_nest_start(message, IFLA_PROTINFO);
        mnl_attr_put_u8(message, IFLA_BRPORT_MODE, options.hairpin ? 1 : 0);
        mnl_attr_put_u8(message, IFLA_BRPORT_ISOLATED, options.isolated ? 1 : 0);
        mnl_attr_nest_end(message, protocol);
      },
      nullptr, "set bridge port", port);
}

Result<void, SysError> Netlink::change_address(std::uint16_t type, std::uint16_t flags, const std::string& name,
                                               const Subnet& address) {
  const Link target = TRY(link(name));
  return call(
      type, flags,
      [&](nlmsghdr* message) {
        auto* header = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)));
        header->ifa_family = family_of(address.address);
        header->ifa_prefixlen = static_cast<std::uint8_t>(address.prefix);
        header->ifa_index = static_cast<std::uint32_t>(target.index);
        const auto& bytes = address.address.bytes();
        mnl_attr_put(message, IFA_LOCAL, length_of(address.address), bytes.data());
        mnl_attr_put(message, IFA_ADDRESS, length_of(address.address), bytes.data());
        if (address.address.is_v6()) {
          // No duplicate address detection: the address must serve at once, and IPAM knows that it is unique.
          mnl_attr_put_u32(message, IFA_FLAGS, IFA_F_NODAD);
        } else if (address.prefix < 31) {
          const Address broadcast = address.last();
          mnl_attr_put(message, IFA_BROADCAST, 4, broadcast.bytes().data());
        }
      },
      nullptr, "address", concat(address.str(), " on ", name));
}

Result<void, SysError> Netlink::add_address(const std::string& name, const Subnet& address) {
  auto result = change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, name, address);
  if (!result.ok() && result.error().code == Errno::eexist) return {};
  return result;
}

Result<void, SysError> Netlink::remove_address(const std::string& name, const Subnet& address) {
  return change_address(RTM_DELADDR, NLM_F_ACK, name, address);
}

Result<std::vector<Subnet>, SysError> Netlink::addresses(const std::string& name) {
  const Link target = TRY(link(name));
  std::vector<Subnet> found;
  TRY(call(
      RTM_GETADDR, NLM_F_DUMP, [](nlmsghdr* message) { mnl_nlmsg_put_extra_header(message, sizeof(ifaddrmsg)); },
      [&](const nlmsghdr* answer) {
        const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(answer));
        if (static_cast<int>(header->ifa_index) != target.index) return;
        each_attribute(answer, sizeof(ifaddrmsg), [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) != IFA_ADDRESS) return;
          found.push_back({address_from(header->ifa_family, mnl_attr_get_payload(attribute)), header->ifa_prefixlen});
        });
      },
      "addresses", name));
  return found;
}

Result<void, SysError> Netlink::add_default_route(const Address& gateway) {
  return call(
      RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK,
      [&](nlmsghdr* message) {
        auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
        header->rtm_family = family_of(gateway);
        header->rtm_table = RT_TABLE_MAIN;
        header->rtm_protocol = RTPROT_BOOT;
        header->rtm_scope = RT_SCOPE_UNIVERSE;
        header->rtm_type = RTN_UNICAST;
        mnl_attr_put(message, RTA_GATEWAY, length_of(gateway), gateway.bytes().data());
      },
      nullptr, "default route via", gateway.str());
}

Result<std::vector<Subnet>, SysError> Netlink::used_subnets() {
  std::vector<Subnet> used;
  TRY(call(
      RTM_GETROUTE, NLM_F_DUMP,
      [](nlmsghdr* message) {
        auto* header = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
        header->rtm_family = AF_INET;
      },
      [&](const nlmsghdr* answer) {
        const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(answer));
        if (header->rtm_family != AF_INET || header->rtm_dst_len == 0 || header->rtm_type != RTN_UNICAST) return;
        each_attribute(answer, sizeof(rtmsg), [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) != RTA_DST) return;
          used.push_back({address_from(AF_INET, mnl_attr_get_payload(attribute)), header->rtm_dst_len});
        });
      },
      "routes", ""));
  return used;
}

}  // namespace drydock::native
