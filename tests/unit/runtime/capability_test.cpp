#include "runtime/capability.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::runtime;

TEST_CASE("names and numbers are those of capabilities(7)") {
  CHECK(capability_name(0) == "CAP_CHOWN");
  CHECK(capability_name(21) == "CAP_SYS_ADMIN");
  CHECK(capability_name(40) == "CAP_CHECKPOINT_RESTORE");
  CHECK(capability_name(41).empty());
  CHECK(capability_name(-1).empty());
  CHECK(capability_number("CAP_SYS_RESOURCE") == 24);
  CHECK(!capability_number("SYS_RESOURCE").has_value());
  CHECK(kAllCapabilities == 0x1ffffffffff);
}

TEST_CASE("Docker's 14 default capabilities are the mask 0xa80425fb") {
  CHECK(default_capabilities().size() == 14);
  CHECK(capability_mask(default_capabilities()) == 0xa80425fb);
}

TEST_CASE("a name that is unknown does not count, as with runc") {
  CHECK(capability_mask({"CAP_KILL", "CAP_FROM_THE_FUTURE"}) == 0x20);
}

TEST_CASE("--cap-add takes names in any case, with and without CAP_") {
  CHECK(normalize_capabilities("CapAdd", {"net_admin", "CAP_KILL", "all"}).value() ==
        std::vector<std::string>{"CAP_NET_ADMIN", "CAP_KILL", "ALL"});
  const auto wrong = normalize_capabilities("CapDrop", {"nosuch"});
  REQUIRE(!wrong.ok());
  CHECK(wrong.error().message == "invalid CapDrop: unknown capability: \"CAP_NOSUCH\"");
  CHECK(wrong.error().kind == ErrorKind::invalid_argument);
}

TEST_CASE("adding and dropping start from the default set") {
  const auto mask = [](std::vector<std::string> add, std::vector<std::string> drop) {
    return capability_mask(choose_capabilities(add, drop, false, kAllCapabilities).value());
  };
  CHECK(mask({}, {}) == 0xa80425fb);
  CHECK(mask({"NET_ADMIN"}, {}) == 0xa80435fb);
  CHECK(mask({}, {"ALL"}) == 0);
  CHECK(mask({"KILL"}, {"ALL"}) == 0x20);
  CHECK(mask({"ALL"}, {}) == kAllCapabilities);
  CHECK(mask({"ALL"}, {"SYS_ADMIN"}) == (kAllCapabilities & ~(std::uint64_t{1} << 21)));
  CHECK(mask({}, {"KILL"}) == (0xa80425fb & ~0x20));
}

TEST_CASE("privileged and ALL mean what this kernel can give, a name means itself") {
  const std::uint64_t without_resource = kAllCapabilities & ~(std::uint64_t{1} << 24);
  CHECK(capability_mask(choose_capabilities({}, {}, true, without_resource).value()) == without_resource);
  CHECK(capability_mask(choose_capabilities({"ALL"}, {}, false, without_resource).value()) == without_resource);
  const auto named = choose_capabilities({"SYS_RESOURCE"}, {"ALL"}, false, without_resource);
  CHECK(named.value() == std::vector<std::string>{"CAP_SYS_RESOURCE"});
}
