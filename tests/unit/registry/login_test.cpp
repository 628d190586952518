#include "registry/login.h"

#include <doctest/doctest.h>

#include "registry_fixture.h"

using namespace drydock;
using namespace drydock::registry;
using testing::MemoryRegistry;

TEST_CASE("right credentials log in, with a token to keep where the registry gives one") {
  for (const auto auth : {MemoryRegistry::Auth::basic, MemoryRegistry::Auth::bearer}) {
    Fixture fixture;
    fixture.registry.auth = auth;
    fixture.credentials = Fixture::keeper();
    LoginCheck login(fixture.session(""));
    REQUIRE(fixture.run(login));
    CHECK(Fixture::message_of(login) == "");
    CHECK(login.identity_token() == (auth == MemoryRegistry::Auth::bearer ? "refresh-me" : ""));
  }
}

TEST_CASE("wrong credentials are refused in Docker's words") {
  Fixture fixture;
  fixture.credentials = Fixture::keeper();
  fixture.credentials.password = "wrong";
  fixture.registry.auth = MemoryRegistry::Auth::basic;
  LoginCheck basic(fixture.session(""));
  REQUIRE(fixture.run(basic));
  CHECK(Fixture::message_of(basic) ==
        "login attempt to https://registry.test/v2/ failed with status: 401 Unauthorized");
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  LoginCheck bearer(fixture.session(""));
  REQUIRE(fixture.run(bearer));
  CHECK(bearer.failure()->kind == ErrorKind::unauthorized);
  CHECK(Fixture::message_of(bearer) ==
        "Get \"https://registry.test/v2/\": unauthorized: incorrect username or password");
}
