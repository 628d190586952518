// drydock-proxy PROTOCOL ADDRESS PORT: passes what arrives at the socket on standard input to a container's address.
//
// TCP: standard input is a listening socket; each connection gets one to the container, bytes go both ways with bounded
// buffers, each direction is closed for itself. UDP: standard input is bound; each client gets a socket of its own for
// answers, given up after kUdpIdleSeconds without a datagram. One thread; connections over kFlowsMax wait or are lost.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t kFlowsMax = 4096;
constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr std::size_t kDatagramBytes = 65536;
constexpr std::int64_t kUdpIdleSeconds = 90;
constexpr int kEventsMax = 64;

struct Target {
  sockaddr_storage address{};
  socklen_t length = 0;
};

bool parse_target(const char* address, const char* port, Target& target) {
  const long number = std::strtol(port, nullptr, 10);
  if (number < 1 || number > 65535) return false;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&target.address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&target.address);
  if (::inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<std::uint16_t>(number));
    target.length = sizeof(sockaddr_in);
    return true;
  }
  if (::inet_pton(AF_INET6, address, &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(static_cast<std::uint16_t>(number));
  target.length = sizeof(sockaddr_in6);
  return true;
}

std::int64_t now_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec;
}

/// One direction of a TCP flow: bytes read from one socket that the other has not taken yet.
struct Pipe {
  std::string waiting;
  bool source_ended = false;
  bool ended = false;  // the end was passed on
};

struct Flow;

/// What epoll hands back: which socket of which flow.
struct Side {
  Flow* flow = nullptr;
  int fd = -1;
  std::uint32_t interest = 0;
};

struct Flow {
  Side client;
  Side server;
  Pipe to_server;
  Pipe to_client;
  bool connecting = true;
  bool broken = false;
};

/// Reads what there is into the pipe and writes what goes; false when the flow is broken.
bool move_bytes(int from, int to, Pipe& pipe) {
  std::array<char, kBufferBytes> buffer;
  while (true) {
    while (!pipe.waiting.empty()) {
      const ssize_t sent = ::send(to, pipe.waiting.data(), pipe.waiting.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      pipe.waiting.erase(0, static_cast<std::size_t>(sent));
    }
    if (pipe.source_ended) {
      if (!pipe.ended) ::shutdown(to, SHUT_WR);
      pipe.ended = true;
      return true;
    }
    const ssize_t got = ::recv(from, buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) pipe.source_ended = true;
    pipe.waiting.assign(buffer.data(), static_cast<std::size_t>(got));
  }
}

class TcpProxy {
 public:
  TcpProxy(int listener, Target target) : target_(target), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    listener_.fd = listener;
    ::fcntl(listener, F_SETFL, O_NONBLOCK);
    watch(listener_, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, kEventsMax> events;
    while (true) {
      const int count = ::epoll_wait(poll_, events.data(), kEventsMax, -1);
      for (int i = 0; i < count; ++i) {
        auto* side = static_cast<Side*>(events[static_cast<std::size_t>(i)].data.ptr);
        if (side->flow == nullptr) {
          accept_all();
        } else if (!side->flow->broken) {
          side->flow->broken = !advance(*side->flow);
        }
      }
      remove_broken();
    }
  }

 private:
  void watch(Side& side, std::uint32_t interest) {
    if (side.interest == interest) return;
    epoll_event event{};
    event.events = interest;
    event.data.ptr = &side;
    ::epoll_ctl(poll_, side.interest == 0 ? EPOLL_CTL_ADD : (interest == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD), side.fd,
                &event);
    side.interest = interest;
  }

  void accept_all() {
    while (flows_.size() < kFlowsMax) {
      const int client = ::accept4(listener_.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (client < 0) return;
      const int server = ::socket(target_.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      const auto* address = reinterpret_cast<const sockaddr*>(&target_.address);
      if (server < 0 || (::connect(server, address, target_.length) < 0 && errno != EINPROGRESS)) {
        ::close(client);
        if (server >= 0) ::close(server);
        continue;
      }
      Flow& flow = flows_.emplace_back();
      flow.client = {&flow, client, 0};
      flow.server = {&flow, server, 0};
      watch(flow.server, EPOLLOUT);
    }
    watch(listener_, 0);  // full: others wait in the listen queue
  }

  bool advance(Flow& flow) {
    if (flow.connecting) {
      int error = 0;
      socklen_t length = sizeof error;
      ::getsockopt(flow.server.fd, SOL_SOCKET, SO_ERROR, &error, &length);
      if (error != 0) return false;
      flow.connecting = false;
    }
    if (!move_bytes(flow.client.fd, flow.server.fd, flow.to_server)) return false;
    if (!move_bytes(flow.server.fd, flow.client.fd, flow.to_client)) return false;
    if (flow.to_server.ended && flow.to_client.ended) return false;
    const auto interest = [](const Pipe& reads, const Pipe& writes) -> std::uint32_t {
      return (!reads.source_ended && reads.waiting.empty() ? EPOLLIN : 0u) | (!writes.waiting.empty() ? EPOLLOUT : 0u);
    };
    watch(flow.client, interest(flow.to_server, flow.to_client));
    watch(flow.server, interest(flow.to_client, flow.to_server));
    return true;
  }

  void remove_broken() {
    for (auto flow = flows_.begin(); flow != flows_.end();) {
      if (!flow->broken) {
        ++flow;
        continue;
      }
      ::close(flow->client.fd);
      ::close(flow->server.fd);
      flow = flows_.erase(flow);
    }
    if (flows_.size() < kFlowsMax) watch(listener_, EPOLLIN);
  }

  Target target_;
  int poll_;
  Side listener_;
  std::list<Flow> flows_;
};

class UdpProxy {
 public:
  UdpProxy(int socket, Target target) : socket_(socket), target_(target), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    ::fcntl(socket, F_SETFL, O_NONBLOCK);
    watch(socket_);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, kEventsMax> events;
    while (true) {
      const int count = ::epoll_wait(poll_, events.data(), kEventsMax, 10'000);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == socket_) {
          pass_to_container();
        } else {
          pass_to_client(fd);
        }
      }
      remove_idle();
    }
  }

 private:
  struct Client {
    sockaddr_storage address{};
    socklen_t length = 0;
    std::int64_t last_used = 0;
  };

  void watch(int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }

  int socket_for(const Client& client) {
    const std::string key(reinterpret_cast<const char*>(&client.address), client.length);
    const auto found = by_address_.find(key);
    if (found != by_address_.end()) return found->second;
    if (clients_.size() >= kFlowsMax) return -1;
    const int fd = ::socket(target_.address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&target_.address), target_.length) < 0) {
      ::close(fd);
      return -1;
    }
    by_address_[key] = fd;
    clients_[fd] = client;
    watch(fd);
    return fd;
  }

  void pass_to_container() {
    while (true) {
      Client client;
      client.length = sizeof client.address;
      const ssize_t size = ::recvfrom(socket_, buffer_.data(), buffer_.size(), 0,
                                      reinterpret_cast<sockaddr*>(&client.address), &client.length);
      if (size < 0) return;
      const int fd = socket_for(client);
      if (fd < 0) continue;
      clients_[fd].last_used = now_seconds();
      static_cast<void>(::send(fd, buffer_.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL));
    }
  }

  void pass_to_client(int fd) {
    const auto client = clients_.find(fd);
    if (client == clients_.end()) return;
    while (true) {
      const ssize_t size = ::recv(fd, buffer_.data(), buffer_.size(), 0);
      if (size < 0) return;
      client->second.last_used = now_seconds();
      static_cast<void>(::sendto(socket_, buffer_.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL,
                                 reinterpret_cast<const sockaddr*>(&client->second.address), client->second.length));
    }
  }

  void remove_idle() {
    const std::int64_t oldest = now_seconds() - kUdpIdleSeconds;
    for (auto client = by_address_.begin(); client != by_address_.end();) {
      if (clients_[client->second].last_used >= oldest) {
        ++client;
        continue;
      }
      clients_.erase(client->second);
      ::close(client->second);
      client = by_address_.erase(client);
    }
  }

  int socket_;
  Target target_;
  int poll_;
  std::map<std::string, int> by_address_;
  std::map<int, Client> clients_;
  std::array<char, kDatagramBytes> buffer_{};
};

}  // namespace

int main(int argc, char** argv) {
  Target target;
  const std::string protocol = argc == 4 ? argv[1] : "";
  if ((protocol != "tcp" && protocol != "udp") || !parse_target(argv[2], argv[3], target)) {
    std::fputs("usage: drydock-proxy tcp|udp ADDRESS PORT <SOCKET\n", stderr);
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  const int socket = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  if (protocol == "tcp") TcpProxy(socket, target).run();
  UdpProxy(socket, target).run();
}
