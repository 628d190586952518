#include "archive/tar_number.h"

#include <limits>

#include "base/text.h"

namespace drydock::archive {
namespace {

// GNU tar manual, "Extensions to Standard tar Format": two's complement, most significant byte first, bit 7 of the
// first byte being the mark and bit 6 the sign.
Result<std::int64_t> parse_base256(std::string_view field) {
  const bool negative = (static_cast<unsigned char>(field[0]) & 0x40) != 0;
  const unsigned char flip = negative ? 0xff : 0;
  std::uint64_t magnitude = 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    unsigned char byte = static_cast<unsigned char>(field[i]) ^ flip;
    if (i == 0) byte &= 0x7f;
    if (magnitude >> 56 != 0) return fail(invalid_tar_header());
    magnitude = magnitude << 8 | byte;
  }
  if (magnitude >> 63 != 0) return fail(invalid_tar_header());
  const auto number = static_cast<std::int64_t>(magnitude);
  return negative ? -number - 1 : number;
}

}  // namespace

Result<std::int64_t> parse_tar_number(std::string_view field) {
  if (!field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0) return parse_base256(field);
  constexpr std::string_view kPadding(" \0", 2);
  const std::size_t begin = field.find_first_not_of(kPadding);
  if (begin == std::string_view::npos) return std::int64_t{0};
  field = field.substr(begin);
  field = field.substr(0, field.find('\0'));
  field = field.substr(0, field.find_last_not_of(' ') + 1);
  const auto number = parse_unsigned(field, 8);
  if (!number || *number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    return fail(invalid_tar_header());
  }
  return static_cast<std::int64_t>(*number);
}

bool fits_in_octal(std::int64_t number, std::size_t width) {
  const std::size_t bits = (width - 1) * 3;
  return number >= 0 && (bits >= 63 || number >> bits == 0);
}

Error invalid_tar_header() {
  return make_error(ErrorKind::corrupt, "archive/tar: invalid tar header");
}

}  // namespace drydock::archive
