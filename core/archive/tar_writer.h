#pragma once
// Writes tar archives as Docker does, that is, as Go's archive/tar does in its PAX format: ustar headers, and a pax
// header only before a member that needs one (long or non-ASCII names, large or negative numbers, xattrs).
// The same members give the same bytes.

#include <cstdint>
#include <string>
#include <string_view>

#include "archive/tar_entry.h"
#include "base/result.h"

namespace drydock::archive {

/// Docker cuts modification times to whole seconds in layers and in `docker cp`.
enum class TarTimes { seconds, nanoseconds };

class TarWriter {
 public:
  explicit TarWriter(TarTimes times = TarTimes::seconds) : times_(times) {}

  /// Appends the headers of `entry` to `out`. A directory's name gets its '/' if it has none. The bytes of a regular
  /// file follow by write(), all entry.size of them.
  /// Errors: invalid_argument (a NUL in a name, an empty name, a size on something else than a file), conflict (the
  /// member before is not complete: "archive/tar: missed writing 3 bytes").
  Result<void> begin(const TarEntry& entry, std::string& out);
  /// Appends file content, and the padding after the last byte. Errors: too_large ("archive/tar: write too long").
  Result<void> write(std::string_view bytes, std::string& out);
  /// Bytes of the current member still to be written: a caller that sends content past this class (sendfile) says
  /// with skip() how much it sent.
  std::uint64_t left() const { return left_; }
  Result<void> skip(std::uint64_t bytes, std::string& out);
  /// Appends the end of the archive: two zero blocks. Errors: as begin().
  Result<void> finish(std::string& out);

 private:
  TarTimes times_;
  std::uint64_t left_ = 0;
  std::uint64_t padding_ = 0;
};

}  // namespace drydock::archive
