#pragma once
// GET /v2/<name>/manifests/<reference> (distribution-spec: pulling manifests). A tag is resolved by HEAD first, as
// dockerd does: what is then fetched by digest is verified, whatever happens to the tag meanwhile. Which manifest of an
// index suits is the caller's choice; it fetches that one by its digest with another ManifestFetch.

#include <memory>
#include <optional>

#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/call.h"
#include "registry/operation.h"
#include "registry/session.h"

namespace drydock::registry {

class ManifestFetch final : public Operation {
 public:
  /// By the reference's digest, else by its tag. The digest is verified; so is what the registry says it is.
  /// The reference also words the errors: "manifest for busybox:x not found: manifest unknown: manifest unknown".
  ManifestFetch(std::shared_ptr<Session> session, oci::Reference reference);

  State step() override;
  const std::optional<Error>& failure() const override { return failure_; }
  /// Once done without a failure.
  const oci::ManifestDocument& document() const { return *document_; }
  oci::ManifestDocument take() { return std::move(*document_); }

 private:
  void begin();
  void on_resolved();
  void finish();
  void fail(Error error);

  std::shared_ptr<Session> session_;
  oci::Reference reference_;
  std::unique_ptr<Call> call_;
  std::size_t generation_ = 0;
  bool resolving_ = false;  // the call under way is the HEAD
  bool resolved_ = false;
  archive::Digest tag_digest_;  // what the tag points to, if the registry told
  std::optional<oci::ManifestDocument> document_;
  std::optional<Error> failure_;
};

}  // namespace drydock::registry
