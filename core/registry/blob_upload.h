#pragma once
// Brings one blob into a repository (distribution-spec: pushing blobs): found there already, mounted from another
// repository of the same registry, or uploaded by POST, PATCH and PUT. What breaks off is resumed where the registry
// says it has got to.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "oci/descriptor.h"
#include "registry/blob_download.h"
#include "registry/call.h"
#include "registry/operation.h"
#include "registry/session.h"

namespace drydock::registry {

/// Opens the blob's bytes from an offset on; may be called several times.
using BlobOpener = std::function<Result<std::unique_ptr<ByteSource>>(std::uint64_t offset)>;
/// From the content store, which outlives the opener.
BlobOpener open_from(const storage::ContentStore& store, const oci::Digest& digest);

class BlobUpload final : public Operation {
 public:
  enum class Outcome { none, exists, mounted, uploaded };

  /// `mount_from`: paths of repositories of the same registry that may have the blob, tried in order.
  BlobUpload(std::shared_ptr<Session> session, oci::Descriptor descriptor, BlobOpener open,
             std::vector<std::string> mount_from = {}, RetryPolicy retries = {});
  ~BlobUpload() override;

  State step() override;
  const std::optional<Error>& failure() const override { return failure_; }
  std::int64_t deadline_ns() const override { return pause_until_ns_; }

  const oci::Descriptor& descriptor() const { return descriptor_; }
  Outcome outcome() const { return outcome_; }
  /// Where it was mounted from: "Mounted from library/busybox".
  const std::string& mounted_from() const { return mounted_from_; }
  std::uint64_t sent_bytes() const { return *sent_; }

 private:
  enum class Stage { check, mount, open, status, send, commit, over };

  void begin();
  void on_answer();
  void on_check();
  void on_mount_or_open();
  void on_status();
  void on_sent();
  void on_committed();
  Result<void> take_location();
  void retry_or_fail(Error error, bool may_retry);
  void finish(Outcome outcome);

  std::shared_ptr<Session> session_;
  oci::Descriptor descriptor_;
  BlobOpener open_;
  std::vector<std::string> mount_from_;
  RetryPolicy retries_;
  Stage stage_ = Stage::check;
  Outcome outcome_ = Outcome::none;
  std::string mounted_from_;
  std::unique_ptr<Call> call_;
  std::string location_;
  std::uint64_t offset_ = 0;
  std::shared_ptr<std::uint64_t> sent_ = std::make_shared<std::uint64_t>(0);
  std::uint64_t sent_before_ = 0;
  int attempts_ = 0;
  std::int64_t pause_until_ns_ = kNoDeadline;
  std::optional<Error> failure_;
};

}  // namespace drydock::registry
