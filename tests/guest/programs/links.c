// netdevice(7), rtnetlink(7), veth(4), bridge(8), route(8): interfaces, and packets between network namespaces.
#include "guest.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

struct request {
  struct nlmsghdr header;
  char rest[1024];
};
static void put(struct request* request, int type, const void* data, size_t bytes) {
  struct rtattr* attribute = (struct rtattr*)((char*)request + NLMSG_ALIGN(request->header.nlmsg_len));
  attribute->rta_type = (unsigned short)type;
  attribute->rta_len = (unsigned short)RTA_LENGTH(bytes);
  if (bytes) memcpy(RTA_DATA(attribute), data, bytes);
  request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + RTA_ALIGN(attribute->rta_len);
}
static struct rtattr* open_nest(struct request* request, int type) {
  struct rtattr* nest = (struct rtattr*)((char*)request + NLMSG_ALIGN(request->header.nlmsg_len));
  put(request, type, 0, 0);
  return nest;
}
static void close_nest(struct request* request, struct rtattr* nest) {
  nest->rta_len = (unsigned short)((char*)request + request->header.nlmsg_len - (char*)nest);
}
// Sends the request with NLM_F_ACK: 0, or -1 with errno.
static int ask(struct request* request) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  char buffer[8192];
  request->header.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
  if (send(fd, request, request->header.nlmsg_len, 0) < 0) return -1;
  int got = (int)recv(fd, buffer, sizeof buffer, 0);
  close(fd);
  struct nlmsghdr* header = (struct nlmsghdr*)buffer;
  if (got < (int)sizeof *header || header->nlmsg_type != NLMSG_ERROR) return -1;
  errno = -((struct nlmsgerr*)NLMSG_DATA(header))->error;
  return errno ? -1 : 0;
}
static struct request link_request(int type, int flags, const char* name) {
  struct request request = {{NLMSG_LENGTH(sizeof(struct ifinfomsg)), type, flags, 1, 0}, {0}};
  if (name) put(&request, IFLA_IFNAME, name, strlen(name) + 1);
  return request;
}
static int make(const char* kind, const char* name) {
  struct request request = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
  struct rtattr* nest = open_nest(&request, IFLA_LINKINFO);
  put(&request, IFLA_INFO_KIND, kind, strlen(kind));
  close_nest(&request, nest);
  return ask(&request);
}
static int make_veth(const char* name, const char* peer) {
  struct request request = link_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, name);
  struct rtattr* nest = open_nest(&request, IFLA_LINKINFO);
  put(&request, IFLA_INFO_KIND, "veth", 4);
  struct rtattr* data = open_nest(&request, IFLA_INFO_DATA);
  struct rtattr* inner = open_nest(&request, VETH_INFO_PEER);
  memset((char*)&request + request.header.nlmsg_len, 0, sizeof(struct ifinfomsg));
  request.header.nlmsg_len += sizeof(struct ifinfomsg);
  put(&request, IFLA_IFNAME, peer, strlen(peer) + 1);
  close_nest(&request, inner);
  close_nest(&request, data);
  close_nest(&request, nest);
  return ask(&request);
}
static int set_u32(const char* name, int type, unsigned value) {
  struct request request = link_request(RTM_NEWLINK, 0, name);
  put(&request, type, &value, sizeof value);
  return ask(&request);
}
static int set_flags(const char* name, int up) {
  struct request request = link_request(RTM_NEWLINK, 0, name);
  struct ifinfomsg* info = NLMSG_DATA(&request.header);
  info->ifi_flags = up ? IFF_UP : 0;
  info->ifi_change = IFF_UP;
  return ask(&request);
}
static int remove_link(const char* name) {
  struct request request = link_request(RTM_DELLINK, 0, name);
  return ask(&request);
}
static int address(int type, const char* name, const char* text, int prefix) {
  struct request request = {
      {NLMSG_LENGTH(sizeof(struct ifaddrmsg)), type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0, 1, 0}, {0}};
  struct ifaddrmsg* body = NLMSG_DATA(&request.header);
  body->ifa_family = AF_INET;
  body->ifa_prefixlen = (unsigned char)prefix;
  body->ifa_index = if_nametoindex(name);
  struct in_addr value;
  inet_aton(text, &value);
  put(&request, IFA_LOCAL, &value, 4);
  put(&request, IFA_ADDRESS, &value, 4);
  return ask(&request);
}
static int route(int type, const char* destination, int prefix, const char* gateway, const char* name) {
  struct request request = {
      {NLMSG_LENGTH(sizeof(struct rtmsg)), type, type == RTM_NEWROUTE ? NLM_F_CREATE | NLM_F_EXCL : 0, 1, 0}, {0}};
  struct rtmsg* body = NLMSG_DATA(&request.header);
  body->rtm_family = AF_INET;
  body->rtm_dst_len = (unsigned char)prefix;
  body->rtm_table = RT_TABLE_MAIN;
  body->rtm_protocol = RTPROT_BOOT;
  body->rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
  body->rtm_type = RTN_UNICAST;
  struct in_addr value;
  inet_aton(destination, &value);
  if (prefix) put(&request, RTA_DST, &value, 4);
  if (gateway) {
    inet_aton(gateway, &value);
    put(&request, RTA_GATEWAY, &value, 4);
  }
  unsigned index = name ? if_nametoindex(name) : 0;
  if (name) put(&request, RTA_OIF, &index, 4);
  return ask(&request);
}
// Calls `each` for every message of a dump.
static void dump(int type, int family, void (*each)(struct nlmsghdr*)) {
  struct {
    struct nlmsghdr header;
    struct rtgenmsg body;
  } request = {{NLMSG_LENGTH(sizeof(struct rtgenmsg)), (unsigned short)type, NLM_F_REQUEST | NLM_F_DUMP, 7, 0},
               {(unsigned char)family}};
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  static char buffer[65536];
  send(fd, &request, request.header.nlmsg_len, 0);
  while (1) {
    int got = (int)recv(fd, buffer, sizeof buffer, 0);
    if (got <= 0) break;
    for (struct nlmsghdr* header = (struct nlmsghdr*)buffer; NLMSG_OK(header, (unsigned)got);
         header = NLMSG_NEXT(header, got)) {
      if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR) {
        close(fd);
        return;
      }
      each(header);
    }
  }
  close(fd);
}
static struct rtattr* find(struct nlmsghdr* header, size_t body, int type) {
  int left = (int)(header->nlmsg_len - NLMSG_LENGTH(body));
  for (struct rtattr* attribute = (struct rtattr*)((char*)NLMSG_DATA(header) + NLMSG_ALIGN(body));
       RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
    if ((attribute->rta_type & NLA_TYPE_MASK) == type) return attribute;
  return 0;
}
static void show_link(struct nlmsghdr* header) {
  struct ifinfomsg* info = NLMSG_DATA(header);
  struct rtattr *name = find(header, sizeof *info, IFLA_IFNAME), *mtu = find(header, sizeof *info, IFLA_MTU),
                *state = find(header, sizeof *info, IFLA_OPERSTATE), *master = find(header, sizeof *info, IFLA_MASTER),
                *peer = find(header, sizeof *info, IFLA_LINK), *queue = find(header, sizeof *info, IFLA_QDISC);
  // Tunnels that Linux makes in every namespace when their modules are loaded are no concern here.
  if (strstr((char*)RTA_DATA(name), "tunl") || strstr((char*)RTA_DATA(name), "gre") ||
      strstr((char*)RTA_DATA(name), "sit") || strstr((char*)RTA_DATA(name), "vti") ||
      strstr((char*)RTA_DATA(name), "erspan"))
    return;
  char master_name[IF_NAMESIZE] = "-", peer_name[IF_NAMESIZE] = "-";
  if (master) if_indextoname(*(unsigned*)RTA_DATA(master), master_name);
  if (peer) if_indextoname(*(unsigned*)RTA_DATA(peer), peer_name);
  unsigned flags = info->ifi_flags;
  SAY("%s type %d mtu %d state %d queue %s master %s peer %s flags%s%s%s%s%s%s%s\n", (char*)RTA_DATA(name),
      info->ifi_type, *(int*)RTA_DATA(mtu), *(unsigned char*)RTA_DATA(state), queue ? (char*)RTA_DATA(queue) : "-",
      master_name, peer_name, flags & IFF_UP ? " up" : "", flags & IFF_BROADCAST ? " broadcast" : "",
      flags & IFF_LOOPBACK ? " loopback" : "", flags & IFF_RUNNING ? " running" : "", flags & IFF_NOARP ? " noarp" : "",
      flags & IFF_MULTICAST ? " multicast" : "", flags & 0x10000 ? " lower_up" : "");
}
static void show_links(void) {
  dump(RTM_GETLINK, AF_UNSPEC, show_link);
}
// Linux looks at carriers once a second.
static void settle(void) {
  struct timespec long_enough = {1, 300 * 1000 * 1000};
  nanosleep(&long_enough, 0);
}
static void show_address(struct nlmsghdr* header) {
  struct ifaddrmsg* body = NLMSG_DATA(header);
  char text[64] = "-", broadcast[64] = "-", name[IF_NAMESIZE] = "?";
  struct rtattr *own = find(header, sizeof *body, body->ifa_family == AF_INET ? IFA_LOCAL : IFA_ADDRESS),
                *far = find(header, sizeof *body, IFA_BROADCAST), *label = find(header, sizeof *body, IFA_LABEL);
  inet_ntop(body->ifa_family, RTA_DATA(own), text, sizeof text);
  if (far) inet_ntop(AF_INET, RTA_DATA(far), broadcast, sizeof broadcast);
  SAY("%s %s/%d broadcast %s scope %d label %s%s\n", if_indextoname(body->ifa_index, name), text, body->ifa_prefixlen,
      broadcast, body->ifa_scope, label ? (char*)RTA_DATA(label) : "-",
      body->ifa_flags & IFA_F_SECONDARY ? " secondary" : "");
}
static void show_route(struct nlmsghdr* header) {
  struct rtmsg* body = NLMSG_DATA(header);
  if (body->rtm_table != RT_TABLE_MAIN) return;
  char to[64] = "default", by[64] = "-", source[64] = "-", name[IF_NAMESIZE] = "-";
  struct rtattr *destination = find(header, sizeof *body, RTA_DST), *gateway = find(header, sizeof *body, RTA_GATEWAY),
                *out = find(header, sizeof *body, RTA_OIF), *preferred = find(header, sizeof *body, RTA_PREFSRC),
                *metric = find(header, sizeof *body, RTA_PRIORITY);
  if (destination) inet_ntop(body->rtm_family, RTA_DATA(destination), to, sizeof to);
  if (gateway) inet_ntop(body->rtm_family, RTA_DATA(gateway), by, sizeof by);
  if (preferred) inet_ntop(body->rtm_family, RTA_DATA(preferred), source, sizeof source);
  if (out) if_indextoname(*(unsigned*)RTA_DATA(out), name);
  SAY("%s/%d by %s dev %s source %s protocol %d scope %d type %d metric %d\n", to, body->rtm_dst_len, by, name, source,
      body->rtm_protocol, body->rtm_scope, body->rtm_type, metric ? *(int*)RTA_DATA(metric) : 0);
}
static void show_routes(void) {
  dump(RTM_GETROUTE, AF_INET, show_route);
}
static struct sockaddr_in at(const char* text, int port) {
  struct sockaddr_in name = {0};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  inet_aton(text, &name.sin_addr);
  return name;
}
// A child in a network namespace of its own; it runs `body` when it is told to go, and is waited for by finish().
struct neighbour {
  pid_t pid;
  int go, ready;
};
static struct neighbour start(void (*body)(void)) {
  struct neighbour made;
  int go[2], ready[2];
  char byte;
  pipe(go);
  pipe(ready);
  made.pid = fork();
  if (made.pid == 0) {
    if (unshare(CLONE_NEWNET) != 0) _exit(99);
    close(go[1]);
    write(ready[1], "r", 1);
    read(go[0], &byte, 1);
    set_flags("lo", 1);
    body();
    _exit(0);
  }
  close(go[0]);
  close(ready[1]);
  read(ready[0], &byte, 1);
  made.go = go[1];
  made.ready = ready[0];
  return made;
}
static int move_to(const char* name, pid_t pid) {
  return set_u32(name, IFLA_NET_NS_PID, (unsigned)pid);
}
// Sends one echo request: "answer", "unreachable CODE", "expired" or "silence".
static void ping(const char* text, int ttl) {
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  setsockopt(fd, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
  struct icmphdr request = {0};
  request.type = ICMP_ECHO;
  request.un.echo.id = htons(9);
  request.checksum = (uint16_t)~htons(0x0800 + 9);
  struct sockaddr_in to = at(text, 0), from;
  struct timeval patience = {5, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (sendto(fd, &request, sizeof request, 0, (struct sockaddr*)&to, sizeof to) < 0) {
    SAY("ping %s: %s\n", text, strerrorname_np(errno));
    close(fd);
    return;
  }
  while (1) {
    unsigned char answer[256];
    socklen_t length = sizeof from;
    if (recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr*)&from, &length) < 0) {
      SAY("ping %s: silence\n", text);
      break;
    }
    if (answer[20] == ICMP_ECHO) continue;
    if (answer[20] == ICMP_ECHOREPLY)
      SAY("ping %s: answer from %s ttl %d\n", text, inet_ntoa(from.sin_addr), answer[8]);
    else
      SAY("ping %s: type %d code %d from %s\n", text, answer[20], answer[21], inet_ntoa(from.sin_addr));
    break;
  }
  close(fd);
}
static void serve_once(const char* own, int port, const char* words) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in name = at(own, port), peer;
  if (bind(listener, (struct sockaddr*)&name, sizeof name) != 0 || listen(listener, 1) != 0)
    SAY("serve: %s\n", strerrorname_np(errno));
  socklen_t length = sizeof peer;
  int fd = accept(listener, (struct sockaddr*)&peer, &length);
  SAY("server: client is %s\n", inet_ntoa(peer.sin_addr));
  write(fd, words, strlen(words));
  close(fd);
  close(listener);
}
static void fetch(const char* own, int port) {
  char text[64] = {0};
  struct sockaddr_in to = at(own, port);
  for (int tries = 0; tries < 100; ++tries) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr*)&to, sizeof to) == 0) {
      long got = read(fd, text, sizeof text - 1);
      SAY("fetched %ld \"%s\"\n", got, text);
      close(fd);
      return;
    }
    close(fd);
    guest_pause();
  }
  SAY("fetch: %s\n", strerrorname_np(errno));
}

GUEST(link_list_of_a_new_namespace) {
  show_links();
  dump(RTM_GETADDR, AF_UNSPEC, show_address);
  show_routes();
  SHOW(set_flags("lo", 1));
  show_links();
  dump(RTM_GETADDR, AF_INET, show_address);
  SHOW(set_flags("lo", 0));
  show_links();
  dump(RTM_GETADDR, AF_INET, show_address);
}

GUEST(link_kinds) {
  SHOW(make("bridge", "first"));
  SHOW(make("bridge", "first"));
  SHOW(make("bridge", "br0"));
  SHOW(make("nothing", "x"));
  SHOW(make("bridge", "much_too_long_a_name"));
  SHOW(make("bridge", "a/b"));
  SHOW(make_veth("left", "right"));
  SHOW(make_veth("left", "other"));
  show_links();
  SHOW(set_flags("left", 1));
  settle();
  show_links();
  SHOW(set_flags("right", 1));
  SHOW(set_flags("first", 1));
  SHOW(set_flags("br0", 1));
  settle();
  show_links();
  SHOW(remove_link("right"));
  SHOW(remove_link("left"));
  SHOW(remove_link("lo"));
  SHOW(remove_link("missing"));
  show_links();
}

GUEST(link_changes) {
  make("bridge", "one");
  SHOW(set_u32("one", IFLA_MTU, 1000));
  SHOW(set_u32("one", IFLA_MTU, 10));
  struct request request = link_request(RTM_NEWLINK, 0, 0);
  ((struct ifinfomsg*)NLMSG_DATA(&request.header))->ifi_index = (int)if_nametoindex("one");
  put(&request, IFLA_IFNAME, "two", 4);
  SHOW(ask(&request));
  SHOW(set_u32("one", IFLA_MTU, 1000));
  SHOW(set_flags("nothing", 1));
  unsigned char mac[6] = {2, 0, 0, 0, 0, 5}, group[6] = {1, 0, 0, 0, 0, 5};
  request = link_request(RTM_NEWLINK, 0, "two");
  put(&request, IFLA_ADDRESS, mac, 6);
  SHOW(ask(&request));
  request = link_request(RTM_NEWLINK, 0, "two");
  put(&request, IFLA_ADDRESS, group, 6);
  SHOW(ask(&request));
  struct ifreq by_name = {0};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  strcpy(by_name.ifr_name, "two");
  SHOW(ioctl(fd, SIOCGIFHWADDR, &by_name));
  SAY("family %d last %d\n", by_name.ifr_hwaddr.sa_family, by_name.ifr_hwaddr.sa_data[5]);
  show_links();
}

GUEST(link_bridge_ports) {
  make("bridge", "br0");
  make("bridge", "br1");
  make_veth("a", "b");
  SHOW(set_u32("a", IFLA_MASTER, if_nametoindex("br0")));
  SHOW(set_u32("br1", IFLA_MASTER, if_nametoindex("br0")));
  SHOW(set_u32("lo", IFLA_MASTER, if_nametoindex("br0")));
  SHOW(set_u32("b", IFLA_MASTER, if_nametoindex("a")));
  set_flags("br0", 1);
  settle();
  show_links();
  set_flags("a", 1);
  set_flags("b", 1);
  settle();
  show_links();
  SHOW(set_u32("a", IFLA_MASTER, 0));
  settle();
  show_links();
  SHOW(remove_link("br0"));
}

GUEST(link_addresses) {
  make("bridge", "d");
  SHOW(address(RTM_NEWADDR, "d", "10.1.0.1", 16));
  SHOW(address(RTM_NEWADDR, "d", "10.1.0.1", 16));
  SHOW(address(RTM_NEWADDR, "d", "10.1.0.2", 16));
  SHOW(address(RTM_NEWADDR, "d", "10.2.0.1", 24));
  SHOW(address(RTM_NEWADDR, "d", "10.2.0.1", 99));
  SHOW(address(RTM_NEWADDR, "nothing", "10.2.0.1", 24));
  dump(RTM_GETADDR, AF_INET, show_address);
  show_routes();
  set_flags("d", 1);
  show_routes();
  SHOW(address(RTM_DELADDR, "d", "10.1.0.9", 16));
  SHOW(address(RTM_DELADDR, "d", "10.1.0.1", 16));
  dump(RTM_GETADDR, AF_INET, show_address);
  show_routes();
  set_flags("d", 0);
  show_routes();
}

GUEST(link_routes) {
  make("bridge", "d");
  set_flags("d", 1);
  address(RTM_NEWADDR, "d", "10.1.0.1", 16);
  SHOW(route(RTM_NEWROUTE, "0.0.0.0", 0, "10.1.0.254", 0));
  SHOW(route(RTM_NEWROUTE, "0.0.0.0", 0, "10.1.0.253", 0));
  SHOW(route(RTM_NEWROUTE, "10.9.0.0", 16, "10.8.0.1", "d"));
  SHOW(route(RTM_NEWROUTE, "10.9.0.0", 16, "10.1.0.7", 0));
  SHOW(route(RTM_NEWROUTE, "10.9.1.1", 16, "10.1.0.7", 0));
  SHOW(route(RTM_NEWROUTE, "10.10.0.0", 16, 0, "d"));
  SHOW(route(RTM_NEWROUTE, "10.11.0.0", 16, 0, 0));
  SHOW(route(RTM_NEWROUTE, "10.9.1.1", 32, "10.1.0.1", 0));
  show_routes();
  SHOW(route(RTM_DELROUTE, "10.9.0.0", 16, 0, 0));  // of another scope
  SHOW(route(RTM_DELROUTE, "10.9.0.0", 16, "10.1.0.7", 0));
  SHOW(route(RTM_DELROUTE, "10.9.0.0", 16, "10.1.0.7", 0));
  SHOW(route(RTM_DELROUTE, "0.0.0.0", 0, "10.1.0.1", 0));
  show_routes();
  // Which address is spoken from shows the route that was taken.
  address(RTM_NEWADDR, "d", "10.2.0.1", 16);
  const char* to[] = {"10.1.5.5", "10.2.5.5", "10.10.5.5", "8.8.8.8"};
  for (int n = 0; n < 4; ++n) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in name = at(to[n], 9);
    socklen_t length = sizeof name;
    SHOW(connect(fd, (struct sockaddr*)&name, sizeof name));
    getsockname(fd, (struct sockaddr*)&name, &length);
    SAY("%s from %s\n", to[n], inet_ntoa(name.sin_addr));
  }
}

GUEST(link_without_capability) {
  set_flags("lo", 1);
  setgid(4);
  setuid(4);
  SHOW(make("bridge", "d"));
  SHOW(set_flags("lo", 0));
  SHOW(address(RTM_NEWADDR, "lo", "10.0.0.1", 8));
  SHOW(route(RTM_NEWROUTE, "10.0.0.0", 8, 0, "lo"));
  struct ifreq request = {0};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  strcpy(request.ifr_name, "lo");
  SHOW(ioctl(fd, SIOCGIFFLAGS, &request));
  SHOW(ioctl(fd, SIOCSIFFLAGS, &request));
  show_links();
}

GUEST(link_by_ioctl) {
  make("bridge", "d");
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request = {0};
  strcpy(request.ifr_name, "d");
  SHOW(ioctl(fd, SIOCGIFADDR, &request));
  SHOW(ioctl(fd, SIOCGIFMTU, &request));
  SAY("mtu %d\n", request.ifr_mtu);
  struct sockaddr_in* value = (struct sockaddr_in*)&request.ifr_addr;
  *value = at("10.5.0.1", 0);
  SHOW(ioctl(fd, SIOCSIFADDR, &request));
  SHOW(ioctl(fd, SIOCGIFNETMASK, &request));
  SAY("mask %s\n", inet_ntoa(value->sin_addr));
  SHOW(ioctl(fd, SIOCGIFFLAGS, &request));
  SAY("up %d\n", request.ifr_flags & IFF_UP);
  request.ifr_flags |= IFF_UP;
  SHOW(ioctl(fd, SIOCSIFFLAGS, &request));
  *value = at("255.255.255.0", 0);
  SHOW(ioctl(fd, SIOCSIFNETMASK, &request));
  SHOW(ioctl(fd, SIOCGIFBRDADDR, &request));
  SAY("broadcast %s\n", inet_ntoa(value->sin_addr));
  *value = at("255.0.255.0", 0);
  SHOW(ioctl(fd, SIOCSIFNETMASK, &request));
  show_routes();
  request.ifr_mtu = 900;
  SHOW(ioctl(fd, SIOCSIFMTU, &request));
  struct ifreq all[8];
  struct ifconf list = {sizeof all, {(char*)all}};
  SHOW(ioctl(fd, SIOCGIFCONF, &list));
  SAY("%d %s\n", list.ifc_len / (int)sizeof all[0], all[0].ifr_name);
  strcpy(request.ifr_name, "missing");
  SHOW(ioctl(fd, SIOCGIFINDEX, &request));
  SHOW(ioctl(fd, SIOCSIFADDR, &request));
  request.ifr_ifindex = 1;
  SHOW(ioctl(fd, SIOCGIFNAME, &request));
  SAY("%s\n", request.ifr_name);
  struct rtentry entry = {0};
  *(struct sockaddr_in*)&entry.rt_dst = at("0.0.0.0", 0);
  *(struct sockaddr_in*)&entry.rt_genmask = at("0.0.0.0", 0);
  *(struct sockaddr_in*)&entry.rt_gateway = at("10.5.0.2", 0);
  entry.rt_flags = RTF_UP | RTF_GATEWAY;
  SHOW(ioctl(fd, SIOCADDRT, &entry));
  SHOW(ioctl(fd, SIOCADDRT, &entry));
  show_routes();
  SHOW(ioctl(fd, SIOCDELRT, &entry));
  SHOW(ioctl(fd, SIOCDELRT, &entry));
  SHOW(ioctl(fd, TIOCGWINSZ, &entry));
}

GUEST(netlink_socket) {
  int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), other = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE);
  struct sockaddr_nl name = {0};
  socklen_t length = sizeof name;
  name.nl_family = AF_NETLINK;
  SHOW(bind(fd, (struct sockaddr*)&name, sizeof name));
  getsockname(fd, (struct sockaddr*)&name, &length);
  SAY("pid %d length %d\n", name.nl_pid == (unsigned)getpid(), (int)length);
  SHOW(bind(other, (struct sockaddr*)&name, sizeof name));
  SHOW(socket(AF_NETLINK, SOCK_STREAM, NETLINK_ROUTE));
  struct request request = link_request(RTM_GETLINK, 0, "lo");
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_seq = 42;
  SHOW(send(fd, &request, request.header.nlmsg_len, 0) == request.header.nlmsg_len);
  char buffer[8192];
  struct sockaddr_nl from;
  length = sizeof from;
  int got = (int)recvfrom(fd, buffer, sizeof buffer, MSG_PEEK | MSG_TRUNC, (struct sockaddr*)&from, &length);
  int again = (int)recv(fd, buffer, sizeof buffer, 0);
  struct nlmsghdr* header = (struct nlmsghdr*)buffer;
  SAY("same %d type %d seq %d own %d from %d\n", got == again, header->nlmsg_type, header->nlmsg_seq,
      header->nlmsg_pid == (unsigned)getpid(), from.nl_pid);
  SHOW(recv(fd, buffer, sizeof buffer, MSG_DONTWAIT));
  request = link_request(RTM_GETLINK, 0, "nothing");
  SHOW(ask(&request));
  request = link_request(RTM_GETLINK, 0, 0);
  SHOW(ask(&request));
  request = link_request(RTM_DELLINK, 0, 0);
  SHOW(ask(&request));
}

static void veth_far_side(void) {
  address(RTM_NEWADDR, "far", "10.0.0.2", 24);
  set_flags("far", 1);
  serve_once("10.0.0.2", 80, "over the wire");
  guest_pause();
  ping("10.0.0.1", 64);
  ping("10.7.0.1", 64);
}

GUEST(veth_between_two_namespaces) {
  struct neighbour other = start(veth_far_side);
  SHOW(make_veth("near", "far"));
  SHOW(move_to("far", other.pid));
  SHOW(move_to("far", other.pid));
  SHOW(move_to("lo", other.pid));
  SHOW(move_to("near", 999999));
  SHOW(if_nametoindex("far"));
  set_flags("lo", 1);
  SHOW(address(RTM_NEWADDR, "near", "10.0.0.1", 24));
  SHOW(set_flags("near", 1));
  write(other.go, "g", 1);
  fetch("10.0.0.2", 80);
  guest_wait("other", other.pid);
  guest_pause();
  guest_pause();
  SHOW(if_nametoindex("near"));  // it went with its peer's namespace
}

static void host_two(void) {
  address(RTM_NEWADDR, "eth0", "10.0.0.2", 24);
  set_flags("eth0", 1);
  serve_once("10.0.0.2", 80, "from two");
}
static void host_three(void) {
  address(RTM_NEWADDR, "eth0", "10.0.0.3", 24);
  set_flags("eth0", 1);
  fetch("10.0.0.2", 80);
  ping("10.0.0.1", 64);
  ping("10.0.0.2", 1);
}

GUEST(bridge_with_three_hosts) {
  struct neighbour two = start(host_two), three = start(host_three);
  set_flags("lo", 1);
  SHOW(make("bridge", "br0"));
  address(RTM_NEWADDR, "br0", "10.0.0.1", 24);
  set_flags("br0", 1);
  struct neighbour* all[2] = {&two, &three};
  const char* names[2] = {"v2", "v3"};
  for (int n = 0; n < 2; ++n) {
    make_veth(names[n], "eth0");
    set_u32(names[n], IFLA_MASTER, if_nametoindex("br0"));
    set_flags(names[n], 1);
    SHOW(move_to("eth0", all[n]->pid));
  }
  write(two.go, "g", 1);
  guest_pause();
  write(three.go, "g", 1);
  guest_wait("three", three.pid);
  guest_wait("two", two.pid);
}

static void routed_left(void) {
  address(RTM_NEWADDR, "eth0", "10.1.0.2", 24);
  set_flags("eth0", 1);
  route(RTM_NEWROUTE, "0.0.0.0", 0, "10.1.0.1", 0);
  ping("10.1.0.1", 64);
  ping("10.2.0.1", 64);
  ping("10.2.0.2", 64);
  ping("10.2.0.2", 1);
  ping("10.9.9.9", 64);
  fetch("10.2.0.2", 80);
}
static void routed_right(void) {
  address(RTM_NEWADDR, "eth0", "10.2.0.2", 24);
  set_flags("eth0", 1);
  route(RTM_NEWROUTE, "0.0.0.0", 0, "10.2.0.1", 0);
  serve_once("10.2.0.2", 80, "routed");
}

GUEST(router_between_two_networks) {
  struct neighbour left = start(routed_left), right = start(routed_right);
  set_flags("lo", 1);
  guest_write_file("/proc/sys/net/ipv4/ip_forward", "1");
  SAY("ip_forward %s", guest_read_file("/proc/sys/net/ipv4/ip_forward"));
  make_veth("l", "eth0");
  move_to("eth0", left.pid);
  address(RTM_NEWADDR, "l", "10.1.0.1", 24);
  set_flags("l", 1);
  make_veth("r", "eth0");
  move_to("eth0", right.pid);
  address(RTM_NEWADDR, "r", "10.2.0.1", 24);
  set_flags("r", 1);
  write(right.go, "g", 1);
  guest_pause();
  write(left.go, "g", 1);
  guest_wait("left", left.pid);
  guest_wait("right", right.pid);
}

static void absent_peer(void) {
  address(RTM_NEWADDR, "eth0", "10.2.0.2", 24);
  set_flags("eth0", 1);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = at("10.2.0.9", 80);
  SHOW(connect(fd, (struct sockaddr*)&to, sizeof to));
  ping("10.2.0.9", 64);
  // A port that nobody listens on, over the wire.
  to = at("10.2.0.1", 81);
  fd = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect(fd, (struct sockaddr*)&to, sizeof to));
  int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  char byte;
  SHOW(connect(datagrams, (struct sockaddr*)&to, sizeof to));
  SHOW(send(datagrams, "x", 1, 0));
  guest_pause();
  SHOW(recv(datagrams, &byte, 1, 0));
}

GUEST(neighbour_that_does_not_answer) {
  struct neighbour right = start(absent_peer);
  set_flags("lo", 1);
  make_veth("r", "eth0");
  move_to("eth0", right.pid);
  address(RTM_NEWADDR, "r", "10.2.0.1", 24);
  set_flags("r", 1);
  write(right.go, "g", 1);
  guest_wait("right", right.pid);
}
