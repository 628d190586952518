#pragma once
// One exchange whose whole answer is small: sent, gathered, done. No authentication, no redirects.

#include <memory>
#include <optional>
#include <string>

#include "http/transport.h"

namespace drydock::registry {

class Fetch {
 public:
  Fetch(http::Transport& transport, http::ClientRequest request, std::size_t body_bytes_max);

  /// True once it is done.
  bool step();
  const std::optional<Error>& failure() const { return failure_; }
  int status() const { return head_.status; }
  const http::Headers& headers() const { return head_.headers; }
  const std::string& body() const { return body_; }
  /// `Get "https://registry.example/v2/"`: how Go names the request in an error.
  std::string label() const { return label_; }
  /// failure(), with the label before it.
  Error labelled_failure() const;

 private:
  std::unique_ptr<http::Exchange> exchange_;
  std::string label_;
  std::size_t body_bytes_max_;
  bool done_ = false;
  http::ResponseHead head_;
  std::string body_;
  std::optional<Error> failure_;
};

/// `Get "URL"`.
std::string request_label(std::string_view method, std::string_view url);

}  // namespace drydock::registry
