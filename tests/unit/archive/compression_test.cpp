#include "archive/compression.h"

#include <doctest/doctest.h>

#include <array>

using namespace drydock;
using namespace drydock::archive;

namespace {

constexpr std::uint64_t kPlenty = 1 << 24;

std::string compressed(std::string_view bytes, Compression compression) {
  std::string out;
  auto compressor = make_compressor(compression).value();
  REQUIRE(compressor->write(bytes, out).ok());
  REQUIRE(compressor->finish(out).ok());
  return out;
}

std::string sample() {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += std::to_string(i * 7919 % 10007) + ",";
  return text;
}

bool has_zstd() {
  return make_compressor(Compression::zstd).ok();
}

// Reads with small slices in and small room out, as a slow network and a busy disk would.
Result<std::string> decompress_in_slices(std::string_view bytes, std::size_t slice, std::size_t room_size) {
  const auto decompressor = make_detecting_decompressor();
  std::string room(room_size, '\0');
  std::string out;
  std::size_t offered = 0;
  while (!decompressor->ended()) {
    offered = std::min(offered + slice, bytes.size());
    const InputIs input_is = offered == bytes.size() ? InputIs::complete : InputIs::unfinished;
    const CoderStep done = TRY(decompressor->step(bytes.substr(0, offered), input_is, room));
    bytes.remove_prefix(done.taken);
    offered -= done.taken;
    out.append(room.data(), done.given);
  }
  return out;
}

// Gives nothing at every second call.
class HesitantSource final : public ByteSource {
 public:
  explicit HesitantSource(std::string bytes) : source_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<char> out) override {
    hesitate_ = !hesitate_;
    if (hesitate_) return std::size_t{0};
    return source_.read(out.subspan(0, std::min<std::size_t>(out.size(), 100)));
  }
  bool ended() const override { return source_.ended(); }

 private:
  StringSource source_;
  bool hesitate_ = false;
};

}  // namespace

TEST_CASE("the compression of content is told by its first bytes") {
  CHECK(detect_compression("\x1f\x8b\x08\x00") == Compression::gzip);
  CHECK(detect_compression("\x28\xb5\x2f\xfd") == Compression::zstd);
  CHECK(detect_compression("\x1f\x8b") == Compression::none);
  CHECK(detect_compression("") == Compression::none);
  CHECK(detect_compression("busybox") == Compression::none);
}

TEST_CASE("what was compressed comes back the same, however it is sliced") {
  const std::string text = sample();
  std::vector<Compression> all = {Compression::none, Compression::gzip};
  if (has_zstd()) all.push_back(Compression::zstd);
  for (const Compression compression : all) {
    CAPTURE(to_string(compression));
    const std::string small = compressed(text, compression);
    if (compression != Compression::none) CHECK(small.size() < text.size());
    CHECK(decompress_all(small, kPlenty).value() == text);
    CHECK(decompress_in_slices(small, 1, 1).value() == text);
    CHECK(decompress_in_slices(small, 1000, 7).value() == text);
    CHECK(decompress_in_slices(small, 7, 1 << 16).value() == text);
  }
}

TEST_CASE("empty and very short content passes the detection") {
  for (const std::string text : {"", "a", "abc", "abcd"}) {
    CHECK(decompress_in_slices(text, 1, 8).value() == text);
    CHECK(decompress_all(compressed(text, Compression::gzip), kPlenty).value() == text);
    if (has_zstd()) CHECK(decompress_all(compressed(text, Compression::zstd), kPlenty).value() == text);
  }
}

TEST_CASE("the same content gives the same gzip bytes, with no time and no system in the header") {
  const std::string text = sample();
  std::string sliced;
  auto compressor = make_compressor(Compression::gzip, kGzipLevelDefault).value();
  for (std::size_t at = 0; at < text.size(); at += 999) REQUIRE(compressor->write(text.substr(at, 999), sliced).ok());
  REQUIRE(compressor->finish(sliced).ok());
  CHECK(sliced == compressed(text, Compression::gzip));
  CHECK(sliced.substr(0, 10) == std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10));
}

TEST_CASE("several gzip members in a row are one content") {
  const std::string two = compressed("first, ", Compression::gzip) + compressed("second", Compression::gzip);
  CHECK(decompress_all(two, kPlenty).value() == "first, second");
  CHECK(decompress_in_slices(two, 3, 2).value() == "first, second");
  if (has_zstd()) {
    const std::string frames = compressed("first, ", Compression::zstd) + compressed("second", Compression::zstd);
    CHECK(decompress_in_slices(frames, 3, 2).value() == "first, second");
  }
}

TEST_CASE("content that is cut short is an error at every length") {
  std::vector<Compression> all = {Compression::gzip};
  if (has_zstd()) all.push_back(Compression::zstd);
  for (const Compression compression : all) {
    const std::string whole = compressed("hello, dock", compression);
    for (std::size_t length = kMagicBytesMax; length < whole.size(); ++length) {
      const auto result = decompress_all(whole.substr(0, length), kPlenty);
      REQUIRE_FALSE(result.ok());
      CHECK(result.error().kind == ErrorKind::corrupt);
      CHECK(result.error().message == "unexpected EOF");
    }
  }
}

TEST_CASE("damaged gzip is told in Go's words") {
  const std::string good = compressed(sample(), Compression::gzip);
  std::string bad_sum = good;
  bad_sum[bad_sum.size() - 6] ^= 1;
  CHECK(decompress_all(bad_sum, kPlenty).error().message == "gzip: invalid checksum");
  std::string bad_length = good;
  bad_length.back() ^= 1;
  CHECK(decompress_all(bad_length, kPlenty).error().message == "gzip: invalid checksum");
  std::string bad_flags = good;
  bad_flags[3] = '\xe0';
  CHECK(decompress_all(bad_flags, kPlenty).error().message == "gzip: invalid header");
  CHECK(decompress_all(good + "rubbish", kPlenty).error().message == "gzip: invalid header");
  CHECK(make_decompressor(Compression::gzip)
            .value()
            ->step("plain text", InputIs::complete, std::span<char>(bad_sum))
            .error()
            .message == "gzip: invalid header");
  std::string bad_block = good;
  bad_block[10] = '\x07';  // block type 3 does not exist
  CHECK(decompress_all(bad_block, kPlenty).error().kind == ErrorKind::corrupt);
}

TEST_CASE("a bomb costs no more than the caller allows") {
  const std::string bomb = compressed(std::string(8 << 20, '\0'), Compression::gzip);
  CHECK(bomb.size() < 10000);
  CHECK(decompress_all(bomb, 1000).error().kind == ErrorKind::too_large);
  CHECK(decompress_all(bomb, 8 << 20).value().size() == 8 << 20);
  const auto decompressor = make_detecting_decompressor();
  std::array<char, 100> room;
  CHECK(decompressor->step(bomb, InputIs::complete, room).value().given == 100);
}

TEST_CASE("a source that has nothing for a while only delays the content") {
  std::vector<Compression> all = {Compression::none, Compression::gzip};
  if (has_zstd()) all.push_back(Compression::zstd);
  for (const Compression compression : all) {
    const std::string text = sample();
    HesitantSource source(compressed(text, compression));
    DecompressingSource decompressed(source, make_detecting_decompressor());
    std::string out;
    std::array<char, 64> room;
    int reads = 0;
    while (!decompressed.ended() && ++reads < 100000) {
      out.append(room.data(), decompressed.read(room).value());
    }
    CHECK(out == text);
  }
}

TEST_CASE("a slow source of zstd may be asked any number of times") {
  if (!has_zstd()) {
    MESSAGE("skipped: this build has no zstd");
    return;
  }
  const std::string small = compressed("hello", Compression::zstd);
  const auto decompressor = make_detecting_decompressor();
  std::array<char, 64> room;
  CHECK(decompressor->step(small.substr(0, 6), InputIs::unfinished, room).ok());
  for (int i = 0; i < 100; ++i) REQUIRE(decompressor->step("", InputIs::unfinished, room).ok());
  CHECK(decompressor->step(small.substr(6), InputIs::complete, room).value().given == 5);
}

TEST_CASE("a compression level that does not exist is refused") {
  CHECK(make_compressor(Compression::gzip, 0).error().kind == ErrorKind::invalid_argument);
  CHECK(make_compressor(Compression::gzip, 10).error().kind == ErrorKind::invalid_argument);
  const ErrorKind kind = make_compressor(Compression::zstd, 20).error().kind;
  CHECK(kind == (has_zstd() ? ErrorKind::invalid_argument : ErrorKind::not_implemented));
}
