// Listeners, and the set of connections.

#include "native/server/server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <vector>

#include "native/server/connection.h"
#include "native/server/listen_socket.h"
#include "native/server/stream_socket.h"
#include "native/server/tls_context.h"

namespace drydock::native {

namespace asio = boost::asio;

namespace {

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

struct Listener {
  explicit Listener(asio::io_context& io) : acceptor(io), retry(io) {}

  Acceptor acceptor;
  asio::steady_timer retry;
  bool accepting = false;
  std::string socket_file;  // of a UNIX socket
  dev_t device = 0;         // and which file it was when it was made
  ino_t inode = 0;
  std::shared_ptr<asio::ssl::context> tls;
};

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
  State(asio::io_context& context, http::Application& application, std::function<void()> wake, ServerOptions options)
      : io(context), shared(std::make_shared<ServerShared>()) {
    shared->application = &application;
    shared->wake = std::move(wake);
    shared->options = options;
  }

  Result<void> adopt(int fd, int family, std::shared_ptr<Listener> listener);
  void accept(const std::shared_ptr<Listener>& listener);
  void on_accepted(const std::shared_ptr<Listener>& listener, const boost::system::error_code& code,
                   PlainSocket socket);
  void stop_listening();

  asio::io_context& io;
  std::shared_ptr<ServerShared> shared;
  std::vector<std::shared_ptr<Listener>> listeners;
  std::vector<std::weak_ptr<Connection>> connections;
  bool stopped = false;
};

Result<void> Server::State::adopt(int fd, int family, std::shared_ptr<Listener> listener) {
  boost::system::error_code code;
  listener->acceptor.assign(asio::generic::stream_protocol(family, 0), fd, code);
  if (code) {
    ::close(fd);
    return fail(ErrorKind::internal, "listen: ", to_lower(code.message()));
  }
  listeners.push_back(listener);
  accept(listener);
  return {};
}

void Server::State::accept(const std::shared_ptr<Listener>& listener) {
  // Beyond the limit connections wait in the kernel's queue until one here ends.
  if (stopped || listener->accepting || shared->connections >= shared->options.connections_max) return;
  listener->accepting = true;
  listener->acceptor.async_accept(
      [self = shared_from_this(), listener](const boost::system::error_code& code, PlainSocket socket) {
        listener->accepting = false;
        self->on_accepted(listener, code, std::move(socket));
      });
}

void Server::State::on_accepted(const std::shared_ptr<Listener>& listener, const boost::system::error_code& code,
                                PlainSocket socket) {
  if (stopped || code == asio::error::operation_aborted) return;
  if (code) {
    // Out of descriptors, or a peer that left the queue: look again a little later.
    listener->retry.expires_after(kAcceptRetry);
    listener->retry.async_wait([self = shared_from_this(), listener](const boost::system::error_code& cancelled) {
      if (!cancelled) self->accept(listener);
    });
    return;
  }
  if (listener->socket_file.empty()) {
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  ++shared->connections;
  auto stream = listener->tls ? make_tls_socket(std::move(socket), listener->tls, TlsRole::server)
                              : make_plain_socket(std::move(socket));
  auto connection = std::make_shared<Connection>(io, std::move(stream), shared);
  std::erase_if(connections, [](const auto& held) { return held.expired(); });
  connections.push_back(connection);
  connection->start();
  accept(listener);
}

void Server::State::stop_listening() {
  stopped = true;
  for (const auto& listener : listeners) {
    boost::system::error_code ignored;
    listener->acceptor.close(ignored);
    listener->retry.cancel();
    struct stat info {};
    // A newer daemon may have put its own socket in the same place.
    if (listener->socket_file.empty() || ::lstat(listener->socket_file.c_str(), &info) != 0) continue;
    if (info.st_dev == listener->device && info.st_ino == listener->inode) ::unlink(listener->socket_file.c_str());
  }
  listeners.clear();
}

Server::Server(asio::io_context& io, http::Application& application, std::function<void()> wake, ServerOptions options)
    : state_(std::make_shared<State>(io, application, std::move(wake), options)) {
  state_->shared->connection_ended = [weak = std::weak_ptr<State>(state_)] {
    const auto state = weak.lock();
    if (!state || state->stopped) return;
    for (const auto& listener : state->listeners) state->accept(listener);
  };
}

Server::~Server() {
  state_->shared->application = nullptr;
  state_->stop_listening();
  for (const auto& held : state_->connections) {
    if (const auto connection = held.lock()) connection->abort();
  }
}

Result<void> Server::listen_unix(const std::string& path, std::string_view group) {
  const int fd = TRY(listen_on_unix_socket(path, group));
  auto listener = std::make_shared<Listener>(state_->io);
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) {
    listener->socket_file = path;
    listener->device = info.st_dev;
    listener->inode = info.st_ino;
  }
  return state_->adopt(fd, AF_UNIX, std::move(listener));
}

Result<std::uint16_t> Server::listen_tcp(const std::string& host, std::uint16_t port,
                                         const std::optional<TlsServerOptions>& tls) {
  auto listener = std::make_shared<Listener>(state_->io);
  if (tls) listener->tls = TRY(make_server_tls(*tls));
  std::uint16_t bound = 0;
  const int fd = TRY(listen_on_tcp(host, port, bound));
  // The family only matters for sockets that are opened by Asio itself.
  TRY(state_->adopt(fd, AF_INET, std::move(listener)));
  return bound;
}

void Server::stop() {
  state_->stop_listening();
  for (const auto& held : state_->connections) {
    if (const auto connection = held.lock()) connection->stop();
  }
}

std::size_t Server::connection_count() const {
  return state_->shared->connections;
}

}  // namespace drydock::native
