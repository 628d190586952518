#include "archive/compression.h"

#include <algorithm>
#include <array>

#include "archive/coders.h"

namespace drydock::archive {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b\x08";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::size_t kSourceBufferBytes = 64 << 10;

class CopyingDecompressor final : public Decompressor {
 public:
  Result<CoderStep> step(std::string_view input, InputIs input_is, std::span<char> output) override {
    const std::size_t part = std::min(input.size(), output.size());
    std::copy_n(input.data(), part, output.data());
    if (input_is == InputIs::complete && part == input.size()) ended_ = true;
    return CoderStep{part, part};
  }
  bool ended() const override { return ended_; }

 private:
  bool ended_ = false;
};

// Holds back the first bytes until they tell which decompressor it takes.
class DetectingDecompressor final : public Decompressor {
 public:
  Result<CoderStep> step(std::string_view input, InputIs input_is, std::span<char> output) override {
    std::size_t kept = 0;
    if (!chosen_) {
      kept = std::min(kMagicBytesMax - start_.size(), input.size());
      start_.append(input.substr(0, kept));
      input.remove_prefix(kept);
      if (start_.size() < kMagicBytesMax && input_is == InputIs::unfinished) return CoderStep{kept, 0};
      chosen_ = TRY(make_decompressor(detect_compression(start_)));
    }
    CoderStep done = {kept, 0};
    while (start_at_ < start_.size() && done.given < output.size()) {
      const bool last = input.empty() && input_is == InputIs::complete;
      const CoderStep part =
          TRY(chosen_->step(std::string_view(start_).substr(start_at_), last ? InputIs::complete : InputIs::unfinished,
                            output.subspan(done.given)));
      start_at_ += part.taken;
      done.given += part.given;
      if (part.taken == 0 && part.given == 0) break;
    }
    if (start_at_ < start_.size() || chosen_->ended()) return done;
    const CoderStep part = TRY(chosen_->step(input, input_is, output.subspan(done.given)));
    return CoderStep{done.taken + part.taken, done.given + part.given};
  }

  bool ended() const override { return chosen_ && chosen_->ended(); }

 private:
  std::unique_ptr<Decompressor> chosen_;
  std::string start_;
  std::size_t start_at_ = 0;
};

class CopyingCompressor final : public Compressor {
 public:
  Result<void> write(std::string_view bytes, std::string& out) override {
    out.append(bytes);
    return {};
  }
  Result<void> finish(std::string&) override { return {}; }
};

}  // namespace

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
  }
  return "";
}

Compression detect_compression(std::string_view start) {
  if (start.starts_with(kGzipMagic)) return Compression::gzip;
  if (start.starts_with(kZstdMagic)) return Compression::zstd;
  return Compression::none;
}

Result<std::unique_ptr<Decompressor>> make_decompressor(Compression compression) {
  switch (compression) {
    case Compression::none:
      break;
    case Compression::gzip:
      return make_gzip_decompressor();
    case Compression::zstd:
      return make_zstd_decompressor();
  }
  return std::unique_ptr<Decompressor>(std::make_unique<CopyingDecompressor>());
}

std::unique_ptr<Decompressor> make_detecting_decompressor() {
  return std::make_unique<DetectingDecompressor>();
}

DecompressingSource::DecompressingSource(ByteSource& compressed, std::unique_ptr<Decompressor> decompressor)
    : compressed_(&compressed), decompressor_(std::move(decompressor)), buffer_(kSourceBufferBytes, '\0') {}

Result<std::size_t> DecompressingSource::read(std::span<char> out) {
  std::size_t given = 0;
  while (given < out.size() && !decompressor_->ended()) {
    if (begin_ == end_) {
      begin_ = 0;
      end_ = TRY(compressed_->read(buffer_));
    }
    const bool all_read = compressed_->ended();
    const CoderStep done =
        TRY(decompressor_->step(std::string_view(buffer_).substr(begin_, end_ - begin_),
                                all_read ? InputIs::complete : InputIs::unfinished, out.subspan(given)));
    begin_ += done.taken;
    given += done.given;
    if (done.taken == 0 && done.given == 0) break;
  }
  return given;
}

Result<std::string> decompress_all(std::string_view bytes, std::uint64_t size_max) {
  const std::unique_ptr<Decompressor> decompressor = make_detecting_decompressor();
  std::array<char, 16 << 10> room;
  std::string out;
  while (!decompressor->ended()) {
    const CoderStep done = TRY(decompressor->step(bytes, InputIs::complete, room));
    bytes.remove_prefix(done.taken);
    if (done.given > size_max - out.size()) {
      return fail(ErrorKind::too_large, "decompressed content is larger than ", size_max, " bytes");
    }
    out.append(room.data(), done.given);
  }
  return out;
}

Result<std::unique_ptr<Compressor>> make_compressor(Compression compression, int level) {
  switch (compression) {
    case Compression::none:
      break;
    case Compression::gzip:
      return make_gzip_compressor(level);
    case Compression::zstd:
      return make_zstd_compressor(level);
  }
  return std::unique_ptr<Compressor>(std::make_unique<CopyingCompressor>());
}

Result<std::unique_ptr<Compressor>> make_compressor(Compression compression) {
  return make_compressor(compression, compression == Compression::zstd ? kZstdLevelDefault : kGzipLevelDefault);
}

}  // namespace drydock::archive
