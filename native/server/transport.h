#pragma once
// http::Transport on the caller's io_context: http, https and http+unix, through proxies, with kept-alive connections.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "http/transport.h"
#include "native/server/proxy.h"

namespace boost::asio {
class io_context;
}

namespace drydock::native {

struct TransportOptions {
  /// As dockerd's: DIR/<host[:port]>/*.crt are CAs, *.cert with *.key of the same name client certificates.
  std::string certs_directory = "/etc/docker/certs.d";
  ProxySettings proxies{};  // proxies_from(getenv) for the environment's
  std::int64_t dial_timeout_ns = 30 * kNanosPerSecond;
  std::int64_t idle_connection_ns = 90 * kNanosPerSecond;  // a kept-alive connection is closed after it
  std::size_t idle_connections_per_origin_max = 8;
  std::size_t idle_connections_max = 64;
};

/// `wake` is called whenever an exchange has news. Exchanges may outlive the transport.
std::unique_ptr<http::Transport> make_transport(boost::asio::io_context& io, std::function<void()> wake,
                                                TransportOptions options = {});

}  // namespace drydock::native
