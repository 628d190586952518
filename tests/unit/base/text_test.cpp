#include "base/text.h"

#include <doctest/doctest.h>

using namespace drydock;

TEST_CASE("concat takes strings, characters and integers") {
  CHECK(concat("a", 'b', 3, std::string("d")) == "ab3d");
}

TEST_CASE("split keeps empty parts and join undoes it") {
  CHECK(split("a,,b", ',') == std::vector<std::string>{"a", "", "b"});
  CHECK(split("", ',') == std::vector<std::string>{""});
  CHECK(join({"a", "", "b"}, ",") == "a,,b");
  CHECK(split_once("k=v=w", '=')->second == "v=w");
  CHECK(!split_once("k", '=').has_value());
}

TEST_CASE("numbers are taken whole or not at all") {
  CHECK(parse_u64("18446744073709551615") == 18446744073709551615ull);
  CHECK(!parse_u64("18446744073709551616"));
  CHECK(!parse_u64("1x"));
  CHECK(!parse_u64(""));
  CHECK(!parse_u64("-1"));
  CHECK(parse_i64("-9") == -9);
  CHECK(parse_unsigned("755", 8) == 0755);
}

TEST_CASE("quoting follows Go's %q") {
  CHECK(go_quoted("a\"b\\\n\x01") == R"("a\"b\\\n\x01")");
}

TEST_CASE("UTF-8 is checked strictly") {
  CHECK(is_utf8("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb3"));
  CHECK(!is_utf8("\xc0\x80"));
  CHECK(!is_utf8("\xed\xa0\x80"));
  CHECK(!is_utf8("\xe2\x82"));
  CHECK(!is_utf8("\xf5\x80\x80\x80"));
}

TEST_CASE("base64 goes both ways and takes the URL alphabet") {
  CHECK(to_base64("a") == "YQ==");
  CHECK(to_base64("abc") == "YWJj");
  CHECK(from_base64("YQ") == "a");
  CHECK(from_base64("_-8=") == "\xff\xef");
  CHECK(!from_base64("a"));
  CHECK(!from_base64("!!!!"));
}

TEST_CASE("globs match as Go's path.Match") {
  CHECK(glob_matches("*.txt", "a.txt"));
  CHECK(!glob_matches("*.txt", "d/a.txt"));
  CHECK(glob_matches("a*b*c", "aXbYbZc"));
  CHECK(glob_matches("[a-c]?", "bz"));
  CHECK(!glob_matches("[^a-c]", "b"));
  CHECK(!glob_matches("[a", "a"));
  CHECK(!glob_matches(std::string(50, '*') + "b", std::string(5000, 'a')));
}

TEST_CASE("hexadecimal is lower case") {
  CHECK(to_hex("\x01\xab") == "01ab");
  CHECK(is_lower_hex("01ab"));
  CHECK(!is_lower_hex("AB"));
}

TEST_CASE("comparison without case needs equal lengths") {
  CHECK(equals_ignoring_case("Content-Type", "content-type"));
  CHECK(!equals_ignoring_case("a", "ab"));
}
