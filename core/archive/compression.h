#pragma once
// gzip (RFC 1952) and zstd (RFC 8878), in slices. Nothing here buffers more than the coder's own window: the caller
// hands in what it has and says how much room there is for the result, so a bomb costs only what the caller takes.
//
// zstd exists natively only; elsewhere making one answers not_implemented. bzip2 and xz are not supported.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/stream.h"

namespace drydock::archive {

enum class Compression { none, gzip, zstd };

std::string_view to_string(Compression compression);

/// So many bytes are enough for detect_compression.
inline constexpr std::size_t kMagicBytesMax = 4;
/// By the magic number at the start of the content; `none` for anything else, and for less than a magic number.
Compression detect_compression(std::string_view start);

/// RFC 8878 §3.1.1.1.2 lets a frame ask for terabytes of window. 128 MiB is what the zstd tool takes by default.
inline constexpr int kZstdWindowLogMax = 27;

/// What one step did.
struct CoderStep {
  std::size_t taken = 0;  // bytes used up of the input
  std::size_t given = 0;  // bytes written to the output
};

enum class InputIs { unfinished, complete };

class Decompressor {
 public:
  virtual ~Decompressor() = default;
  /// Uses up some of `input` and writes to `output`. Both zero with output room left: it wants input, or has ended.
  /// `InputIs::complete` says that nothing follows `input`.
  /// Errors are corrupt and final, in Go's words: "unexpected EOF", "gzip: invalid header", "gzip: invalid checksum".
  virtual Result<CoderStep> step(std::string_view input, InputIs input_is, std::span<char> output) = 0;
  /// Everything was decompressed and the input is used up.
  virtual bool ended() const = 0;
};

/// For content whose compression is known. Several gzip members or zstd frames in a row are one content.
Result<std::unique_ptr<Decompressor>> make_decompressor(Compression compression);
/// Finds out by the first bytes; content without a known magic number passes through as it is.
std::unique_ptr<Decompressor> make_detecting_decompressor();

/// A source that decompresses another one, which must outlive it.
class DecompressingSource final : public ByteSource {
 public:
  DecompressingSource(ByteSource& compressed, std::unique_ptr<Decompressor> decompressor);
  Result<std::size_t> read(std::span<char> out) override;
  bool ended() const override { return decompressor_->ended(); }

 private:
  ByteSource* compressed_;
  std::unique_ptr<Decompressor> decompressor_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// The whole content. Errors: too_large when it is more than `size_max`; else as Decompressor.
Result<std::string> decompress_all(std::string_view bytes, std::uint64_t size_max);

class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Appends what is ready to `out`: at most a little more than `bytes` and what was held back before.
  virtual Result<void> write(std::string_view bytes, std::string& out) = 0;
  /// Appends the rest. Nothing may be written afterwards.
  virtual Result<void> finish(std::string& out) = 0;
};

inline constexpr int kGzipLevelDefault = 6;
inline constexpr int kZstdLevelDefault = 3;

/// The same input, however sliced, gives the same bytes: the gzip header has no name and no time, and says that the
/// operating system is unknown, as Go's does. `none` copies.
/// Errors: invalid_argument (gzip levels are 1..9, zstd's 1..19), not_implemented.
Result<std::unique_ptr<Compressor>> make_compressor(Compression compression, int level);
Result<std::unique_ptr<Compressor>> make_compressor(Compression compression);

}  // namespace drydock::archive
