#pragma once
// Small text work that every room needs: joining, splitting, numbers, hexadecimal, quoting.
// Byte sequences are std::string and std::string_view throughout Drydock; text is UTF-8.

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drydock {

namespace text_detail {
inline void append_part(std::string& out, std::string_view part) {
  out.append(part);
}
inline void append_part(std::string& out, char part) {
  out.push_back(part);
}
template <std::integral N>
requires(!std::same_as<N, char> && !std::same_as<N, bool>) void append_part(std::string& out, N part) {
  out.append(std::to_string(part));
}
}  // namespace text_detail

/// All parts one after another: strings, characters, integers.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (text_detail::append_part(out, parts), ...);
  return out;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator);
/// "a,,b" gives three parts; "" gives one empty part.
std::vector<std::string> split(std::string_view text, char separator);
/// The parts before and after the first separator, or nothing where there is none.
std::optional<std::pair<std::string_view, std::string_view>> split_once(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);                        // ASCII only
std::string to_upper(std::string_view text);                        // ASCII only
bool equals_ignoring_case(std::string_view a, std::string_view b);  // ASCII only
std::string replace_all(std::string_view text, std::string_view what, std::string_view with);

/// The whole text as a decimal number; nothing on any other character, on overflow, on empty text.
std::optional<std::uint64_t> parse_u64(std::string_view text);
std::optional<std::int64_t> parse_i64(std::string_view text);
/// Base 8 or 16 without prefix.
std::optional<std::uint64_t> parse_unsigned(std::string_view text, int base);

/// Lower-case hexadecimal of each byte.
std::string to_hex(std::string_view bytes);
bool is_lower_hex(std::string_view text);

/// The text as Go's %q prints it: double quotes, escapes for control characters.
std::string go_quoted(std::string_view text);

/// True for well-formed UTF-8 (RFC 3629).
bool is_utf8(std::string_view text);

/// RFC 4648 §4 with padding; the decoder also takes the URL alphabet and missing padding.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

/// '*', '?' and '[a-z]' as path.Match of Go has them; '*' does not match '/'.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace drydock
