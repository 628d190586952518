// ip(7), tcp(7), udp(7), icmp(7), by way of lo.
#include "guest.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#ifndef ICMP_FILTER
#define ICMP_FILTER 1  // linux/icmp.h, which does not go with netinet/ip_icmp.h
#endif

static volatile int caught;
static void count(int signal) {
  (void)signal;
  ++caught;
}
static void on(int signal, int flags) {
  struct sigaction action = {0};
  action.sa_handler = count;
  action.sa_flags = flags;
  sigaction(signal, &action, 0);
}
static void lo_up(void) {
  struct ifreq request = {0};
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  strcpy(request.ifr_name, "lo");
  ioctl(fd, SIOCGIFFLAGS, &request);
  request.ifr_flags |= IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) SAY("lo: %s\n", strerrorname_np(errno));
  close(fd);
}
static struct sockaddr_in at(const char* address, int port) {
  struct sockaddr_in name = {0};
  name.sin_family = AF_INET;
  name.sin_port = htons(port);
  inet_aton(address, &name.sin_addr);
  return name;
}
static int bind_to(int fd, const char* address, int port) {
  struct sockaddr_in name = at(address, port);
  return bind(fd, (struct sockaddr*)&name, sizeof name);
}
static int connect_to(int fd, const char* address, int port) {
  struct sockaddr_in name = at(address, port);
  return connect(fd, (struct sockaddr*)&name, sizeof name);
}
static int send_to(int fd, const char* text, const char* address, int port) {
  struct sockaddr_in name = at(address, port);
  return (int)sendto(fd, text, strlen(text), 0, (struct sockaddr*)&name, sizeof name);
}
static int listening(int port, int backlog) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind_to(fd, "127.0.0.1", port) != 0 || listen(fd, backlog) != 0) SAY("listen: %s\n", strerrorname_np(errno));
  return fd;
}
static void show_name(const char* what, int fd, int (*of)(int, struct sockaddr*, socklen_t*)) {
  struct sockaddr_in name = {0};
  socklen_t length = sizeof name;
  if (of(fd, (struct sockaddr*)&name, &length) != 0)
    SAY("%s: %s\n", what, strerrorname_np(errno));
  else
    SAY("%s: %s port %s length %d\n", what, inet_ntoa(name.sin_addr),
        ntohs(name.sin_port) >= 32768 ? "high"
        : name.sin_port               ? "low"
                                      : "0",
        (int)length);
}
static void show_events(const char* name, int fd) {
  struct pollfd one = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  poll(&one, 1, 0);
  SAY("%s:%s%s%s%s%s\n", name, one.revents & POLLIN ? " in" : "", one.revents & POLLOUT ? " out" : "",
      one.revents & POLLHUP ? " hup" : "", one.revents & POLLERR ? " err" : "",
      one.revents & POLLRDHUP ? " rdhup" : "");
}
static void show_error(int fd) {
  int value = -1;
  socklen_t length = sizeof value;
  getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &length);
  SAY("error %s\n", value ? strerrorname_np(value) : "none");
}
static void tcp_pair(int port, int* client, int* server) {
  int listener = listening(port, 8);
  *client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect_to(*client, "127.0.0.1", port) != 0) SAY("connect: %s\n", strerrorname_np(errno));
  *server = accept(listener, 0, 0);
  close(listener);
}

GUEST(inet_without_loopback) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(connect_to(fd, "127.0.0.1", 80));
  SHOW(send_to(datagrams, "x", "127.0.0.1", 80));
  SHOW(send_to(datagrams, "x", "10.0.0.1", 80));
  SHOW(bind_to(fd, "127.0.0.1", 80));
  SHOW(bind_to(fd, "0.0.0.0", 80));
  lo_up();
  SHOW(connect_to(datagrams, "127.0.0.1", 80));
  SHOW(connect_to(socket(AF_INET, SOCK_STREAM, 0), "10.0.0.1", 80));
}

GUEST(tcp_conversation) {
  lo_up();
  int listener = listening(2000, 4), client = socket(AF_INET, SOCK_STREAM, 0);
  show_name("listener", listener, getsockname);
  show_name("unconnected", client, getpeername);
  SHOW(connect_to(client, "127.0.0.1", 2000));
  SHOW(connect_to(client, "127.0.0.1", 2000));
  show_events("listener", listener);
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  int server = accept(listener, (struct sockaddr*)&peer, &length);
  show_name("client is", client, getsockname);
  show_name("client's peer", client, getpeername);
  show_name("server is", server, getsockname);
  struct sockaddr_in own;
  length = sizeof own;
  getsockname(client, (struct sockaddr*)&own, &length);
  SAY("same port %d\n", own.sin_port == peer.sin_port);
  char text[32] = {0};
  SHOW(write(client, "hello", 5));
  SHOW(send(client, " world", 6, 0));
  guest_pause();
  SHOW(recv(server, text, sizeof text, MSG_PEEK));
  int bytes = 0;
  SHOW(ioctl(server, FIONREAD, &bytes));
  SAY("readable %d\n", bytes);
  SHOW(read(server, text, 4));
  SHOW(read(server, text, sizeof text));
  SHOW(recv(server, text, sizeof text, MSG_DONTWAIT));
  SHOW(close(client));
  SHOW(read(server, text, sizeof text));
  show_events("server", server);
  SHOW(write(server, "x", 1));
  guest_pause();
  on(SIGPIPE, 0);
  SHOW(write(server, "x", 1));
  SAY("caught %d\n", caught);
  show_name("afterwards", server, getpeername);
}

GUEST(tcp_refused) {
  lo_up();
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect_to(fd, "127.0.0.1", 2001));
  SHOW(connect_to(fd, "127.0.0.1", 2001));
  show_error(fd);
  int quick = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  SHOW(connect_to(quick, "127.0.0.1", 2001));
  guest_pause();
  show_events("refused", quick);
  show_error(quick);
  show_error(quick);
  int listener = listening(2001, 1);
  SHOW(connect_to(fd, "127.0.0.1", 2001));
  close(listener);
}

GUEST(tcp_non_blocking_connect) {
  lo_up();
  int listener = listening(2002, 1);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  show_events("fresh", fd);
  SHOW(connect_to(fd, "127.0.0.1", 2002));
  struct pollfd one = {fd, POLLOUT, 0};
  SHOW(poll(&one, 1, 1000));
  show_error(fd);
  SHOW(connect_to(fd, "127.0.0.1", 2002));
  SHOW(connect_to(fd, "127.0.0.1", 2002));
  char byte;
  SHOW(read(fd, &byte, 1));
  fcntl(listener, F_SETFL, O_NONBLOCK);
  int server = accept(listener, 0, 0);
  SHOW(fcntl(server, F_GETFL) & O_NONBLOCK);
  SHOW(accept(listener, 0, 0));
}

GUEST(tcp_half_close) {
  int client, server;
  lo_up();
  tcp_pair(2003, &client, &server);
  on(SIGPIPE, 0);
  char text[16];
  write(client, "question", 8);
  SHOW(shutdown(client, SHUT_WR));
  SHOW(write(client, "x", 1));
  SHOW(read(server, text, 16));
  SHOW(read(server, text, 16));
  show_events("server", server);
  SHOW(write(server, "answer", 6));
  close(server);
  SHOW(read(client, text, 16));
  SHOW(read(client, text, 16));
  show_events("client", client);
  SHOW(shutdown(client, SHUT_RD));
  SAY("caught %d\n", caught);
}

GUEST(tcp_shutdown_for_reading) {
  int client, server;
  lo_up();
  tcp_pair(2004, &client, &server);
  char text[16];
  SHOW(shutdown(client, SHUT_RD));
  SHOW(read(client, text, 16));
  show_events("client", client);
  SHOW(write(server, "still", 5));
  guest_pause();
  SHOW(read(client, text, 16));
  SHOW(read(client, text, 16));
  int fresh = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(shutdown(fresh, SHUT_RD));
  SHOW(shutdown(server, 5));
}

GUEST(tcp_reset_by_unread_bytes) {
  int client, server;
  lo_up();
  tcp_pair(2005, &client, &server);
  char text[16];
  write(client, "never read", 10);
  guest_pause();
  close(server);
  guest_pause();
  show_events("client", client);
  SHOW(read(client, text, 16));
  SHOW(read(client, text, 16));
  on(SIGPIPE, 0);
  SHOW(write(client, "x", 1));
  SAY("caught %d\n", caught);
}

GUEST(tcp_reset_by_linger) {
  int client, server;
  lo_up();
  tcp_pair(2006, &client, &server);
  struct linger now = {1, 0};
  char text[16];
  SHOW(setsockopt(client, SOL_SOCKET, SO_LINGER, &now, sizeof now));
  close(client);
  guest_pause();
  show_error(server);
  SHOW(read(server, text, 16));
  SHOW(send(server, "x", 1, MSG_NOSIGNAL));
}

GUEST(tcp_addresses_in_use) {
  lo_up();
  int first = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  SHOW(bind_to(first, "127.0.0.1", 2007));
  SHOW(bind_to(first, "127.0.0.1", 2008));
  SHOW(bind_to(second, "127.0.0.1", 2007));
  SHOW(bind_to(second, "0.0.0.0", 2007));
  SHOW(bind_to(second, "127.0.0.2", 2007));
  int third = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(bind_to(third, "192.0.2.1", 2007));
  setsockopt(first, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(third, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  SHOW(bind_to(third, "127.0.0.1", 2007));
  SHOW(listen(first, 1));
  SHOW(listen(third, 1));
  int fourth = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fourth, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  SHOW(bind_to(fourth, "127.0.0.1", 2007));
  struct sockaddr_in odd = at("127.0.0.1", 2009);
  odd.sin_family = AF_UNIX;
  SHOW(bind(fourth, (struct sockaddr*)&odd, sizeof odd));
  SHOW(bind(fourth, (struct sockaddr*)&odd, 4));
}

GUEST(tcp_time_wait_and_reuse) {
  int client, server, one = 1;
  lo_up();
  tcp_pair(2010, &client, &server);
  close(server);  // the server's end is the first to close
  guest_pause();
  close(client);
  guest_pause();
  int plain = socket(AF_INET, SOCK_STREAM, 0), reusing = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(reusing, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  SHOW(bind_to(plain, "127.0.0.1", 2010));
  SHOW(bind_to(reusing, "127.0.0.1", 2010));
  SHOW(listen(reusing, 1));
}

GUEST(tcp_reuse_port) {
  lo_up();
  int one = 1, fds[2];
  for (int n = 0; n < 2; ++n) {
    fds[n] = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fds[n], SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    SHOW(bind_to(fds[n], "127.0.0.1", 2011));
    SHOW(listen(fds[n], 1));
  }
  int other = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(bind_to(other, "127.0.0.1", 2011));
}

GUEST(tcp_privileged_ports) {
  lo_up();
  setgid(5);
  setuid(5);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(bind_to(fd, "127.0.0.1", 80));
  SHOW(bind_to(fd, "127.0.0.1", 1024));
  int datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(bind_to(datagrams, "127.0.0.1", 53));
  SHOW(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  SHOW(socket(AF_PACKET, SOCK_RAW, 0));
}

GUEST(tcp_big_transfer) {
  int client, server;
  lo_up();
  tcp_pair(2012, &client, &server);
  static char block[3000000];
  for (unsigned n = 0; n < sizeof block; ++n) block[n] = (char)(n * 7 + n / 251);
  pid_t child = fork();
  if (child == 0) {
    close(server);
    SHOW(write(client, block, sizeof block));
    _exit(0);
  }
  close(client);
  guest_pause();
  static char got[sizeof block];
  unsigned sum = 0;
  long part;
  while ((part = read(server, got + sum, sizeof got - sum > 100000 ? 100000 : sizeof got - sum + 1)) > 0) sum += part;
  SAY("sum %u same %d\n", sum, memcmp(block, got, sizeof block) == 0);
  guest_wait("child", child);
}

GUEST(tcp_full_buffers) {
  int client, server;
  lo_up();
  tcp_pair(2013, &client, &server);
  fcntl(client, F_SETFL, O_NONBLOCK);
  static char block[100000];
  long sum = 0, part;
  while ((part = write(client, block, sizeof block)) > 0) sum += part;
  SAY("then %s\n", strerrorname_np(errno));
  SAY("many %d\n", sum > 30000);
  show_events("client", client);
  long got = 0;
  while (got < sum && (part = read(server, block, sizeof block)) > 0) got += part;
  SAY("all %d\n", got == sum);
  guest_pause();
  show_events("client", client);
}

GUEST(tcp_accept_and_signals) {
  lo_up();
  int listener = listening(2014, 2);
  on(SIGALRM, 0);
  struct itimerval soon = {{0, 0}, {0, 20000}};
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW(accept(listener, 0, 0));
  on(SIGALRM, SA_RESTART);
  pid_t child = fork();
  if (child == 0) {
    guest_pause();
    guest_pause();
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    connect_to(fd, "127.0.0.1", 2014);
    _exit(0);
  }
  setitimer(ITIMER_REAL, &soon, 0);
  SHOW_OK(accept(listener, 0, 0));
  SAY("caught %d\n", caught);
  guest_wait("child", child);
  struct timeval little = {0, 30000};
  setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &little, sizeof little);
  SHOW(accept(listener, 0, 0));
}

GUEST(tcp_listener_is_shut_down) {
  lo_up();
  int listener = listening(2015, 2);
  pid_t child = fork();
  if (child == 0) {
    SHOW(accept(listener, 0, 0));
    _exit(0);
  }
  guest_pause();
  SHOW(shutdown(listener, SHUT_RDWR));
  guest_wait("child", child);
  SHOW(accept(listener, 0, 0));
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(connect_to(fd, "127.0.0.1", 2015));
  SHOW(listen(listener, 2));
  SHOW(connect_to(fd, "127.0.0.1", 2015));
}

GUEST(tcp_options) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), value = 1;
  socklen_t length = sizeof value;
  SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value));
  value = 0;
  SHOW(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length));
  SAY("%d\n", value);
  SHOW(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, 1));
  value = 100;
  SHOW(setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, sizeof value));
  SHOW(setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &value, sizeof value));
  value = 0;
  SHOW(setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &value, sizeof value));
  getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &length);
  SAY("%d\n", value);
  SHOW(setsockopt(fd, IPPROTO_TCP, 999, &value, sizeof value));
  value = 77;
  SHOW(setsockopt(fd, IPPROTO_IP, IP_TTL, &value, sizeof value));
  value = 256;
  SHOW(setsockopt(fd, IPPROTO_IP, IP_TTL, &value, sizeof value));
  getsockopt(fd, IPPROTO_IP, IP_TTL, &value, &length);
  SAY("%d\n", value);
  char device[16] = "lo";
  SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, 3));
  SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nothing", 8));
  getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &length);
  SAY("protocol %d\n", value);
}

GUEST(udp_conversation) {
  lo_up();
  int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
  show_name("fresh", client, getsockname);
  SHOW(bind_to(server, "127.0.0.1", 3000));
  SHOW(send_to(client, "question", "127.0.0.1", 3000));
  show_name("client", client, getsockname);
  char text[32] = {0};
  struct sockaddr_in from = {0};
  socklen_t length = sizeof from;
  SHOW(recvfrom(server, text, 4, 0, (struct sockaddr*)&from, &length));
  SAY("%s from %s\n", text, inet_ntoa(from.sin_addr));
  SHOW(recv(server, text, 4, MSG_DONTWAIT));
  SHOW(sendto(server, "", 0, 0, (struct sockaddr*)&from, length));
  SHOW(sendto(server, "answer", 6, 0, (struct sockaddr*)&from, length));
  SHOW(recv(client, text, sizeof text, 0));
  SHOW(recv(client, text, 2, MSG_PEEK | MSG_TRUNC));
  SHOW(recv(client, text, sizeof text, 0));
  SHOW(send(client, "x", 1, 0));
  SHOW(connect_to(client, "127.0.0.1", 3000));
  show_name("connected", client, getsockname);
  show_name("peer", client, getpeername);
  SHOW(send(client, "x", 1, 0));
  SHOW(read(server, text, sizeof text));
  struct sockaddr none = {0};
  SHOW(connect(client, &none, sizeof none));
  show_name("disconnected", client, getsockname);
  SHOW(send_to(client, "x", "127.0.0.1", 0));
  struct sockaddr_in zero = at("0.0.0.0", 3000);
  SHOW(sendto(client, "y", 1, 0, (struct sockaddr*)&zero, sizeof zero));
  SHOW(read(server, text, sizeof text));
  SHOW(shutdown(client, SHUT_WR));
  SHOW(sendto(client, "y", 1, MSG_NOSIGNAL, (struct sockaddr*)&zero, sizeof zero));
}

GUEST(udp_nobody_listens) {
  lo_up();
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  char byte;
  SHOW(send_to(fd, "x", "127.0.0.1", 3001));
  SHOW(recv(fd, &byte, 1, MSG_DONTWAIT));
  connect_to(fd, "127.0.0.1", 3001);
  SHOW(send(fd, "x", 1, 0));
  guest_pause();
  show_events("refused", fd);
  SHOW(send(fd, "x", 1, 0));
  SHOW(send(fd, "x", 1, 0));
  guest_pause();
  SHOW(recv(fd, &byte, 1, 0));
  show_error(fd);
}

GUEST(udp_connected_hears_only_its_peer) {
  lo_up();
  int one = socket(AF_INET, SOCK_DGRAM, 0), two = socket(AF_INET, SOCK_DGRAM, 0),
      three = socket(AF_INET, SOCK_DGRAM, 0);
  bind_to(one, "127.0.0.1", 3002);
  bind_to(two, "127.0.0.1", 3003);
  connect_to(one, "127.0.0.1", 3003);
  char text[8];
  SHOW(send_to(three, "stranger", "127.0.0.1", 3002));
  guest_pause();
  SHOW(recv(one, text, 8, MSG_DONTWAIT));
  SHOW(send_to(two, "friend", "127.0.0.1", 3002));
  SHOW(recv(one, text, 8, 0));
  SHOW(bind_to(three, "0.0.0.0", 3002));
  int value = 1;
  setsockopt(three, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
  SHOW(bind_to(three, "0.0.0.0", 3002));
  setsockopt(one, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value);
  SHOW(bind_to(three, "0.0.0.0", 3002));
  SHOW(send_to(two, "which", "127.0.0.1", 3002));
  SHOW(recv(three, text, 8, MSG_DONTWAIT));
  SHOW(recv(one, text, 8, MSG_DONTWAIT));
}

GUEST(udp_sizes) {
  lo_up();
  int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0);
  bind_to(server, "127.0.0.1", 3004);
  connect_to(client, "127.0.0.1", 3004);
  static char block[70000];
  SHOW(send(client, block, 65507, 0));
  SHOW(recv(server, block, sizeof block, 0));
  SHOW(send(client, block, 65508, 0));
  SHOW(send(client, block, 70000, 0));
  struct iovec pieces[2] = {{"two ", 4}, {"pieces", 6}};
  SHOW(writev(client, pieces, 2));
  char text[16] = {0};
  SHOW(read(server, text, sizeof text));
  SAY("%s\n", text);
  struct msghdr message = {0};
  struct iovec small = {text, 3};
  message.msg_iov = &small;
  message.msg_iovlen = 1;
  SHOW(send(client, "truncated", 9, 0));
  SHOW(recvmsg(server, &message, 0));
  SAY("flags %x\n", message.msg_flags);
  SHOW(send(client, block, 10, MSG_OOB));
}

GUEST(udp_queue_is_bounded) {
  lo_up();
  int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0), small = 4096;
  setsockopt(server, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  bind_to(server, "127.0.0.1", 3005);
  connect_to(client, "127.0.0.1", 3005);
  int failed = 0;
  for (int n = 0; n < 500; ++n) failed += send(client, "0123456789", 10, 0) != 10;
  SAY("failed %d\n", failed);
  char text[16];
  int got = 0;
  while (recv(server, text, 16, MSG_DONTWAIT) > 0) ++got;
  SAY("some were lost %d\n", got > 0 && got < 500);
}

GUEST(udp_packet_info) {
  lo_up();
  int server = socket(AF_INET, SOCK_DGRAM, 0), client = socket(AF_INET, SOCK_DGRAM, 0), one = 1, ttl = 9;
  setsockopt(server, IPPROTO_IP, IP_PKTINFO, &one, sizeof one);
  setsockopt(server, IPPROTO_IP, IP_RECVTTL, &one, sizeof one);
  setsockopt(client, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
  bind_to(server, "0.0.0.0", 3006);
  send_to(client, "hello", "127.0.0.7", 3006);
  char control[256], text[16];
  struct iovec piece = {text, 16};
  struct sockaddr_in from;
  struct msghdr message = {0};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  SHOW(recvmsg(server, &message, 0));
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo* info = (struct in_pktinfo*)CMSG_DATA(header);
      SAY("to %s by %d length %d\n", inet_ntoa(info->ipi_addr), info->ipi_ifindex, (int)header->cmsg_len);
      SAY("at %s\n", inet_ntoa(info->ipi_spec_dst));
    }
    if (header->cmsg_type == IP_TTL) SAY("ttl %d\n", *(int*)CMSG_DATA(header));
  }
  SAY("from %s length %d\n", inet_ntoa(from.sin_addr), (int)message.msg_namelen);
}

GUEST(inet6_and_both) {
  lo_up();
  int server = socket(AF_INET6, SOCK_STREAM, 0), off = 0, on_ = 1;
  if (server < 0) SKIP("no IPv6");
  setsockopt(server, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  struct sockaddr_in6 any = {0};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(2020);
  SHOW(bind(server, (struct sockaddr*)&any, sizeof any));
  SHOW(listen(server, 4));
  int four = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);
  SHOW(connect_to(four, "127.0.0.1", 2020));
  any.sin6_addr = in6addr_loopback;
  SHOW(connect(six, (struct sockaddr*)&any, sizeof any));
  char text[64];
  for (int n = 0; n < 2; ++n) {
    struct sockaddr_in6 peer = {0};
    socklen_t length = sizeof peer;
    SHOW_OK(accept(server, (struct sockaddr*)&peer, &length));
    SAY("%s %d\n", inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text), (int)length);
  }
  int other = socket(AF_INET, SOCK_STREAM, 0);
  SHOW(bind_to(other, "127.0.0.1", 2020));
  int only = socket(AF_INET6, SOCK_STREAM, 0), plain = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(only, IPPROTO_IPV6, IPV6_V6ONLY, &on_, sizeof on_);
  any.sin6_addr = in6addr_any;
  any.sin6_port = htons(2021);
  SHOW(bind(only, (struct sockaddr*)&any, sizeof any));
  SHOW(bind_to(plain, "0.0.0.0", 2021));
  SHOW(bind(plain, (struct sockaddr*)&any, sizeof any));
  any.sin6_port = htons(2022);
  SHOW(bind(six, (struct sockaddr*)&any, 20));
}

GUEST(ping_by_raw_socket) {
  lo_up();
  int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
  struct icmphdr request = {0};
  request.type = ICMP_ECHO;
  request.un.echo.id = htons(77);
  request.un.echo.sequence = htons(3);
  request.checksum = (uint16_t) ~(0x0800 + 77 + 3 ? htons(0x0800 + 77 + 3) : 0);
  unsigned filter = ~(1u << ICMP_ECHOREPLY);
  SHOW(setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof filter));
  struct sockaddr_in to = at("127.0.0.1", 0);
  SHOW(sendto(fd, &request, sizeof request, 0, (struct sockaddr*)&to, sizeof to));
  unsigned char answer[128];
  struct sockaddr_in from;
  socklen_t length = sizeof from;
  SHOW(recvfrom(fd, answer, sizeof answer, 0, (struct sockaddr*)&from, &length));
  SAY("version %x protocol %d type %d id %d sequence %d from %s\n", answer[0], answer[9], answer[20],
      answer[24] << 8 | answer[25], answer[26] << 8 | answer[27], inet_ntoa(from.sin_addr));
  SHOW(recv(fd, answer, sizeof answer, MSG_DONTWAIT));
}

GUEST(ping_by_datagram_socket) {
  lo_up();
  SHOW(socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
  guest_write_file("/proc/sys/net/ipv4/ping_group_range", "0 10");
  int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  if (fd < 0) SKIP("ping_group_range cannot be set");
  struct icmphdr request = {0};
  request.type = ICMP_ECHO;
  request.un.echo.sequence = htons(5);
  SHOW(connect_to(fd, "127.0.0.1", 0));
  SHOW(send(fd, &request, sizeof request, 0));
  unsigned char answer[64];
  SHOW(recv(fd, answer, sizeof answer, 0));
  SAY("type %d sequence %d\n", answer[0], answer[6] << 8 | answer[7]);
  request.type = ICMP_ECHOREPLY;
  SHOW(send(fd, &request, sizeof request, 0));
  SHOW(send(fd, &request, 4, 0));
}

GUEST(inet_proc_files) {
  lo_up();
  int client, server, datagrams = socket(AF_INET, SOCK_DGRAM, 0);
  int listener = listening(2030, 5);
  tcp_pair(2031, &client, &server);
  bind_to(datagrams, "127.0.0.1", 3030);
  char line[512];
  for (int kind = 0; kind < 2; ++kind) {
    FILE* file = fopen(kind ? "/proc/net/udp" : "/proc/net/tcp", "r");
    int states[16] = {0}, lines = 0;
    while (file && fgets(line, sizeof line, file)) {
      unsigned local, remote, local_port, remote_port, state;
      if (sscanf(line, " %*d: %x:%x %x:%x %x", &local, &local_port, &remote, &remote_port, &state) == 5 && state < 16) {
        ++states[state];
        ++lines;
        if (local_port == 2030 || local_port == 3030)
          SAY("%08X:%04X %08X:%04X %02X\n", local, local_port, remote, remote_port, state);
      }
    }
    SAY("lines %d established %d listening %d\n", lines, states[1], states[10]);
    if (file) fclose(file);
  }
  (void)listener;
}
