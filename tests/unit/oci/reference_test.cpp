#include "oci/reference.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::oci;

namespace {

const std::string kDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string canonical(std::string_view text) {
  auto reference = Reference::parse(text);
  return reference.ok() ? reference->canonical() : reference.error().message;
}

std::string familiar(std::string_view text) {
  return Reference::parse(text).value().familiar();
}

}  // namespace

TEST_CASE("what a user types gets Docker's default domain and library") {
  CHECK(canonical("busybox") == "docker.io/library/busybox");
  CHECK(canonical("busybox:1.36") == "docker.io/library/busybox:1.36");
  CHECK(canonical("team/app") == "docker.io/team/app");
  CHECK(canonical("docker.io/busybox") == "docker.io/library/busybox");
  CHECK(canonical("index.docker.io/library/busybox") == "docker.io/library/busybox");
  CHECK(canonical("localhost/app") == "localhost/app");
  CHECK(canonical("localhost:5000") == "docker.io/library/localhost:5000");
  CHECK(canonical("localhost:5000/app") == "localhost:5000/app");
  CHECK(canonical("registry.example/team/app:V1@" + kDigest) == "registry.example/team/app:V1@" + kDigest);
  CHECK(canonical("[::1]:5000/app:x") == "[::1]:5000/app:x");
  CHECK(canonical("Registry.Example/app") == "Registry.Example/app");
  CHECK(Reference::parse_tagged("busybox").value().tag() == "latest");
  CHECK(Reference::parse_tagged("busybox@" + kDigest).value().tag().empty());
}

TEST_CASE("Docker shows references without what is default") {
  CHECK(familiar("docker.io/library/busybox:latest") == "busybox:latest");
  CHECK(familiar("docker.io/library/a/b") == "library/a/b");
  CHECK(familiar("team/app@" + kDigest) == "team/app@" + kDigest);
  CHECK(familiar("localhost:5000/library/app") == "localhost:5000/library/app");
}

TEST_CASE("what is no reference is refused in Docker's words") {
  const std::string bad = "invalid reference format";
  for (const char* text :
       {"",         ":tag", "a:",  "a@",    "-a",     "a-",           "a..b",        "a___b",         "a/",
        "/a",       "a//b", "a b", "a:b:c", "a:.tag", "a@sha256:abc", "x_y.z/a:b/c", "http://host/a", "host:port/a",
        "a.b/../c", "../a"}) {
    CAPTURE(text);
    CHECK(canonical(text) == bad);
  }
  CHECK(canonical("Busybox") == bad + ": repository name must be lowercase");
  CHECK(canonical("host.example/Team/app") == bad + ": repository name must be lowercase");
  CHECK(canonical(kDigest.substr(7)) ==
        "invalid repository name (" + kDigest.substr(7) + "), cannot specify 64-byte hexadecimal strings");
  CHECK(canonical("a@md5:d41d8cd98f00b204e9800998ecf8427e") == "unsupported digest algorithm");
  CHECK(canonical("a@sha256:d41d8cd98f00b204e9800998ecf8427e") == "invalid checksum digest length");
}

TEST_CASE("names and tags have their greatest lengths") {
  const std::string longest(255 - std::string("host.example/").size(), 'a');
  CHECK(Reference::parse("host.example/" + longest).ok());
  CHECK(canonical("host.example/a" + longest) == "repository name must not be more than 255 characters");
  CHECK(Reference::parse("a:" + std::string(128, 't')).ok());
  CHECK(canonical("a:" + std::string(129, 't')) == "invalid reference format");
}

TEST_CASE("separators between the parts of a name follow distribution's grammar") {
  for (const char* text : {"a.b", "a_b", "a__b", "a-b", "a---b", "a/b/c/d", "0/1", "a.b_c-d"}) {
    CAPTURE(text);
    CHECK(Reference::parse(text).ok());
  }
}

TEST_CASE("a reference is changed part by part") {
  const Reference reference = Reference::parse("app:1").value();
  CHECK(reference.with_tag("2").value().familiar() == "app:2");
  CHECK(reference.with_tag("-x").error().message == "invalid tag format");
  CHECK(reference.name_only().familiar() == "app");
  const Reference both = reference.with_digest(Digest::parse(kDigest).value());
  CHECK(both.familiar() == "app:1@" + kDigest);
  CHECK(both.selector() == kDigest);
  CHECK(reference.selector() == "1");
  CHECK(reference.name_only().selector() == "latest");
}

TEST_CASE("an image id may be short and have its algorithm in front") {
  CHECK(looks_like_image_id("e3b0"));
  CHECK(looks_like_image_id(kDigest));
  CHECK_FALSE(looks_like_image_id("busybox"));
  CHECK_FALSE(looks_like_image_id(""));
  CHECK_FALSE(looks_like_image_id("sha256:"));
  CHECK_FALSE(looks_like_image_id(kDigest + "0"));
}
