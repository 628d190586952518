#pragma once
// Which compressed blobs a layer is known by, and where they were seen: so that a pull skips layers that are here, and
// a push mounts blobs from another repository or finds them there, though the compressed bytes are long gone.
//
//   distribution/diffs/<hex>.json   diff id -> blobs
//   distribution/blobs/<hex>        blob digest -> diff id
//
// A cache: an entry that is missing or damaged costs a transfer, nothing else.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/digest.h"
#include "base/result.h"
#include "storage/host_fs.h"

namespace drydock::storage {

struct BlobSource {
  archive::Digest blob;
  std::uint64_t size = 0;
  std::string media_type;
  std::string repository;  // "docker.io/library/busybox"; empty: made here
};

inline constexpr std::size_t kBlobSourcesMax = 50;  // per layer; the oldest go first

class BlobSources {
 public:
  explicit BlobSources(HostFs& fs) : fs_(fs) {}

  Result<void> add(const archive::Digest& diff, const BlobSource& source);
  /// The newest first.
  std::vector<BlobSource> of_diff(const archive::Digest& diff) const;
  std::optional<archive::Digest> diff_of(const archive::Digest& blob) const;
  /// After a registry said that the blob is not there.
  Result<void> forget(const archive::Digest& diff, const archive::Digest& blob, std::string_view repository);
  /// When the layer itself goes.
  Result<void> remove(const archive::Digest& diff);

 private:
  HostFs& fs_;
};

}  // namespace drydock::storage
