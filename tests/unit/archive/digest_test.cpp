#include "archive/digest.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace drydock;
using namespace drydock::archive;

namespace {

const std::string kEmptyHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

}  // namespace

TEST_CASE("a digest is written as its algorithm and its hexadecimal sum") {
  const Digest digest = digest_of("");
  CHECK(digest.str() == "sha256:" + kEmptyHex);
  CHECK(digest.algorithm() == "sha256");
  CHECK(digest.hex() == kEmptyHex);
  CHECK(digest.short_hex() == "e3b0c44298fc");
  CHECK(Digest::parse("sha256:" + kEmptyHex).value() == digest);
  CHECK(Digest().empty());
  CHECK(Digest().hex().empty());
  CHECK(Digest() < digest);
}

TEST_CASE("what is no digest is refused in Docker's words") {
  const auto message = [](const std::string& text) { return Digest::parse(text).error().message; };
  CHECK(message("") == "invalid checksum digest format");
  CHECK(message("sha256") == "invalid checksum digest format");
  CHECK(message("sha256:") == "invalid checksum digest format");
  CHECK(message(":" + kEmptyHex) == "invalid checksum digest format");
  CHECK(message("sha256:" + to_upper(kEmptyHex)) == "invalid checksum digest format");
  CHECK(message("sha256:../../etc/passwd") == "invalid checksum digest format");
  CHECK(message("sha256:" + kEmptyHex + "\n") == "invalid checksum digest format");
  CHECK(message("sha256:abc") == "invalid checksum digest length");
  CHECK(message("sha256:" + kEmptyHex + "0") == "invalid checksum digest length");
  CHECK(message("md5:d41d8cd98f00b204e9800998ecf8427e") == "unsupported digest algorithm");
  CHECK(message("sha512:" + kEmptyHex + kEmptyHex) == "unsupported digest algorithm");
  CHECK(Digest::parse("sha256:abc").error().kind == ErrorKind::invalid_argument);
}

TEST_CASE("a digester starts anew after each digest") {
  Digester digester;
  digester.update("ab");
  digester.update("c");
  CHECK(digester.finish() == digest_of("abc"));
  CHECK(digester.finish() == digest_of(""));
}
