#include <doctest/doctest.h>

#include <string>

#include "archive/sha256.h"
#include "archive/sha256_portable.h"
#include "base/text.h"

using namespace drydock;
using namespace drydock::archive;

namespace {

std::string hex(const Sha256Sum& sum) {
  return to_hex({reinterpret_cast<const char*>(sum.data()), sum.size()});
}

}  // namespace

TEST_CASE_TEMPLATE("SHA-256 gives the sums of FIPS 180-4's examples", Hash, Sha256, PortableSha256) {
  Hash hash;
  CHECK(hex(hash.finish()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash.update("abc");
  CHECK(hex(hash.finish()) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  hash.update("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
  CHECK(hex(hash.finish()) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  for (int i = 0; i < 1000; ++i) hash.update(std::string(1000, 'a'));
  CHECK(hex(hash.finish()) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("the portable SHA-256 agrees with the host's at every length and slicing") {
  std::string bytes;
  for (int length = 0; length < 300; ++length) {
    Sha256 whole;
    whole.update(bytes);
    PortableSha256 sliced;
    for (std::size_t at = 0, width = 1; at < bytes.size(); at += width, width = width % 67 + 1) {
      sliced.update(std::string_view(bytes).substr(at, width));
    }
    REQUIRE(hex(whole.finish()) == hex(sliced.finish()));
    bytes.push_back(static_cast<char>(length * 31));
  }
}
