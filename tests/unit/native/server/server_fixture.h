#pragma once
// What the tests of native/server share: a server on a socket of its own, an application made of a function, and a
// client that sends and reads raw bytes while the loop runs.

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "base/text.h"
#include "native/server/server.h"

namespace drydock::native::test {

using Handler = std::function<void(http::Request, std::shared_ptr<http::Responder>)>;

class FunctionApplication final : public http::Application {
 public:
  http::BodyMode body_mode(const http::RequestHead& head) override {
    return head.path.starts_with("/stream") ? http::BodyMode::streamed : http::BodyMode::buffered;
  }
  void handle(http::Request request, std::shared_ptr<http::Responder> responder) override {
    handler(std::move(request), std::move(responder));
  }
  Handler handler = [](http::Request request, std::shared_ptr<http::Responder> responder) {
    responder->send(200, "text/plain", concat(request.method, " ", request.path, " ", request.body));
  };
};

struct Fixture {
  explicit Fixture(ServerOptions options = {}) {
    char folder[] = "/tmp/drydock-server-test-XXXXXX";
    folder_path = ::mkdtemp(folder);
    socket_path = folder_path + "/s.sock";
    server.emplace(
        io, application, [this] { ++wakes; }, options);
    listened = server->listen_unix(socket_path).ok();
  }
  ~Fixture() {
    server.reset();
    io.poll();
    ::unlink(socket_path.c_str());
    ::rmdir(folder_path.c_str());
  }

  /// Runs the loop until `done` holds; false if it does not within the time.
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      if (side_work) side_work();
      io.restart();
      // Ends as soon as one handler has run: transfers must not be slowed by the pace of the loop.
      io.run_one_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  boost::asio::io_context io;
  FunctionApplication application;
  int wakes = 0;
  std::string folder_path;
  std::string socket_path;
  std::optional<Server> server;
  bool listened = false;
  std::function<void()> side_work;  // what else the test has to do between two looks at the loop
};

class RawClient {
 public:
  explicit RawClient(Fixture& fixture) : fixture_(fixture) {
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, fixture.socket_path.data(), fixture.socket_path.size());
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  /// Sends everything while the loop runs; false if the server takes no more.
  bool send(std::string_view bytes) {
    return fixture_.run_until([&] {
      while (!bytes.empty()) {
        const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno != EAGAIN;
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      }
      return true;
    }) && bytes.empty();
  }
  /// Sends what there is room for and adds it to `sent`; false if there is none.
  bool send_some(std::string_view bytes, std::size_t& sent) {
    const ssize_t count = bytes.empty() ? 0 : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) sent += static_cast<std::size_t>(count);
    return count > 0;
  }
  /// What there is to read now, without running the loop.
  void drain() {
    char buffer[65536];
    ssize_t count = 0;
    while ((count = ::recv(fd_, buffer, sizeof(buffer), 0)) > 0)
      received.append(buffer, static_cast<std::size_t>(count));
    if (count == 0 || (count < 0 && errno != EAGAIN)) ended = true;
  }
  bool read_until(const std::function<bool()>& done) {
    return fixture_.run_until([&] {
      drain();
      return done();
    });
  }
  bool read_until(std::string_view text) {
    return read_until([&] { return received.find(text) != std::string::npos; });
  }
  bool read_to_end() {
    return read_until([&] { return ended; });
  }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

  std::string received;
  bool ended = false;

 private:
  Fixture& fixture_;
  int fd_ = -1;
  bool connected_ = false;
};

/// How often a text occurs.
inline std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t count = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + what.size())) ++count;
  return count;
}

}  // namespace drydock::native::test
