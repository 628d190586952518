#pragma once
// PUT /v2/<name>/manifests/<reference> (distribution-spec: pushing manifests).

#include <memory>
#include <optional>
#include <string>

#include "archive/digest.h"
#include "registry/call.h"
#include "registry/operation.h"
#include "registry/session.h"

namespace drydock::registry {

class ManifestPut final : public Operation {
 public:
  /// `selector` is a tag or a digest.
  ManifestPut(std::shared_ptr<Session> session, std::string raw, std::string media_type, std::string selector);

  State step() override;
  const std::optional<Error>& failure() const override { return failure_; }
  /// Of the bytes that were sent.
  const archive::Digest& digest() const { return digest_; }

 private:
  void finish();

  std::shared_ptr<Session> session_;
  std::string raw_;
  std::string media_type_;
  std::string selector_;
  archive::Digest digest_;
  std::unique_ptr<Call> call_;
  bool done_ = false;
  std::optional<Error> failure_;
};

}  // namespace drydock::registry
