#pragma once
// GET /v2/<name>/blobs/<digest> into the content store: resumed where it broke off, tried again with growing pauses,
// size and digest verified before the blob is there.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "oci/descriptor.h"
#include "registry/call.h"
#include "registry/operation.h"
#include "registry/session.h"
#include "storage/content_store.h"

namespace drydock::registry {

struct RetryPolicy {
  int attempts_max = 5;                               // in a row without a byte of progress
  std::int64_t first_pause_ns = 1 * kNanosPerSecond;  // doubles each time
  std::int64_t longest_pause_ns = 16 * kNanosPerSecond;
};

class BlobDownload final : public Operation {
 public:
  enum class Stage { waiting, downloading, verifying, exists, complete };

  /// The store outlives the download. Two downloads of one blob do not get in each other's way: the second one waits
  /// and finds the blob there.
  BlobDownload(std::shared_ptr<Session> session, storage::ContentStore& store, oci::Descriptor descriptor,
               RetryPolicy retries = {});
  ~BlobDownload() override;

  State step() override;
  const std::optional<Error>& failure() const override { return failure_; }
  std::int64_t deadline_ns() const override { return pause_until_ns_; }

  const oci::Descriptor& descriptor() const { return descriptor_; }
  Stage stage() const { return stage_; }
  std::uint64_t received_bytes() const { return received_; }
  /// Of a pause before another try: for "Retrying in 5 seconds"; 0 while there is none.
  int retry_in_seconds() const;
  /// Removes what was received; without it a later download of the same blob goes on from there.
  void discard();

 private:
  void open_ingest();
  void begin();
  void on_head();
  State receive();
  void commit();
  void retry_or_fail(Error error, bool may_retry);
  void pause(std::int64_t ns);

  std::shared_ptr<Session> session_;
  storage::ContentStore& store_;
  oci::Descriptor descriptor_;
  RetryPolicy retries_;
  Stage stage_ = Stage::waiting;
  std::unique_ptr<storage::Ingest> ingest_;
  std::unique_ptr<Call> call_;
  std::string buffer_;
  std::size_t generation_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t skip_ = 0;  // bytes of an answer without Range that are here already
  bool resumed_ = false;
  bool begun_ = false;
  bool streaming_ = false;
  int attempts_ = 0;
  std::int64_t pause_until_ns_ = kNoDeadline;
  std::optional<Error> failure_;
};

}  // namespace drydock::registry
