#include "base/clock.h"

#include "base/text.h"

namespace drydock {

namespace {

// Days since 1970-01-01 to and from the proleptic Gregorian calendar, by the well-known era arithmetic
// (a year that starts in March makes the leap day the last of the year).
struct Date {
  std::int64_t year;
  unsigned month;
  unsigned day;
};

std::int64_t days_from(Date date) {
  const std::int64_t y = date.month <= 2 ? date.year - 1 : date.year;
  const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
  const std::int64_t year_of_era = y - era * 400;
  const std::int64_t month = (date.month + 9) % 12;
  const std::int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

Date date_from(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * month + 2) / 5 + 1);
  const auto civil_month = static_cast<unsigned>(month < 10 ? month + 3 : month - 9);
  return {year_of_era + era * 400 + (civil_month <= 2 ? 1 : 0), civil_month, day};
}

std::string padded(std::int64_t value, std::size_t width) {
  std::string digits = std::to_string(value);
  return digits.size() >= width ? digits : std::string(width - digits.size(), '0') + digits;
}

enum class Fraction { shortest, nine_digits };

std::string format(Timestamp time, Fraction fraction) {
  if (time.is_zero()) return fraction == Fraction::shortest ? "0001-01-01T00:00:00Z" : "0001-01-01T00:00:00.000000000Z";
  std::int64_t seconds = time.ns / kNanosPerSecond;
  std::int64_t nanos = time.ns % kNanosPerSecond;
  if (nanos < 0) {
    nanos += kNanosPerSecond;
    --seconds;
  }
  std::int64_t days = seconds / 86400;
  std::int64_t in_day = seconds % 86400;
  if (in_day < 0) {
    in_day += 86400;
    --days;
  }
  const Date date = date_from(days);
  std::string out = concat(padded(date.year, 4), '-', padded(date.month, 2), '-', padded(date.day, 2), 'T',
                           padded(in_day / 3600, 2), ':', padded(in_day / 60 % 60, 2), ':', padded(in_day % 60, 2));
  std::string digits = padded(nanos, 9);
  if (fraction == Fraction::shortest) digits.erase(digits.find_last_not_of('0') + 1);
  if (!digits.empty()) out += "." + digits;
  return out + "Z";
}

/// Reads exactly `width` digits from the front.
std::optional<std::int64_t> take_number(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  const auto value = parse_u64(text.substr(0, width));
  if (!value) return std::nullopt;
  text.remove_prefix(width);
  return static_cast<std::int64_t>(*value);
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

/// ".5" is 500,000,000 ns. At most nine digits.
std::optional<std::int64_t> take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  std::size_t width = 0;
  while (width < text.size() && text[width] >= '0' && text[width] <= '9') ++width;
  if (width == 0 || width > 9) return std::nullopt;
  std::int64_t value = *take_number(text, width);
  for (std::size_t i = width; i < 9; ++i) value *= 10;
  return value;
}

std::optional<std::int64_t> take_offset_seconds(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  const bool west = !text.empty() && text.front() == '-';
  if (!take(text, '+') && !take(text, '-')) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || !take(text, ':')) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return west ? -seconds : seconds;
}

std::optional<Timestamp> scan_rfc3339(std::string_view text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, '-')) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, '-')) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || (!take(text, 'T') && !take(text, 't') && !take(text, ' '))) return std::nullopt;
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ':')) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ':')) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *month < 1 || *month > 12 || *day < 1 || *day > 31) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto nanos = take_fraction(text);
  const auto offset = take_offset_seconds(text);
  if (!nanos || !offset || !text.empty()) return std::nullopt;
  const std::int64_t days = days_from({*year, static_cast<unsigned>(*month), static_cast<unsigned>(*day)});
  const std::int64_t seconds = days * 86400 + *hour * 3600 + *minute * 60 + *second - *offset;
  // Beyond these years nanoseconds overflow 64 bits; Go's zero time (year 1) stands for "never".
  if (*year < 1678 || *year > 2261) return *year == 1 ? std::optional(Timestamp{}) : std::nullopt;
  return Timestamp{seconds * kNanosPerSecond + *nanos};
}

}  // namespace

std::string to_rfc3339(Timestamp time) {
  return format(time, Fraction::shortest);
}
std::string to_rfc3339_nine_digits(Timestamp time) {
  return format(time, Fraction::nine_digits);
}

Result<Timestamp> parse_rfc3339(std::string_view text) {
  if (auto time = scan_rfc3339(text)) return *time;
  return fail(ErrorKind::invalid_argument, "invalid time ", go_quoted(text), ": not RFC 3339");
}

Result<Timestamp> parse_api_time(std::string_view text) {
  if (auto time = scan_rfc3339(text)) return *time;
  std::string_view rest = text;
  std::size_t width = rest.find_first_not_of("0123456789");
  width = width == std::string_view::npos ? rest.size() : width;
  constexpr std::int64_t kSecondsMax = 9'000'000'000;  // year 2255: seconds that still fit 64-bit ns
  if (width > 0 && width <= 10) {
    const auto seconds = take_number(rest, width);
    const auto nanos = take_fraction(rest);
    if (seconds && nanos && rest.empty() && *seconds <= kSecondsMax) {
      return Timestamp{*seconds * kNanosPerSecond + *nanos};
    }
  }
  return fail(ErrorKind::invalid_argument, "invalid time ", go_quoted(text), ": neither Unix time nor RFC 3339");
}

}  // namespace drydock
