#pragma once
// The daemon's HTTP/1.1 server on the caller's io_context: UNIX sockets, TCP and TLS. One thread; the application is
// called from the loop and answers through its Responder, at once or much later.
//
// hijack(101, …) is sent as "101 UPGRADED" with the protocol that the client named in Upgrade, as dockerd does; to a
// client that asked for no upgrade the same call sends 200. Fields that dockerd puts on every answer are api's to
// give; the server adds Date, Connection and the framing.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/message.h"

namespace boost::asio {
class io_context;
}

namespace drydock::native {

/// --tlscert, --tlskey; with --tlsverify also --tlscacert, and clients need a certificate signed by it.
struct TlsServerOptions {
  std::string certificate_file{};
  std::string key_file{};
  std::string ca_file{};
  bool verify_clients = false;
};

struct ServerOptions {
  std::size_t connections_max = 1024;                    // more wait in the kernel's queue
  std::int64_t head_timeout_ns = 60 * kNanosPerSecond;   // from the first byte of a head, or of a new connection
  std::int64_t body_timeout_ns = 300 * kNanosPerSecond;  // without a byte of a buffered body
  std::int64_t idle_timeout_ns = 180 * kNanosPerSecond;  // of a kept-alive connection
  std::int64_t linger_timeout_ns = 2 * kNanosPerSecond;  // for the peer to take an early answer
  std::size_t answer_backlog_max = 64u << 20;            // an answer that grows beyond it is given up
};

class Server {
 public:
  /// `wake` is called after anything that the daemon may want to look at: bytes arrived or left, a peer went away.
  /// The application must outlive the server.
  Server(boost::asio::io_context& io, http::Application& application, std::function<void()> wake,
         ServerOptions options = {});
  /// Closes the listeners and all connections, hijacked ones too.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens on a UNIX socket, mode 0660, owned by `group` if there is such a group. A socket file that nobody listens
  /// on any more is replaced; one with a listener, or another kind of file, is an error (conflict).
  Result<void> listen_unix(const std::string& path, std::string_view group = "docker");
  /// Returns the port, which matters if `port` is 0. Errors in Go's words: "listen tcp 0.0.0.0:80: bind: …".
  Result<std::uint16_t> listen_tcp(const std::string& host, std::uint16_t port,
                                   const std::optional<TlsServerOptions>& tls = std::nullopt);

  /// No new connections and requests; answers under way are still sent.
  void stop();
  std::size_t connection_count() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace drydock::native
