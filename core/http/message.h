#pragma once
// HTTP messages without sockets (RFC 9110). What a server gives a handler, and what the handler answers through.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/stream.h"

namespace drydock::http {

/// Field names compare without case (RFC 9110 §5.1); the order of fields is kept.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Replaces every field of that name.
  void set(std::string_view name, std::string value);
  /// The first field of that name.
  std::optional<std::string> get(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }
  /// True if a comma-separated list field holds the token, without case: Connection: keep-alive, Upgrade.
  bool has_token(std::string_view name, std::string_view token) const;
  void remove(std::string_view name);
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

/// The query of a target, decoded (application/x-www-form-urlencoded).
class Query {
 public:
  static Query parse(std::string_view text);
  /// The first value, or nothing where the name does not occur.
  std::optional<std::string> get(std::string_view name) const;
  std::string get_or(std::string_view name, std::string_view fallback) const;
  std::vector<std::string> all(std::string_view name) const;
  /// As Docker reads flags: missing, "", "0", "no", "false" and "none" are false, all else is true.
  bool flag(std::string_view name) const;
  bool has(std::string_view name) const { return get(name).has_value(); }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

struct RequestHead {
  std::string method;  // upper case
  std::string path;    // percent-decoded, without the query
  Query query;
  Headers headers;
};

struct Request : RequestHead {
  std::string body;                         // of a route with BodyMode::buffered
  std::unique_ptr<ByteSource> body_stream;  // of a route with BodyMode::streamed; else null
};

/// The handle of one answer. Shared between the server and whoever answers, maybe long after the handler returned.
/// Call start() once, write() any number of times, finish() once; or hijack() alone. After finish() the rest is
/// ignored.
class Responder {
 public:
  virtual ~Responder() = default;
  /// Sends the head. Without Content-Length in `headers` the body is sent chunked as it is written.
  virtual void start(int status, Headers headers) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void finish() = 0;
  /// Bytes written that the peer has not taken yet: jobs that produce much wait while this is over their limit.
  virtual std::size_t backlog() const = 0;
  /// True when the peer is gone: jobs that answer should end.
  virtual bool closed() const = 0;
  /// Sends the head and takes the connection over as raw bytes both ways (Engine API: attach, exec start).
  virtual std::unique_ptr<ByteStream> hijack(int status, Headers headers) = 0;

  /// start, one write with Content-Length, finish.
  void send(int status, std::string_view content_type, std::string_view body, Headers headers = {});
};

enum class BodyMode {
  buffered,  // handled when the whole body is there; over kBufferedBodyMax is 413
  streamed,  // handled at once; the handler pulls the body
};

inline constexpr std::size_t kBufferedBodyMax = 4u << 20;
inline constexpr std::size_t kHeadBytesMax = 1u << 20;  // Go's http.DefaultMaxHeaderBytes, which dockerd lives with

/// What a server serves.
class Application {
 public:
  virtual ~Application() = default;
  virtual BodyMode body_mode(const RequestHead& head) = 0;
  virtual void handle(Request request, std::shared_ptr<Responder> responder) = 0;
};

/// "Not Found" for 404 (RFC 9110 §15, in Go's spelling); "" for a number without one.
std::string_view reason_phrase(int status);

/// "%2F" decoding; a '%' without two hexadecimal digits stays as it is.
std::string percent_decode(std::string_view text);
/// Encodes all but the unreserved characters (RFC 3986 §2.3) and those in `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = "");

}  // namespace drydock::http
