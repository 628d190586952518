#include "registry/challenge.h"

#include "base/text.h"

namespace drydock::registry {

namespace {

bool is_token_character(char c) {
  static constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

/// Reads a field from left to right; every take leaves what follows.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  bool at_end() const { return text_.empty(); }
  void skip_spaces() { skip(" \t"); }
  void skip_separators() { skip(" \t,"); }
  bool take(char wanted) {
    if (text_.empty() || text_.front() != wanted) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::string_view take_token() {
    std::size_t length = 0;
    while (length < text_.size() && is_token_character(text_[length])) ++length;
    const std::string_view token = text_.substr(0, length);
    text_.remove_prefix(length);
    return token;
  }
  /// After the opening quote. Nothing if the closing one is missing.
  std::optional<std::string> take_quoted() {
    std::string value;
    for (std::size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '"') {
        text_.remove_prefix(i + 1);
        return value;
      }
      if (text_[i] == '\\' && i + 1 < text_.size()) ++i;
      value.push_back(text_[i]);
    }
    return std::nullopt;
  }
  /// "name=value" comes next, rather than the scheme of another challenge.
  bool at_parameter() const {
    Reader ahead = *this;
    if (ahead.take_token().empty()) return false;
    ahead.skip_spaces();
    return ahead.take('=');
  }

 private:
  void skip(std::string_view what) {
    const std::size_t first = text_.find_first_not_of(what);
    text_ = first == std::string_view::npos ? std::string_view() : text_.substr(first);
  }

  std::string_view text_;
};

/// False if the rest of the field makes no sense.
bool read_challenge(Reader& reader, std::vector<Challenge>& out) {
  const std::string_view scheme = reader.take_token();
  if (scheme.empty()) return false;
  Challenge challenge;
  challenge.scheme = to_lower(scheme);
  reader.skip_spaces();
  while (reader.at_parameter()) {
    const std::string name = to_lower(reader.take_token());
    reader.skip_spaces();
    reader.take('=');
    reader.skip_spaces();
    std::string value;
    if (reader.take('"')) {
      auto quoted = reader.take_quoted();
      if (!quoted) return false;
      value = std::move(*quoted);
    } else {
      value = std::string(reader.take_token());
    }
    challenge.parameters.emplace_back(name, std::move(value));
    reader.skip_separators();
  }
  out.push_back(std::move(challenge));
  return true;
}

}  // namespace

std::string Challenge::get(std::string_view name) const {
  for (const auto& parameter : parameters) {
    if (parameter.first == name) return parameter.second;
  }
  return "";
}

std::vector<Challenge> parse_challenges(const http::Headers& headers) {
  std::vector<Challenge> challenges;
  for (const auto& field : headers.fields()) {
    if (!equals_ignoring_case(field.first, "WWW-Authenticate")) continue;
    Reader reader(field.second);
    reader.skip_separators();
    while (!reader.at_end() && challenges.size() < kChallengesMax && read_challenge(reader, challenges)) {
      reader.skip_separators();
    }
  }
  return challenges;
}

}  // namespace drydock::registry
