#include "base/random.h"

#include <doctest/doctest.h>

using namespace drydock;

TEST_CASE("the same seed gives the same ids on every platform") {
  SeededRandom random(42);
  CHECK(random.hex_id(16) == SeededRandom(42).hex_id(16));
  CHECK(SeededRandom(42).hex_id(4) != SeededRandom(43).hex_id(4));
}

TEST_CASE("below() stays below its bound and reaches every value") {
  SeededRandom random(1);
  std::array<int, 5> seen{};
  for (int i = 0; i < 500; ++i) ++seen.at(random.below(5));
  for (int count : seen) CHECK(count > 50);
}
