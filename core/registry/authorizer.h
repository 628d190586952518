#pragma once
// The Authorization field for a request: Basic from the credentials, or Bearer with a token that the challenge's realm
// gives for a scope (distribution: token authentication). Tokens are kept until shortly before they expire.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/transport.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/fetch.h"

namespace drydock::registry {

inline constexpr std::size_t kTokenBytesMax = 1u << 20;

class Authorizer {
 public:
  Authorizer(http::Transport& transport, const Clock& clock, Credentials credentials, std::string user_agent);

  /// What the endpoint asks for. Tokens of an endpoint before are dropped.
  void set_challenges(std::vector<Challenge> challenges, bool accept_any_certificate);
  /// Takes the challenges of a 401 that came although the request was authorized, or though none was asked for before.
  void learn(const http::Headers& headers, const std::vector<std::string>& scopes);

  struct Answer {
    bool ready = false;
    std::string value;  // of the Authorization field; empty: send none
    std::optional<Error> failure;
  };
  /// Not ready: step again after news of the transport.
  Answer authorize(const std::vector<std::string>& scopes);

  /// For LoginCheck: asks token servers for a refresh token as well, and gives what they gave.
  void want_identity_token() { offline_ = true; }
  const std::string& identity_token() const { return identity_token_; }

 private:
  struct Token {
    std::unique_ptr<Fetch> fetch;
    std::string value;
    std::int64_t expires_ns = 0;
    std::optional<Error> failure;
  };

  const Challenge* find(std::string_view scheme) const;
  Answer bearer(const Challenge& challenge, const std::vector<std::string>& scopes);
  std::unique_ptr<Fetch> request_token(const Challenge& challenge, const std::vector<std::string>& scopes);
  void take_token(Token& token);

  http::Transport& transport_;
  const Clock& clock_;
  Credentials credentials_;
  std::string user_agent_;
  std::vector<Challenge> challenges_;
  bool accept_any_certificate_ = false;
  bool offline_ = false;
  std::string identity_token_;
  std::map<std::string, Token> tokens_;
};

}  // namespace drydock::registry
