#pragma once
// Blobs by digest (image-spec: descriptor.md, Digests): what is stored under a digest has that digest.
//
//   content/blobs/sha256/<hex>    committed blobs
//   content/ingest/<hex of ref>   being written; renamed into blobs/ once size and digest are verified
//
// Ingests do not outlive the daemon: open() removes what a dead one left behind. Within a daemon's life an ingest is
// resumed by its ref: a download that broke off goes on where it stopped.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/digest.h"
#include "base/result.h"
#include "storage/host_fs.h"

namespace drydock::storage {

struct BlobInfo {
  archive::Digest digest;
  std::uint64_t size = 0;
};

/// A blob being written. Dropping it keeps what was written, for the next ingest() of the same ref.
class Ingest {
 public:
  virtual ~Ingest() = default;
  /// Bytes written so far: where a resumed download goes on.
  virtual std::uint64_t size() const = 0;
  virtual Result<void> write(std::string_view bytes) = 0;
  /// Verifies and stores; the ingest is over. On corrupt (another digest or size than expected) what was written is
  /// removed. A blob that is there already is success.
  virtual Result<BlobInfo> commit(const std::optional<archive::Digest>& expected_digest,
                                  std::optional<std::uint64_t> expected_size) = 0;
  /// Removes what was written.
  virtual void abort() = 0;
};

class ContentStore {
 public:
  /// `fs` is the data root and outlives the store.
  static Result<std::unique_ptr<ContentStore>> open(HostFs& fs);

  /// Starts, or resumes, the ingest named `ref` (any text). Errors: conflict while it is being written.
  Result<std::unique_ptr<Ingest>> ingest(std::string_view ref);

  bool contains(const archive::Digest& digest) const;
  /// Errors: not_found.
  Result<std::uint64_t> size(const archive::Digest& digest) const;
  Result<std::unique_ptr<FileReader>> open_blob(const archive::Digest& digest) const;
  /// The whole blob, verified again. Errors: not_found, too_large (over `size_max` bytes), corrupt.
  Result<std::string> read_small(const archive::Digest& digest, std::uint64_t size_max) const;
  /// Stores bytes that are at hand.
  Result<BlobInfo> put(std::string_view bytes);
  /// Nothing there is success.
  Result<void> remove(const archive::Digest& digest);
  Result<std::vector<BlobInfo>> list() const;

 private:
  explicit ContentStore(HostFs& fs) : fs_(fs) {}
  friend class FileIngest;

  HostFs& fs_;
  std::shared_ptr<std::vector<std::string>> busy_ = std::make_shared<std::vector<std::string>>();
};

}  // namespace drydock::storage
