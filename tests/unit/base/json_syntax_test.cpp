#include "base/json_syntax.h"

#include <doctest/doctest.h>

using namespace drydock;

namespace {
std::string error_of(std::string_view text) {
  return json_syntax_error(text).value_or("none");
}
}  // namespace

TEST_CASE("a text without a syntax error has none") {
  for (const char* text :
       {"{}", " [ ] ", R"({"a": [1, -0.5e+3, true, false, null, "x\u00e9\n"], "b": {}})", "0", "\"\xff\""}) {
    CAPTURE(text);
    CHECK(error_of(text) == "none");
  }
}

TEST_CASE("a syntax error is worded as Go words it") {
  struct Row {
    std::string_view text, error;
  };
  // The words of Go's encoding/json, scanner.go; tests/e2e compares some with the reference daemon's.
  static constexpr Row kRows[] = {
      {"", "unexpected end of JSON input"},
      {"{\"a\": ", "unexpected end of JSON input"},
      {"\"a", "unexpected end of JSON input"},
      {"<html>", "invalid character '<' looking for beginning of value"},
      {"[1,]", "invalid character ']' looking for beginning of value"},
      {"no", "invalid character 'o' in literal null (expecting 'u')"},
      {"trie", "invalid character 'i' in literal true (expecting 'u')"},
      {"{} {}", "invalid character '{' after top-level value"},
      {"01", "invalid character '1' after top-level value"},
      {"{a: 1}", "invalid character 'a' looking for beginning of object key string"},
      {"{\"a\": 1,}", "invalid character '}' looking for beginning of object key string"},
      {"{\"a\" 1}", "invalid character '1' after object key"},
      {"{\"a\": 1 \"b\"}", "invalid character '\"' after object key:value pair"},
      {"[1 2]", "invalid character '2' after array element"},
      {"\"a\nb\"", "invalid character '\\n' in string literal"},
      {"\"\\x\"", "invalid character 'x' in string escape code"},
      {"\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"},
      {"-x", "invalid character 'x' in numeric literal"},
      {"1.x", "invalid character 'x' after decimal point in numeric literal"},
      {"1ex", "invalid character 'x' in exponent of numeric literal"},
      {"'", "invalid character '\\'' looking for beginning of value"},
      {"\xff", "invalid character '\xc3\xbf' looking for beginning of value"},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.text);
    CHECK(error_of(row.text) == row.error);
  }
}
