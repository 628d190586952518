#include "registry/challenge.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::registry;

TEST_CASE("a bearer challenge gives realm, service and scope") {
  const auto challenges = parse_challenges(
      {{"Www-Authenticate",
        "Bearer "
        "realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull,push\""}});
  REQUIRE(challenges.size() == 1);
  CHECK(challenges[0].scheme == "bearer");
  CHECK(challenges[0].get("realm") == "https://auth.docker.io/token");
  CHECK(challenges[0].get("service") == "registry.docker.io");
  CHECK(challenges[0].get("scope") == "repository:a/b:pull,push");
  CHECK(challenges[0].get("error").empty());
}

TEST_CASE("several challenges stand in one field or in several") {
  const auto one =
      parse_challenges({{"WWW-Authenticate", "Basic realm=\"a, b\", Bearer realm=token , service = \"s\""}});
  REQUIRE(one.size() == 2);
  CHECK(one[0].scheme == "basic");
  CHECK(one[0].get("realm") == "a, b");
  CHECK(one[1].scheme == "bearer");
  CHECK(one[1].get("realm") == "token");
  CHECK(one[1].get("service") == "s");
  CHECK(parse_challenges({{"WWW-Authenticate", "Negotiate"}, {"WWW-Authenticate", "Basic"}}).size() == 2);
}

TEST_CASE("escapes in quoted values are undone, what is cut off is left out") {
  const auto escaped = parse_challenges({{"WWW-Authenticate", "Bearer realm=\"a\\\"b\\\\c\""}});
  REQUIRE(escaped.size() == 1);
  CHECK(escaped[0].get("realm") == "a\"b\\c");
  CHECK(parse_challenges({{"WWW-Authenticate", "Bearer realm=\"never ends"}}).empty());
  CHECK(parse_challenges({{"WWW-Authenticate", "=,;\"("}}).empty());
  CHECK(parse_challenges({}).empty());
}

TEST_CASE("a flood of challenges is cut at the limit") {
  std::string flood;
  for (int i = 0; i < 100; ++i) flood += "Basic realm=\"x\", ";
  CHECK(parse_challenges({{"WWW-Authenticate", flood}}).size() == kChallengesMax);
}
