#pragma once
// Opens a connection for a request: name resolution, connect, CONNECT through a proxy, TLS handshake. Internal to
// native/server.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "http/url.h"
#include "native/server/stream_socket.h"

namespace drydock::native {

struct DialTarget {
  http::Url url;
  std::optional<http::Url> proxy;
  std::shared_ptr<boost::asio::ssl::context> tls;  // null: plain
  bool verify_certificate = true;
  std::int64_t timeout_ns = 0;  // for all steps together
};

using DialHandler = std::function<void(Result<std::unique_ptr<StreamSocket>>)>;

/// A dial under way. Dropping it, or cancel(), ends it without a call of the handler.
class Dial {
 public:
  virtual ~Dial() = default;
  virtual void cancel() = 0;
};

/// The handler is called from the loop, never from within start_dial. Errors in Go's words, kind unavailable:
/// "dial tcp 127.0.0.1:1: connect: connection refused".
std::shared_ptr<Dial> start_dial(boost::asio::io_context& io, DialTarget target, DialHandler handler);

/// "Basic dXNlcjpwYXNz" from a proxy's user info, or "".
std::string proxy_authorization(const http::Url& proxy);

}  // namespace drydock::native
