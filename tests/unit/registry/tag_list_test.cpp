#include "registry/tag_list.h"

#include <doctest/doctest.h>

#include "registry_fixture.h"

using namespace drydock;
using namespace drydock::registry;

TEST_CASE("tags are listed page by page") {
  Fixture fixture;
  fixture.registry.tags_per_page = 2;
  for (const char* tag : {"1", "2", "3", "4", "5"}) fixture.registry.add_manifest("team/app", tag, "{}", "x");
  TagList list(fixture.session(), oci::Reference::parse("registry.test/team/app").value());
  REQUIRE(fixture.run(list));
  CHECK(Fixture::message_of(list) == "");
  CHECK(list.tags() == std::vector<std::string>{"1", "2", "3", "4", "5"});
  CHECK(fixture.requests("GET", "/tags/list") == 3);
}

TEST_CASE("the tags of no repository are told as Docker tells it") {
  Fixture fixture;
  TagList list(fixture.session("no/such"), oci::Reference::parse("registry.test/no/such").value());
  REQUIRE(fixture.run(list));
  CHECK(Fixture::message_of(list) ==
        "repository registry.test/no/such not found: name unknown: repository name not known to registry");
}
