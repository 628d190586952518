#pragma once
// Whether a registry takes these credentials: POST /auth of the Engine API.

#include <memory>
#include <optional>
#include <string>

#include "registry/call.h"
#include "registry/operation.h"
#include "registry/session.h"

namespace drydock::registry {

class LoginCheck final : public Operation {
 public:
  /// The session's path is empty. `server_address` as the client sent it ("https://index.docker.io/v1/" too) is turned
  /// into a domain by login_domain().
  explicit LoginCheck(std::shared_ptr<Session> session);

  State step() override;
  const std::optional<Error>& failure() const override { return failure_; }
  /// What the client stores instead of the password, if the registry gave one.
  const std::string& identity_token() const { return identity_token_; }

 private:
  void finish();

  std::shared_ptr<Session> session_;
  std::unique_ptr<Call> call_;
  std::string identity_token_;
  bool done_ = false;
  std::optional<Error> failure_;
};

/// "docker.io" for nothing and for Docker Hub's old address; else the host of what was given.
std::string login_domain(std::string_view server_address);

}  // namespace drydock::registry
