#pragma once
// The client side: the port through which registry and cli send requests.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/stream.h"
#include "http/message.h"

namespace drydock::http {

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // "https://registry.example/v2/"; "http+unix://%2Frun%2Fdocker.sock/v1.41/info"
  Headers headers;
  std::unique_ptr<ByteSource> body;               // null: no body
  std::optional<std::uint64_t> body_size;         // with a body: its Content-Length; without: chunked
  bool accept_any_certificate = false;            // --insecure-registry
  std::int64_t idle_timeout_ns = 60'000'000'000;  // without a byte either way: the exchange fails with "i/o timeout"
};

struct ResponseHead {
  int status = 0;
  Headers headers;
};

/// One request under way. Redirects are not followed here: their meaning is the caller's (credentials must not leak).
/// Reading never blocks; when something arrives, the loop steps whoever holds the exchange.
class Exchange : public ByteSource {
 public:
  /// Null until the head of the answer has arrived.
  virtual const ResponseHead* head() const = 0;
  /// Set once the exchange has failed: "dial tcp 127.0.0.1:5000: connect: connection refused", "unexpected EOF".
  virtual const std::optional<Error>& failure() const = 0;
};

class Transport {
 public:
  virtual ~Transport() = default;
  /// Starts a request. A wrong URL is reported by failure() like any other. Destroying the exchange cancels it.
  virtual std::unique_ptr<Exchange> send(ClientRequest request) = 0;
};

}  // namespace drydock::http
