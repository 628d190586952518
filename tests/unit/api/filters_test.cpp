#include "api/filters.h"

#include <doctest/doctest.h>

using drydock::ErrorKind;
using drydock::api::Filters;

namespace {
using Labels = std::vector<std::pair<std::string, std::string>>;
Filters parsed(std::string_view json) {
  auto filters = Filters::parse(json);
  REQUIRE(filters.ok());
  return std::move(*filters);
}
}  // namespace

TEST_CASE("filters are read in both of the shapes that clients send") {
  for (const char* json : {R"({"label":["a","b=c"]})", R"({"label":{"b=c":true,"a":true}})"}) {
    CAPTURE(json);
    CHECK(parsed(json).get("label") == std::vector<std::string>{"a", "b=c"});
  }
  CHECK(parsed("").empty());
  CHECK(parsed("{}").empty());
}

TEST_CASE("filters that are no object of lists are refused") {
  for (const char* json : {"x", "[]", R"({"label":1})", R"({"label":[1]})", R"({"label":"a"})"}) {
    CAPTURE(json);
    const auto filters = Filters::parse(json);
    REQUIRE_FALSE(filters.ok());
    CHECK(filters.error().kind == ErrorKind::malformed);
  }
}

TEST_CASE("a filter's name must be known") {
  const Filters filters = parsed(R"({"nosuch":["x"]})");
  CHECK(filters.allow({"nosuch", "label"}).ok());
  const auto refused = filters.allow({"label"});
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message == "Invalid filter 'nosuch'");
}

TEST_CASE("one of several values must match, and no filter matches all") {
  const Filters filters = parsed(R"({"type":["image","container"]})");
  CHECK(filters.matches_exactly("type", "image"));
  CHECK_FALSE(filters.matches_exactly("type", "network"));
  CHECK(filters.matches_exactly("event", "pull"));
  CHECK(filters.matches_prefix("type", "imagery"));
  CHECK_FALSE(filters.matches_prefix("type", "imag"));
}

TEST_CASE("all labels of a filter must be there, with their values if given") {
  const Labels labels = {{"deck", "upper"}, {"empty", ""}};
  CHECK(parsed(R"({"label":["deck","empty"]})").matches_labels("label", labels));
  CHECK(parsed(R"({"label":["deck=upper"]})").matches_labels("label", labels));
  CHECK_FALSE(parsed(R"({"label":["deck=lower"]})").matches_labels("label", labels));
  CHECK_FALSE(parsed(R"({"label":["deck","nosuch"]})").matches_labels("label", labels));
  CHECK(parsed(R"({"label":["empty="]})").matches_labels("label", labels));
}

TEST_CASE("a flag is 1, true, 0 or false, and not both") {
  CHECK(*parsed(R"({"dangling":["1"]})").flag("dangling", false));
  CHECK_FALSE(*parsed(R"({"dangling":["false"]})").flag("dangling", true));
  CHECK(*parsed("{}").flag("dangling", true));
  const auto wrong = parsed(R"({"dangling":["x"]})").flag("dangling", true);
  REQUIRE_FALSE(wrong.ok());
  CHECK(wrong.error().message == "Invalid filter 'dangling=[x]'");
  CHECK_FALSE(parsed(R"({"dangling":["true","false"]})").flag("dangling", true).ok());
}

TEST_CASE("until is a time or how long ago") {
  const drydock::Timestamp now{100'000 * drydock::kNanosPerSecond};
  CHECK(drydock::api::parse_until("1h", now)->seconds() == 96'400);
  CHECK(drydock::api::parse_until("99999", now)->seconds() == 99'999);
  CHECK_FALSE(drydock::api::parse_until("x", now).ok());
}
