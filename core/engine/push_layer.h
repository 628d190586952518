#pragma once
// One layer on its way to a registry: found there, mounted from a repository that has it, or compressed and uploaded.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "archive/compression.h"
#include "archive/digest.h"
#include "base/result.h"
#include "engine/image_transfer.h"
#include "engine/job.h"
#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/blob_upload.h"
#include "registry/session.h"
#include "storage/blob_sources.h"
#include "storage/layer_store.h"

namespace drydock::engine {

class Images;

class PushLayer {
 public:
  enum class Stage {
    preparing,    // waits for its turn
    looking,      // asks the registry for a blob that is known to be this layer
    compressing,  // makes the blob, into the content store
    uploading,
    done,
  };
  enum class Outcome { none, exists, mounted, pushed };

  PushLayer(Images& images, std::shared_ptr<registry::Session> session, oci::Reference repository,
            storage::Layer layer);
  ~PushLayer();

  /// Works for one slice.
  Result<Job::State> step(const Clock& clock);
  std::int64_t deadline_ns() const { return upload_ ? upload_->deadline_ns() : kNoDeadline; }

  Stage stage() const { return stage_; }
  Outcome outcome() const { return outcome_; }
  const storage::Layer& layer() const { return layer_; }
  /// "x/layered": the repository a mounted blob came from.
  const std::string& mounted_from() const { return mounted_from_; }
  /// Of the compressed blob.
  std::uint64_t sent_bytes() const { return upload_ ? upload_->sent_bytes() : 0; }
  /// Once done: the layer as the manifest names it.
  const oci::Descriptor& blob() const { return blob_; }

 private:
  void choose_candidates();
  Result<Job::State> look();
  void begin_look();
  Result<Job::State> compress(const Clock& clock);
  Result<Job::State> upload();
  void finish(Outcome outcome);
  void release_slot();

  Images& images_;
  std::shared_ptr<registry::Session> session_;
  oci::Reference repository_;
  storage::Layer layer_;
  Stage stage_ = Stage::preparing;
  Outcome outcome_ = Outcome::none;
  bool has_slot_ = false;
  std::string mounted_from_;
  oci::Descriptor blob_;

  std::vector<storage::BlobSource> candidates_;  // the best first
  std::size_t candidate_ = 0;
  std::shared_ptr<bool> bytes_wanted_;  // the registry has not got the candidate: its bytes were asked for
  std::unique_ptr<registry::BlobUpload> upload_;

  std::unique_ptr<ByteSource> tar_;
  std::unique_ptr<archive::Compressor> compressor_;
  std::unique_ptr<storage::Ingest> ingest_;
  std::shared_ptr<BlobHold> hold_;
};

}  // namespace drydock::engine
