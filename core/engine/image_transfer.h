#pragma once
// Layers on their way from a registry into the layer store. Two pulls that need the same layer share one transfer:
// each holds it and steps it, and it ends when nobody holds it any more.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "archive/digest.h"
#include "base/result.h"
#include "engine/image_unpack.h"
#include "engine/job.h"
#include "oci/descriptor.h"
#include "registry/blob_download.h"
#include "registry/session.h"
#include "storage/content_store.h"
#include "storage/layer_store.h"

namespace drydock::engine {

class Images;
class Transfers;

/// dockerd's --max-concurrent-downloads and --max-concurrent-uploads.
inline constexpr int kDownloadsMax = 3;
inline constexpr int kUploadsMax = 5;

/// A blob in the content store for as long as somebody needs it: dropping the last one removes it.
class BlobHold {
 public:
  BlobHold(storage::ContentStore& content, archive::Digest digest) : content_(content), digest_(std::move(digest)) {}
  ~BlobHold();
  BlobHold(const BlobHold&) = delete;
  BlobHold& operator=(const BlobHold&) = delete;

 private:
  storage::ContentStore& content_;
  archive::Digest digest_;
};

struct LayerToPull {
  oci::Descriptor blob;
  archive::Digest diff;
  storage::ChainId chain;
  std::optional<storage::ChainId> parent;
};

class LayerTransfer {
 public:
  /// In this order, some of them skipped.
  enum class Stage { queued, downloading, verifying, downloaded, extracting, complete };

  LayerTransfer(Images& images, std::shared_ptr<registry::Session> session, LayerToPull layer, std::string holder);
  ~LayerTransfer();

  /// Works for one slice. Unpacking begins once the parent's layer is in the store.
  Job::State step(const Clock& clock);
  Stage stage() const { return stage_; }
  const std::optional<Error>& failure() const { return failure_; }
  /// It was in the store before.
  bool existed() const { return existed_; }
  std::uint64_t downloaded_bytes() const { return download_ ? download_->received_bytes() : layer_.blob.size; }
  std::uint64_t extracted_bytes() const { return unpack_ ? unpack_->bytes_read() : layer_.blob.size; }
  std::int64_t deadline_ns() const { return download_ ? download_->deadline_ns() : kNoDeadline; }
  int retry_in_seconds() const { return download_ ? download_->retry_in_seconds() : 0; }
  const LayerToPull& layer() const { return layer_; }

 private:
  Result<Job::State> advance(const Clock& clock);
  Result<Job::State> download();
  Result<Job::State> unpack(const Clock& clock);
  void end_download();

  Images& images_;
  std::shared_ptr<registry::Session> session_;
  LayerToPull layer_;
  ChainHold hold_;
  Stage stage_ = Stage::queued;
  bool existed_ = false;
  std::optional<Error> failure_;
  std::shared_ptr<BlobHold> blob_;
  std::unique_ptr<registry::BlobDownload> download_;
  std::unique_ptr<ImageUnpack> unpack_;
};

class Transfers {
 public:
  /// The one that is under way for the same layer, or a new one.
  std::shared_ptr<LayerTransfer> layer(Images& images, std::shared_ptr<registry::Session> session, LayerToPull layer,
                                       const std::string& holder);
  std::shared_ptr<BlobHold> hold_blob(storage::ContentStore& content, const archive::Digest& digest);

  bool take_download() { return downloads_ < kDownloadsMax && ++downloads_ > 0; }
  void end_download() { --downloads_; }
  bool take_upload() { return uploads_ < kUploadsMax && ++uploads_ > 0; }
  void end_upload() { --uploads_; }

 private:
  using LayerKey = std::pair<storage::ChainId, archive::Digest>;
  std::map<LayerKey, std::weak_ptr<LayerTransfer>> layers_;
  std::map<archive::Digest, std::weak_ptr<BlobHold>> blobs_;
  int downloads_ = 0;
  int uploads_ = 0;
};

}  // namespace drydock::engine
