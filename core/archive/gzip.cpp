// gzip by zlib (RFC 1952).

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

#include "archive/coders.h"

namespace drydock::archive {
namespace {

// windowBits of inflateInit2 and deflateInit2: 15 is the 32 KiB window, 16 more asks for the gzip wrapper.
constexpr int kGzipWindow = 15 + 16;

// zlib counts in 32 bits and takes its input through a pointer to non-const.
void set_input(z_stream& stream, std::string_view bytes) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(bytes.size(), std::numeric_limits<uInt>::max()));
}

class GzipDecompressor final : public Decompressor {
 public:
  GzipDecompressor() {
    const bool made = inflateInit2(&stream_, kGzipWindow) == Z_OK;
    DD_ASSERT(made);
  }
  ~GzipDecompressor() override { inflateEnd(&stream_); }

  Result<CoderStep> step(std::string_view input, InputIs input_is, std::span<char> output) override {
    CoderStep done;
    while (!ended_) {
      if (between_members_ && done.taken == input.size()) {
        if (input_is == InputIs::complete) TRY(end());
        break;
      }
      if (done.given == output.size()) break;
      const CoderStep part = TRY(inflate_part(input.substr(done.taken), output.subspan(done.given)));
      done.taken += part.taken;
      done.given += part.given;
      if (part.taken == 0 && part.given == 0 && !between_members_) {
        if (input_is == InputIs::complete) return fail(ErrorKind::corrupt, "unexpected EOF");
        break;
      }
    }
    return done;
  }

  bool ended() const override { return ended_; }

 private:
  Result<CoderStep> inflate_part(std::string_view input, std::span<char> output) {
    set_input(stream_, input);
    const uInt offered = stream_.avail_in;
    stream_.next_out = reinterpret_cast<Bytef*>(output.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(output.size(), std::numeric_limits<uInt>::max()));
    const uInt room = stream_.avail_out;
    between_members_ = false;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) return fail(explain());
    const CoderStep part = {offered - stream_.avail_in, room - stream_.avail_out};
    if (status == Z_STREAM_END) {
      members_seen_ = true;
      between_members_ = true;
      inflateReset(&stream_);
    }
    return part;
  }

  // zlib's messages are stable; its codes do not tell these cases apart.
  Error explain() const {
    const std::string_view why = stream_.msg == nullptr ? "" : stream_.msg;
    if (why.starts_with("incorrect ") && why != "incorrect header check") {
      return make_error(ErrorKind::corrupt, "gzip: invalid checksum");
    }
    const bool in_header = why == "incorrect header check" || why == "unknown compression method" ||
                           why == "unknown header flags set" || why == "header crc mismatch";
    if (in_header) return make_error(ErrorKind::corrupt, "gzip: invalid header");
    return make_error(ErrorKind::corrupt, "flate: corrupt input: ", why);
  }

  Result<void> end() {
    if (!members_seen_) return fail(ErrorKind::corrupt, "unexpected EOF");
    ended_ = true;
    return {};
  }

  z_stream stream_{};
  bool between_members_ = true;
  bool members_seen_ = false;
  bool ended_ = false;
};

class GzipCompressor final : public Compressor {
 public:
  explicit GzipCompressor(int level) {
    bool made = deflateInit2(&stream_, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    header_.os = 255;  // RFC 1952 §2.3.1: unknown
    made = made && deflateSetHeader(&stream_, &header_) == Z_OK;
    DD_ASSERT(made);
  }
  ~GzipCompressor() override { deflateEnd(&stream_); }

  Result<void> write(std::string_view bytes, std::string& out) override {
    while (!bytes.empty()) {
      set_input(stream_, bytes);
      const uInt offered = stream_.avail_in;
      TRY(drain(Z_NO_FLUSH, out));
      bytes.remove_prefix(offered);
    }
    return {};
  }

  Result<void> finish(std::string& out) override {
    set_input(stream_, {});
    return drain(Z_FINISH, out);
  }

 private:
  Result<void> drain(int flush, std::string& out) {
    std::array<char, 64 << 10> room;
    do {
      stream_.next_out = reinterpret_cast<Bytef*>(room.data());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int status = deflate(&stream_, flush);
      if (status == Z_STREAM_ERROR) return fail(ErrorKind::internal, "gzip: write after the end");
      out.append(room.data(), room.size() - stream_.avail_out);
    } while (stream_.avail_out == 0);
    return {};
  }

  z_stream stream_{};
  gz_header header_{};
};

}  // namespace

std::unique_ptr<Decompressor> make_gzip_decompressor() {
  return std::make_unique<GzipDecompressor>();
}

Result<std::unique_ptr<Compressor>> make_gzip_compressor(int level) {
  if (level < 1 || level > 9) return fail(ErrorKind::invalid_argument, "gzip: invalid compression level: ", level);
  return std::unique_ptr<Compressor>(std::make_unique<GzipCompressor>(level));
}

}  // namespace drydock::archive
