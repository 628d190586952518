#pragma once
// Incremental HTTP/1.x parsing (RFC 9112) for both sides. Boost.Beast's basic_parser does the work behind this file.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace drydock::native {

class MessageParser {
 public:
  enum class Kind {
    request,
    response,
    response_to_head,  // has no body, whatever its Content-Length says
  };
  enum class Fault { none, malformed, head_too_large };

  MessageParser(Kind kind, std::size_t head_bytes_max);
  ~MessageParser();
  MessageParser(const MessageParser&) = delete;
  MessageParser& operator=(const MessageParser&) = delete;

  /// Takes bytes from the front, returns how many. Stops once after the head, so that the caller can look at it before
  /// the body flows. Body bytes, freed from chunk framing, are appended to `body`.
  std::size_t feed(std::string_view bytes, std::string& body);
  /// The peer sends no more: ends a body that lasts until the connection closes; anything else is incomplete.
  void end_of_input();

  Fault fault() const;
  bool head_done() const;
  /// The whole message was read.
  bool done() const;

  // Valid once head_done().
  const std::string& method() const;
  const std::string& target() const;
  int status() const;
  http::Headers& headers();
  bool is_http_1_0() const;
  bool keep_alive() const;
  std::optional<std::uint64_t> content_length() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drydock::native
