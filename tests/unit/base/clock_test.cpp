#include "base/clock.h"

#include <doctest/doctest.h>

using namespace drydock;

TEST_CASE("a timestamp prints as Go's RFC3339Nano does") {
  CHECK(to_rfc3339({1'714'564'800'500'000'000}) == "2024-05-01T12:00:00.5Z");
  CHECK(to_rfc3339({951'782'400 * kNanosPerSecond}) == "2000-02-29T00:00:00Z");
  CHECK(to_rfc3339({1}) == "1970-01-01T00:00:00.000000001Z");
  CHECK(to_rfc3339({-1}) == "1969-12-31T23:59:59.999999999Z");
}

TEST_CASE("the zero timestamp prints as Go's zero time") {
  CHECK(to_rfc3339({}) == "0001-01-01T00:00:00Z");
}

TEST_CASE("log times always have nine digits of fraction") {
  CHECK(to_rfc3339_nine_digits({1'714'564'800'500'000'000}) == "2024-05-01T12:00:00.500000000Z");
}

TEST_CASE("RFC 3339 with an offset is taken to UTC") {
  CHECK(parse_rfc3339("2024-05-01T14:00:00.5+02:00").value().ns == 1'714'564'800'500'000'000);
  CHECK(parse_rfc3339("0001-01-01T00:00:00Z").value().is_zero());
}

TEST_CASE("what is printed is read back") {
  for (std::int64_t ns : {1'000'000'000'000'000'001, 1'582'934'400'000'000'000, 4'102'444'799'999'999'999}) {
    CHECK(parse_rfc3339(to_rfc3339({ns})).value().ns == ns);
  }
}

TEST_CASE("a malformed time is refused") {
  for (const char* text : {"", "2024", "2024-13-01T00:00:00Z", "2024-05-01T24:00:00Z", "2024-05-01T00:00:00",
                           "2024-05-01T00:00:00.Z", "2024-05-01T00:00:00Zx", "9999-01-01T00:00:00Z"}) {
    CAPTURE(text);
    CHECK(!parse_rfc3339(text).ok());
  }
}

TEST_CASE("API times may be Unix seconds with a fraction") {
  CHECK(parse_api_time("1714564800.5").value().ns == 1'714'564'800'500'000'000);
  CHECK(parse_api_time("0").value().is_zero());
  CHECK(!parse_api_time("99999999999").ok());
  CHECK(!parse_api_time("soon").ok());
}
