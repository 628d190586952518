#include "engine/users.h"

#include <doctest/doctest.h>

namespace drydock::engine {

namespace {

constexpr std::string_view kPasswd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n";
constexpr std::string_view kGroup = "root:x:0:\nwheel:x:10:alice,bob\naudio:x:29:alice\n";

std::string error_of(std::string_view spec) {
  auto resolved = resolve_user(spec, kPasswd, kGroup);
  REQUIRE_FALSE(resolved.ok());
  return resolved.error().message;
}

}  // namespace

TEST_CASE("without a user it is root, at home where passwd says") {
  const auto user = resolve_user("", kPasswd, kGroup);
  REQUIRE(user.ok());
  CHECK(user->user.uid == 0);
  CHECK(user->home == "/root");
  CHECK(resolve_user("", "", "")->home == "/");
}

TEST_CASE("a user by name has its group, its further groups and its home") {
  const auto user = resolve_user("alice", kPasswd, kGroup);
  REQUIRE(user.ok());
  CHECK(user->user.uid == 1000);
  CHECK(user->user.gid == 1001);
  CHECK(user->user.additional_gids == std::vector<std::uint32_t>{10, 29});
  CHECK(user->home == "/home/alice");
}

TEST_CASE("a group that is given leaves the user without further groups") {
  const auto user = resolve_user("alice:wheel", kPasswd, kGroup);
  REQUIRE(user.ok());
  CHECK(user->user.gid == 10);
  CHECK(user->user.additional_gids.empty());
}

TEST_CASE("numbers need not be in the files") {
  const auto user = resolve_user("7:8", kPasswd, kGroup);
  REQUIRE(user.ok());
  CHECK(user->user.uid == 7);
  CHECK(user->user.gid == 8);
  CHECK(user->home == "/");
}

TEST_CASE("unknown names and impossible numbers are refused in Docker's words") {
  CHECK(error_of("nosuch") == "unable to find user nosuch: no matching entries in passwd file");
  CHECK(error_of("0:nosuch") == "unable to find group nosuch: no matching entries in group file");
  CHECK(error_of("99999999999") == "uids and gids must be in range 0-2147483647");
  CHECK(error_of("-1") == "uids and gids must be in range 0-2147483647");
  auto groups = resolve_groups({"audio", "5", "nosuch"}, kGroup);
  REQUIRE_FALSE(groups.ok());
  CHECK(groups.error().message == "Unable to find group nosuch: no matching entries in group file");
  CHECK(*resolve_groups({"audio", "5"}, kGroup) == std::vector<std::uint32_t>{29, 5});
}

TEST_CASE("damaged lines of passwd do no harm") {
  const auto user = resolve_user("x", "\n:::\nx\nx:y\n\0junk", "");
  REQUIRE(user.ok());
  CHECK(user->user.uid == 0);
}

}  // namespace drydock::engine
