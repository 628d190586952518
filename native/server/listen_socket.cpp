// socket(2), bind(2), listen(2), unix(7), getaddrinfo(3).

#include "native/server/listen_socket.h"

#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace drydock::native {

namespace {

constexpr int kQueueMax = 1024;

Failure<Error> failure(std::string_view what, std::string_view where, std::string_view call, int code) {
  return fail(code == EADDRINUSE ? ErrorKind::conflict : ErrorKind::unavailable, what, " ", where, ": ", call, ": ",
              to_string(static_cast<Errno>(code)));
}

/// Closes unless released.
class OwnedDescriptor {
 public:
  explicit OwnedDescriptor(int fd) : fd_(fd) {}
  ~OwnedDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  OwnedDescriptor(const OwnedDescriptor&) = delete;
  OwnedDescriptor& operator=(const OwnedDescriptor&) = delete;
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

bool somebody_listens(const sockaddr_un& address) {
  const OwnedDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (probe.get() < 0) return false;
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return true;
  return errno == EAGAIN;  // its queue is full
}

/// A socket file without a listener is what a killed daemon leaves behind.
Result<void> remove_stale_socket(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode) || somebody_listens(address)) return failure("listen unix", path, "bind", EADDRINUSE);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failure("listen unix", path, "unlink", errno);
  return {};
}

/// The group's id, or nothing where there is no such group.
std::optional<gid_t> find_group(std::string_view name) {
  if (name.empty()) return std::nullopt;
  if (const auto number = parse_u64(name)) return static_cast<gid_t>(*number);
  std::array<char, 16384> buffer{};
  struct group entry {};
  struct group* found = nullptr;
  if (::getgrnam_r(std::string(name).c_str(), &entry, buffer.data(), buffer.size(), &found) != 0) return std::nullopt;
  return found != nullptr ? std::optional<gid_t>(found->gr_gid) : std::nullopt;
}

int bind_and_listen(int fd, const sockaddr* address, socklen_t length) {
  if (::bind(fd, address, length) != 0) return errno;
  return ::listen(fd, kQueueMax) == 0 ? 0 : errno;
}

std::string host_and_port(const std::string& host, std::uint16_t port) {
  return host.find(':') == std::string::npos ? concat(host, ":", port) : concat("[", host, "]:", port);
}

std::uint16_t port_of(int fd) {
  sockaddr_storage bound{};
  socklen_t length = sizeof(bound);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return 0;
  if (bound.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&bound)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

}  // namespace

Result<int> listen_on_unix_socket(const std::string& path, std::string_view group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) return failure("listen unix", path, "bind", EINVAL);
  std::memcpy(address.sun_path, path.data(), path.size());
  TRY(remove_stale_socket(path, address));

  OwnedDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (fd.get() < 0) return failure("listen unix", path, "socket", errno);
  // Nobody else may connect before owner and mode are right.
  const mode_t old_mask = ::umask(0177);
  const int bound = bind_and_listen(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  ::umask(old_mask);
  if (bound != 0) return failure("listen unix", path, "bind", bound);
  if (const auto gid = find_group(group)) {
    // Without the right to give files away (rootless) the socket stays the caller's own.
    if (::chown(path.c_str(), static_cast<uid_t>(-1), *gid) != 0 && errno != EPERM) {
      return failure("chown", path, "chown", errno);
    }
  }
  if (::chmod(path.c_str(), 0660) != 0) return failure("chmod", path, "chmod", errno);
  return fd.release();
}

Result<int> listen_on_tcp(const std::string& host, std::uint16_t port, std::uint16_t& bound_port) {
  const std::string where = host_and_port(host, port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const std::string service = std::to_string(port);
  const int looked_up = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &found);
  if (looked_up != 0) return fail(ErrorKind::invalid_argument, "listen tcp: lookup ", host, ": no such host");

  int last_error = EADDRNOTAVAIL;
  Result<int> result = failure("listen tcp", where, "bind", last_error);
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    OwnedDescriptor fd(::socket(entry->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) continue;
    const int on = 1;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    last_error = bind_and_listen(fd.get(), entry->ai_addr, entry->ai_addrlen);
    if (last_error != 0) {
      result = failure("listen tcp", where, "bind", last_error);
      continue;
    }
    bound_port = port_of(fd.get());
    result = fd.release();
    break;
  }
  ::freeaddrinfo(found);
  return result;
}

}  // namespace drydock::native
