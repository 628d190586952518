#pragma once
// A connected byte stream below the HTTP code: UNIX or TCP, plain or TLS. Internal to native/server.

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio::ssl {
class context;
}

namespace drydock::native {

using PlainSocket = boost::asio::generic::stream_protocol::socket;
using IoHandler = std::function<void(const boost::system::error_code&, std::size_t)>;
using DoneHandler = std::function<void(const boost::system::error_code&)>;
using HandshakeHandler = std::function<void(const std::string& failure)>;

/// At most one read and one write are under way at a time; their buffers must live until the handlers are called.
/// close() completes them with operation_aborted; dropping the object is allowed while they are under way.
class StreamSocket {
 public:
  virtual ~StreamSocket() = default;
  /// Comes first. `failure` is empty on success, else the reason in the words of Go's crypto/tls and crypto/x509.
  /// May call the handler at once.
  virtual void async_handshake(HandshakeHandler handler) = 0;
  virtual void async_read_some(char* data, std::size_t size, IoHandler handler) = 0;
  virtual void async_write_some(const char* data, std::size_t size, IoHandler handler) = 0;
  /// Completes without an error when the peer has gone altogether (both directions), not when it only stopped sending.
  virtual void async_wait_hangup(DoneHandler handler) = 0;
  /// Open, with nothing to read and no end announced: a kept-alive connection that can be used again.
  virtual bool is_quiet() = 0;
  /// Tells the peer that no more bytes follow. Nothing may be written afterwards.
  virtual void shutdown_write() = 0;
  virtual void close() = 0;
};

/// StreamSocket::is_quiet for a descriptor.
bool socket_is_quiet(int fd);

std::unique_ptr<StreamSocket> make_plain_socket(PlainSocket socket);

/// Side of the TLS handshake.
enum class TlsRole { server, client };

/// Clients only: sent as SNI, and checked against the certificate if `verify`. May be an IP address.
struct TlsPeer {
  std::string server_name;
  bool verify = true;
};
/// `context` is held by the socket.
std::unique_ptr<StreamSocket> make_tls_socket(PlainSocket socket, std::shared_ptr<boost::asio::ssl::context> context,
                                              TlsRole role, const TlsPeer& peer = {});

}  // namespace drydock::native
