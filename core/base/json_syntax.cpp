#include "base/json_syntax.h"

#include "base/text.h"

namespace drydock {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_decimal(char c) {
  return c >= '0' && c <= '9';
}
bool is_hexadecimal(char c) {
  return is_decimal(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// A byte as a Go rune literal: 'x', '\n', '\''; bytes above 127 are taken for Latin-1, as Go does.
std::string quoted_byte(char c) {
  if (c == '\'') return R"('\'')";
  if (c == '"') return R"('"')";
  const auto byte = static_cast<unsigned char>(c);
  std::string text;
  if (byte < 0x80) {
    text = c;
  } else {
    text = {static_cast<char>(0xc0 | (byte >> 6)), static_cast<char>(0x80 | (byte & 0x3f))};
  }
  const std::string quoted = go_quoted(text);
  return concat('\'', std::string_view(quoted).substr(1, quoted.size() - 2), '\'');
}

/// Reads without keeping. Each part is false when it met an error, which is then in `message`.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool document() {
    if (!value()) return false;
    skip_space();
    return at_ == text_.size() || unexpected("after top-level value");
  }

  std::string message;

 private:
  bool value() {
    skip_space();
    if (at_ == text_.size()) return ended();
    switch (const char c = text_[at_]) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string();
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        return c == '-' || is_decimal(c) ? number() : unexpected("looking for beginning of value");
    }
  }

  bool object() {
    ++at_;
    if (take_after_space('}')) return true;
    for (;;) {
      skip_space();
      if (!is_at('"')) return unexpected("looking for beginning of object key string");
      if (!string()) return false;
      if (!take_after_space(':')) return unexpected("after object key");
      if (!value()) return false;
      if (take_after_space('}')) return true;
      if (!take(',')) return unexpected("after object key:value pair");
    }
  }

  bool array() {
    ++at_;
    if (take_after_space(']')) return true;
    for (;;) {
      if (!value()) return false;
      if (take_after_space(']')) return true;
      if (!take(',')) return unexpected("after array element");
    }
  }

  bool string() {
    ++at_;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"') return ++at_, true;
      if (static_cast<unsigned char>(c) < 0x20) return unexpected("in string literal");
      if (c == '\\' && !escape()) return false;
    }
    return ended();
  }

  /// Leaves the place at the last character of the escape.
  bool escape() {
    ++at_;
    if (is_at('u')) {
      for (int digit = 0; digit < 4; ++digit) {
        ++at_;
        if (at_ >= text_.size() || !is_hexadecimal(text_[at_]))
          return unexpected("in \\u hexadecimal character escape");
      }
      return true;
    }
    const bool known = at_ < text_.size() && std::string_view("bfnrt\\/\"").find(text_[at_]) != std::string_view::npos;
    return known || unexpected("in string escape code");
  }

  bool number() {
    take('-');
    if (!take('0') && !digits("in numeric literal")) return false;
    if (take('.') && !digits("after decimal point in numeric literal")) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits("in exponent of numeric literal");
  }

  bool digits(std::string_view where) {
    if (at_ >= text_.size() || !is_decimal(text_[at_])) return unexpected(where);
    while (at_ < text_.size() && is_decimal(text_[at_])) ++at_;
    return true;
  }

  bool literal(std::string_view word) {
    for (const char expected : word) {
      if (!take(expected)) return unexpected(concat("in literal ", word, " (expecting ", quoted_byte(expected), ")"));
    }
    return true;
  }

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool is_at(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!is_at(c)) return false;
    ++at_;
    return true;
  }
  bool take_after_space(char c) {
    skip_space();
    return take(c);
  }

  bool unexpected(std::string_view where) {
    if (at_ >= text_.size()) return ended();
    message = concat("invalid character ", quoted_byte(text_[at_]), ' ', where);
    return false;
  }
  bool ended() {
    message = "unexpected end of JSON input";
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<std::string> json_syntax_error(std::string_view text) {
  Scanner scanner(text);
  if (scanner.document()) return std::nullopt;
  return std::move(scanner.message);
}

}  // namespace drydock
