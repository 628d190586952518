#pragma once
// An archive of images as it arrives (docker save, or an OCI layout in a tar, compressed or not): its members become
// files below the data root, found again by name. The members may come in any order; what tells images from layers is
// often the last.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "archive/compression.h"
#include "archive/digest.h"
#include "archive/tar_reader.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/stream.h"
#include "storage/host_fs.h"

namespace drydock::engine {

inline constexpr std::size_t kLoadMembersMax = 100'000;
/// Of manifest.json, index.json and the like.
inline constexpr std::uint64_t kLoadDocumentBytesMax = 16u << 20;

class LoadArchive {
 public:
  enum class State { waiting, busy, done };

  /// `directory` does not exist yet and is removed at the end. `fs` outlives the archive.
  static Result<std::unique_ptr<LoadArchive>> start(storage::HostFs& fs, std::string directory,
                                                    std::unique_ptr<ByteSource> body);
  ~LoadArchive();

  /// Takes in one slice.
  Result<State> step(const Clock& clock);

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Errors: not_found "open <directory>/NAME: no such file or directory".
  Result<std::unique_ptr<storage::FileReader>> open(std::string_view name) const;
  /// The whole member. Errors: not_found, too_large.
  Result<std::string> read(std::string_view name, std::uint64_t size_max = kLoadDocumentBytesMax) const;
  /// "blobs/sha256/<hex>" after its content was verified as it came. Errors: not_found, corrupt.
  Result<std::string> blob_name(const archive::Digest& digest) const;

 private:
  struct Member {
    std::uint64_t number = 0;               // the file's name
    std::string link;                       // or: another member
    std::optional<archive::Digest> digest;  // of members below blobs/
  };

  LoadArchive(storage::HostFs& fs, std::string directory, std::unique_ptr<ByteSource> body);
  Result<bool> refill();
  Result<void> take(std::string_view bytes);
  Result<bool> take_event();
  Result<void> begin_member();
  Result<void> end_member();
  const Member* find(std::string_view name) const;

  storage::HostFs& fs_;
  std::string directory_;
  std::unique_ptr<ByteSource> body_;
  std::unique_ptr<archive::Decompressor> decompressor_;
  std::string input_, output_;
  std::size_t begin_ = 0, end_ = 0;
  archive::TarReader tar_;
  bool tar_ended_ = false;
  std::map<std::string, Member, std::less<>> members_;
  std::size_t members_seen_ = 0;

  std::string name_;  // of the member that is being written
  Member member_;
  std::unique_ptr<storage::FileWriter> file_;
  std::optional<archive::Digester> digester_;
};

}  // namespace drydock::engine
