#pragma once
// One authorized request at the session's registry: waits for the session, gets a token, follows redirects of GET and
// HEAD, and asks once more with a fresh token after a 401. Credentials never follow a redirect to another host.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/url.h"
#include "registry/registry_error.h"
#include "registry/session.h"

namespace drydock::registry {

inline constexpr int kRedirectsMax = 10;

struct CallRequest {
  std::string method = "GET";
  std::string url;
  http::Headers headers;
  std::vector<std::string> scopes;
  /// Makes the body, anew for each try; empty: no body.
  std::function<Result<std::unique_ptr<ByteSource>>()> body;
  std::optional<std::uint64_t> body_size;
  /// The body of an answer with one of these statuses is left to the caller to read; any other is gathered.
  std::vector<int> streamed;
  std::size_t gather_bytes_max = kErrorBodyBytesMax;
};

class Call {
 public:
  /// The session must be ready.
  Call(std::shared_ptr<Session> session, CallRequest request);

  /// True once the head is there and, unless it is streamed, the whole body; or on failure.
  bool step();
  /// Of the connection, the token server or the redirects: `Get "https://…": dial tcp …`.
  const std::optional<Error>& failure() const { return failure_; }
  /// The same without the request: what dockerd prints of a transfer that had no credentials.
  const std::string& cause() const { return cause_; }
  /// True if trying again cannot help: no credentials, too many redirects.
  bool failure_is_final() const { return failure_is_final_; }

  int status() const { return head_.status; }
  const http::Headers& headers() const { return head_.headers; }
  const std::string& body() const { return body_; }
  std::string take_body() { return std::move(body_); }
  /// The body was longer than gather_bytes_max.
  bool truncated() const { return truncated_; }
  /// Where the answer came from: what its Location is relative to.
  const http::Url& url() const { return url_; }
  /// Of a status of 400 or more.
  RegistryError error() const { return parse_error_answer(head_.status, head_.headers, body_); }

  /// The exchange of a streamed answer.
  http::Exchange& exchange() { return *exchange_; }

 private:
  bool send();
  bool on_head();
  bool redirect();
  bool gather();
  bool fail(std::string message, bool is_final);

  std::shared_ptr<Session> session_;
  CallRequest request_;
  http::Url origin_;  // of the endpoint, which alone gets the credentials
  http::Url url_;
  std::string label_;
  std::string cause_;
  std::unique_ptr<http::Exchange> exchange_;
  http::ResponseHead head_;
  bool head_taken_ = false;
  bool gathering_ = false;
  bool done_ = false;
  bool asked_again_ = false;
  int redirects_ = 0;
  std::string body_;
  bool truncated_ = false;
  std::optional<Error> failure_;
  bool failure_is_final_ = false;
};

}  // namespace drydock::registry
