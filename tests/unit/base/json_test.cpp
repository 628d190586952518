#include "base/json.h"

#include <doctest/doctest.h>

using namespace drydock;

TEST_CASE("members keep their order") {
  CHECK(to_json_text(parse_json(R"({"b": 1, "a": [true, null]})").value()) == R"({"b":1,"a":[true,null]})");
}

TEST_CASE("a syntax error is worded as Go's decoder does") {
  const auto result = parse_json(R"({"a": )");
  REQUIRE(!result.ok());
  CHECK(result.error().kind == ErrorKind::invalid_argument);
  CHECK(result.error().message == "unexpected end of JSON input");
  CHECK(parse_json("no").error().message == "invalid character 'o' in literal null (expecting 'u')");
  CHECK(!parse_json("").ok());
  CHECK(!parse_json("{} {}").ok());
}

TEST_CASE("bad UTF-8, which Go's decoder would replace, is an error that says where it is") {
  CHECK(parse_json("[\"\xff\"]").error().message.find("invalid JSON at offset 3") == 0);
}

TEST_CASE("nesting is bounded") {
  CHECK(parse_json(std::string(kJsonDepthMax, '[') + std::string(kJsonDepthMax, ']')).ok());
  CHECK(!parse_json(std::string(kJsonDepthMax + 1, '[')).ok());
  CHECK(parse_json('"' + std::string(1000, '[') + '"').ok());
}

TEST_CASE("getters give the fallback for missing and null members") {
  const Json json = parse_json(R"({"null": null})").value();
  CHECK(get_string(json, "missing", "x").value() == "x");
  CHECK(get_int(json, "null", 7).value() == 7);
  CHECK(!get_optional_bool(json, "null").value().has_value());
  CHECK(get_strings(json, "missing").value().empty());
}

TEST_CASE("a member of the wrong type is named") {
  const Json json = parse_json(R"({"Image": 5, "Cmd": ["a", 1]})").value();
  CHECK(get_string(json, "Image").error().message ==
        "json: cannot unmarshal number into Go struct field Image of type string");
  CHECK(get_strings(json, "Cmd").error().kind == ErrorKind::invalid_argument);
  CHECK(!get_bool(json, "Image").ok());
  CHECK(!get_int(parse_json(R"({"n": 1.5})").value(), "n").ok());
  CHECK(!get_int(parse_json(R"({"n": 18446744073709551615})").value(), "n").ok());
}

TEST_CASE("invalid UTF-8 is replaced when it is written") {
  CHECK(to_json_text(Json("a\xff")) == "\"a\xef\xbf\xbd\"");
}
