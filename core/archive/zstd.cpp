// zstd by libzstd (RFC 8878).

#include <zstd.h>

#include <array>

#include "archive/coders.h"

namespace drydock::archive {
namespace {

class ZstdDecompressor final : public Decompressor {
 public:
  ZstdDecompressor() : stream_(ZSTD_createDStream(), &ZSTD_freeDStream) {
    DD_ASSERT(stream_ != nullptr);
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

  Result<CoderStep> step(std::string_view input, InputIs input_is, std::span<char> output) override {
    CoderStep done;
    while (!ended_ && done.given < output.size()) {
      if (done.taken == input.size() && between_frames_) {
        if (input_is == InputIs::complete) TRY(end());
        break;
      }
      // libzstd takes repeated calls without input for a mistake, but a slow source is none.
      const bool useless = starved_ && done.taken == input.size();
      if (useless) {
        if (input_is == InputIs::complete) return fail(ErrorKind::corrupt, "unexpected EOF");
        break;
      }
      ZSTD_inBuffer in = {input.data() + done.taken, input.size() - done.taken, 0};
      ZSTD_outBuffer out = {output.data() + done.given, output.size() - done.given, 0};
      const std::size_t hint = ZSTD_decompressStream(stream_.get(), &out, &in);
      if (ZSTD_isError(hint) != 0) return fail(ErrorKind::corrupt, "zstd: ", ZSTD_getErrorName(hint));
      done.taken += in.pos;
      done.given += out.pos;
      between_frames_ = hint == 0;
      if (between_frames_) frames_seen_ = true;
      starved_ = in.pos == 0 && out.pos == 0 && !between_frames_;
    }
    return done;
  }

  bool ended() const override { return ended_; }

 private:
  Result<void> end() {
    if (!frames_seen_) return fail(ErrorKind::corrupt, "unexpected EOF");
    ended_ = true;
    return {};
  }

  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  bool between_frames_ = true;
  bool frames_seen_ = false;
  bool starved_ = false;
  bool ended_ = false;
};

class ZstdCompressor final : public Compressor {
 public:
  explicit ZstdCompressor(int level) : stream_(ZSTD_createCStream(), &ZSTD_freeCStream) {
    DD_ASSERT(stream_ != nullptr);
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_checksumFlag, 1);
  }

  Result<void> write(std::string_view bytes, std::string& out) override { return run(bytes, ZSTD_e_continue, out); }
  Result<void> finish(std::string& out) override { return run({}, ZSTD_e_end, out); }

 private:
  Result<void> run(std::string_view bytes, ZSTD_EndDirective directive, std::string& out) {
    std::array<char, 64 << 10> room;
    ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer part = {room.data(), room.size(), 0};
      const std::size_t left = ZSTD_compressStream2(stream_.get(), &part, &in, directive);
      if (ZSTD_isError(left) != 0) return fail(ErrorKind::internal, "zstd: ", ZSTD_getErrorName(left));
      out.append(room.data(), part.pos);
      const bool finished = directive == ZSTD_e_end ? left == 0 : in.pos == in.size && part.pos < part.size;
      if (finished) return {};
    }
  }

  std::unique_ptr<ZSTD_CStream, decltype(&ZSTD_freeCStream)> stream_;
};

}  // namespace

Result<std::unique_ptr<Decompressor>> make_zstd_decompressor() {
  return std::unique_ptr<Decompressor>(std::make_unique<ZstdDecompressor>());
}

Result<std::unique_ptr<Compressor>> make_zstd_compressor(int level) {
  if (level < 1 || level > 19) return fail(ErrorKind::invalid_argument, "zstd: invalid compression level: ", level);
  return std::unique_ptr<Compressor>(std::make_unique<ZstdCompressor>(level));
}

}  // namespace drydock::archive
