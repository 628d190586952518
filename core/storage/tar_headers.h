#pragma once
// Everything of a layer's tar but the files' contents, kept so that the very same tar can be made again from the
// unpacked tree: its digest is the layer's diff id, which pushes and saves must reproduce. (Docker keeps tar-split
// files for this; this format is our own.)
//
// tar-headers.gz holds records one after another, integers little-endian:
//   0x00  u32 size, bytes                                   the tar's own bytes: headers, padding, end
//   0x01  u64 sequence, u64 offset, u64 size, u32, path     content of a file: path below diff/, part of the file
// Later members of a tar may replace earlier files, whose content is still a part of the tar. Those files are moved to
// displaced/<n>; the file "displaced" names them in order: u64 sequence, u32, path. Content recorded under the path, or
// below it, by a smaller sequence is found there.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "archive/compression.h"
#include "archive/digest.h"
#include "base/result.h"
#include "base/stream.h"
#include "storage/host_fs.h"

namespace drydock::storage {

class TarHeaderRecorder {
 public:
  /// Writes into `directory` below `fs`, which outlives the recorder.
  static Result<TarHeaderRecorder> create(HostFs& fs, std::string_view directory);

  Result<void> add_bytes(std::string_view bytes);
  Result<void> add_content(std::uint64_t sequence, std::string_view path, std::uint64_t offset, std::uint64_t size);
  /// `path` is about to be replaced; returns where to move it, below the directory.
  std::string displace(std::uint64_t sequence, std::string_view path);
  Result<void> finish();

 private:
  TarHeaderRecorder() = default;
  void flush_content();
  void flush_bytes();
  Result<void> compress_when(std::size_t threshold);

  HostFs* fs_ = nullptr;
  std::string directory_;
  std::unique_ptr<FileWriter> writer_;
  std::unique_ptr<archive::Compressor> compressor_;
  std::string records_;  // not compressed yet
  std::string compressed_;
  std::string bytes_;  // of the current 0x00 record
  struct Content {
    std::uint64_t sequence = 0;
    std::string path;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  // 0: none
  } content_;
  std::string displaced_;
  std::uint64_t displaced_count_ = 0;
};

/// The tar again, from `directory` below `fs` (with diff/ in it). Fails with corrupt at the end if it has not the
/// digest `diff`.
Result<std::unique_ptr<ByteSource>> open_recorded_tar(HostFs& fs, std::string_view directory,
                                                      const archive::Digest& diff);

}  // namespace drydock::storage
