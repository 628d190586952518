#include "oci/platform.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::oci;

namespace {

const Platform kAmd64 = {.os = "linux", .architecture = "amd64"};

std::string parsed(std::string_view text) {
  auto platform = parse_platform(text, kAmd64);
  return platform.ok() ? to_string(*platform) : platform.error().message;
}

}  // namespace

TEST_CASE("a platform is completed from the host and brought to its normal form") {
  CHECK(parsed("linux/arm64/v8") == "linux/arm64");
  CHECK(parsed("linux/x86_64") == "linux/amd64");
  CHECK(parsed("Linux/AArch64") == "linux/arm64");
  CHECK(parsed("linux/arm") == "linux/arm/v7");
  CHECK(parsed("linux/arm/6") == "linux/arm/v6");
  CHECK(parsed("armhf") == "linux/arm/v7");
  CHECK(parsed("linux") == "linux/amd64");
  CHECK(parsed("s390x") == "linux/s390x");
}

TEST_CASE("what is no platform is refused") {
  CHECK(parsed("nonsense") == "\"nonsense\": unknown operating system or architecture");
  CHECK(parsed("") == "\"\": cannot parse platform specifier");
  CHECK(parsed("linux/") == "\"linux/\": cannot parse platform specifier");
  CHECK(parsed("a/b/c/d") == "\"a/b/c/d\": cannot parse platform specifier");
  CHECK(parsed("linux/am d64") == "\"linux/am d64\": cannot parse platform specifier");
}

TEST_CASE("a host runs its own variant and older ones") {
  const Platform v7 = {.os = "linux", .architecture = "arm", .variant = "v7"};
  const Platform v6 = {.os = "linux", .architecture = "arm", .variant = "v6"};
  CHECK(can_run(v7, v6));
  CHECK_FALSE(can_run(v6, v7));
  CHECK_FALSE(can_run(kAmd64, {.os = "windows", .architecture = "amd64"}));
  CHECK(can_run(kAmd64, {.os = "linux", .architecture = "amd64", .variant = "v1"}));
  CHECK_FALSE(can_run(kAmd64, {.os = "linux", .architecture = "amd64", .variant = "v3"}));
  CHECK(choose_platform(v7, {v6, kAmd64, v7, v7}) == std::size_t{2});
  CHECK(choose_platform(v7, {kAmd64, v6}) == std::size_t{1});
  CHECK_FALSE(choose_platform(kAmd64, {v6, v7}).has_value());
}
