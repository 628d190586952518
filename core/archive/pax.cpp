#include "archive/pax.h"

#include <algorithm>

#include "archive/tar_number.h"
#include "base/clock.h"
#include "base/text.h"

namespace drydock::archive {
namespace {

// Names end at a NUL wherever they are used, so one inside would make two readers see two names.
bool is_name_key(std::string_view key) {
  return key == "path" || key == "linkpath" || key == "uname" || key == "gname" || key == "GNU.sparse.name";
}

bool is_valid_record(std::string_view key, std::string_view value) {
  if (key.empty() || key.find('\0') != std::string_view::npos) return false;
  return !is_name_key(key) || value.find('\0') == std::string_view::npos;
}

}  // namespace

Result<TarRecords> parse_pax_records(std::string_view header) {
  TarRecords records;
  while (!header.empty()) {
    const std::size_t blank = header.find(' ');
    if (blank == std::string_view::npos) return fail(invalid_tar_header());
    const auto length = parse_u64(header.substr(0, blank));
    if (!length || *length < blank + 2 || *length > header.size()) return fail(invalid_tar_header());
    const std::string_view record = header.substr(blank + 1, static_cast<std::size_t>(*length) - blank - 1);
    if (record.back() != '\n') return fail(invalid_tar_header());
    const auto parts = split_once(record.substr(0, record.size() - 1), '=');
    if (!parts || !is_valid_record(parts->first, parts->second)) return fail(invalid_tar_header());
    if (records.size() == kPaxRecordsMax) return fail(ErrorKind::too_large, "archive/tar: too many pax records");
    records.emplace_back(parts->first, parts->second);
    header.remove_prefix(static_cast<std::size_t>(*length));
  }
  return records;
}

void append_pax_record(std::string& header, std::string_view key, std::string_view value) {
  const std::size_t rest = 3 + key.size() + value.size();  // ' ', '=', '\n'
  std::size_t length = rest + std::to_string(rest).size();
  // The length counts its own digits, and may have got one more by that.
  length = rest + std::to_string(length).size();
  header += concat(length, ' ', key, '=', value, '\n');
}

Result<std::int64_t> parse_pax_time(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = std::min(text.find('.'), text.size());
  const auto seconds = parse_u64(text.substr(0, dot));
  constexpr std::uint64_t kSecondsMax = 9'223'372'035;  // with any fraction still within 63 bits of ns
  if (!seconds || *seconds > kSecondsMax) return fail(invalid_tar_header());
  std::string_view fraction = dot == text.size() ? std::string_view() : text.substr(dot + 1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!std::all_of(fraction.begin(), fraction.end(), is_digit)) return fail(invalid_tar_header());
  fraction = fraction.substr(0, 9);
  std::int64_t ns = 0;
  for (std::size_t i = 0; i < 9; ++i) ns = ns * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  ns += static_cast<std::int64_t>(*seconds) * kNanosPerSecond;
  return negative ? -ns : ns;
}

std::string format_pax_time(std::int64_t time_ns) {
  const bool negative = time_ns < 0;
  // Unsigned, so that the smallest number has its opposite.
  const std::uint64_t magnitude =
      negative ? 0 - static_cast<std::uint64_t>(time_ns) : static_cast<std::uint64_t>(time_ns);
  std::string text = concat(negative ? "-" : "", magnitude / kNanosPerSecond);
  const std::uint64_t fraction = magnitude % kNanosPerSecond;
  if (fraction == 0) return text;
  std::string digits = std::to_string(kNanosPerSecond + fraction).substr(1);
  digits.erase(digits.find_last_not_of('0') + 1);
  return text + "." + digits;
}

}  // namespace drydock::archive
