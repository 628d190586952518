#include "base/stream.h"

#include <doctest/doctest.h>

#include <array>

using namespace drydock;

TEST_CASE("a string source is read in pieces and ends") {
  StringSource source("hello");
  std::array<char, 3> buffer{};
  CHECK(source.read(buffer).value() == 3);
  CHECK(!source.ended());
  CHECK(source.read(buffer).value() == 2);
  CHECK(std::string_view(buffer.data(), 2) == "lo");
  CHECK(source.ended());
}
