#pragma once
// Time as data, and the Clock port: core never asks the system for the time itself.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace drydock {

inline constexpr std::int64_t kNanosPerMilli = 1'000'000;
inline constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

/// A point in time: ns since 1970-01-01T00:00:00 UTC. Zero means "never" and prints as Go's zero time.
struct Timestamp {
  std::int64_t ns = 0;

  bool is_zero() const { return ns == 0; }
  std::int64_t seconds() const { return ns / kNanosPerSecond; }
  friend bool operator==(Timestamp, Timestamp) = default;
  friend std::strong_ordering operator<=>(Timestamp, Timestamp) = default;
};

/// The backend's clock. The simulated one is virtual: it moves with instructions, not with the wall.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time.
  virtual Timestamp now() const = 0;
  /// For deadlines and durations: ns since some fixed point, never goes backwards.
  virtual std::int64_t monotonic_ns() const = 0;
};

/// RFC 3339 with nanoseconds and no trailing zeros, in UTC, as Go's time.RFC3339Nano:
/// "2024-05-01T12:00:00.5Z"; "0001-01-01T00:00:00Z" for the zero timestamp.
std::string to_rfc3339(Timestamp time);
/// The same with always nine digits of fraction, as the json-file log driver and `docker logs -t` print it.
std::string to_rfc3339_nine_digits(Timestamp time);
/// Takes 'Z' and numeric offsets, any number of fraction digits up to nine.
Result<Timestamp> parse_rfc3339(std::string_view text);
/// What Docker's since/until query parameters allow: "seconds[.nanoseconds]" or RFC 3339.
Result<Timestamp> parse_api_time(std::string_view text);

/// A clock that only moves when told: for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(std::int64_t start_ns = 1'700'000'000 * kNanosPerSecond) : now_ns_(start_ns) {}
  Timestamp now() const override { return {now_ns_}; }
  std::int64_t monotonic_ns() const override { return now_ns_; }
  void advance_ns(std::int64_t ns) { now_ns_ += ns; }

 private:
  std::int64_t now_ns_;
};

}  // namespace drydock
