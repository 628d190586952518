#include "engine/image_change_words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/text.h"

namespace drydock::engine {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

class WordReader {
 public:
  WordReader(std::string_view word, const std::vector<std::string>& env) : rest_(word), env_(env) {}

  Result<std::string> read(std::string_view stops = "") {
    std::string out;
    while (!rest_.empty() && stops.find(rest_.front()) == std::string_view::npos) {
      const char c = take();
      if (c == '\'') {
        TRY(read_single_quoted(out));
      } else if (c == '"') {
        TRY(read_double_quoted(out));
      } else if (c == '$') {
        out += TRY(read_variable());
      } else if (c == '\\' && !rest_.empty()) {
        out += take();
      } else if (c != '\\') {
        out += c;
      }
    }
    return out;
  }

 private:
  char take() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }

  static Failure<Error> ended(std::string_view what) {
    return fail(ErrorKind::invalid_argument, "unexpected end of statement while looking for matching ", what);
  }

  Result<void> read_single_quoted(std::string& out) {
    const std::size_t end = rest_.find('\'');
    if (end == std::string_view::npos) return ended("single-quote");
    out += rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return {};
  }

  Result<void> read_double_quoted(std::string& out) {
    while (!rest_.empty()) {
      const char c = take();
      if (c == '"') return {};
      if (c == '$') {
        out += TRY(read_variable());
      } else if (c == '\\' && !rest_.empty() &&
                 std::string_view("\"$\\").find(rest_.front()) != std::string_view::npos) {
        out += take();
      } else {
        out += c;
      }
    }
    return ended("double-quote");
  }

  std::string take_name() {
    std::string name;
    if (!rest_.empty() && is_digit(rest_.front())) return std::string(1, take());
    while (!rest_.empty() && (is_name_start(rest_.front()) || is_digit(rest_.front()))) name += take();
    return name;
  }

  std::optional<std::string> value_of(std::string_view name) const {
    for (auto entry = env_.rbegin(); entry != env_.rend(); ++entry) {
      const auto pair = split_once(*entry, '=');
      if (pair && pair->first == name) return std::string(pair->second);
    }
    return std::nullopt;
  }

  Result<std::string> read_variable() {
    if (rest_.empty() || rest_.front() != '{') {
      const std::string name = take_name();
      return name.empty() ? std::string("$") : value_of(name).value_or("");
    }
    take();
    const std::string name = take_name();
    if (name.empty() || rest_.empty()) return fail(ErrorKind::invalid_argument, "syntax error: missing '}'");
    const auto value = value_of(name);
    if (rest_.front() == '}') {
      take();
      return value.value_or("");
    }
    if (!rest_.starts_with(":-") && !rest_.starts_with(":+")) {
      return fail(ErrorKind::invalid_argument, "unsupported modifier (", rest_.substr(0, 2), ") in substitution");
    }
    const bool alternative = rest_[1] == '+';
    rest_.remove_prefix(2);
    const std::string word = TRY(read("}"));
    if (rest_.empty()) return fail(ErrorKind::invalid_argument, "syntax error: missing '}'");
    take();
    const bool set = value && !value->empty();
    if (alternative) return set ? word : std::string();
    return set ? *value : word;
  }

  std::string_view rest_;
  const std::vector<std::string>& env_;
};

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quote == 0 && is_blank(c)) {
      if (in_word) words.push_back(std::exchange(word, {}));
      in_word = false;
      continue;
    }
    in_word = true;
    word += c;
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else if (quote != 0 ? c == quote : (c == '"' || c == '\'')) {
      quote = quote == 0 ? c : 0;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

Result<std::string> process_word(std::string_view word, const std::vector<std::string>& env) {
  auto text = WordReader(word, env).read();
  if (!text.ok()) return with_context(concat("failed to process ", go_quoted(word)), std::move(text).error());
  return text;
}

Result<std::int64_t> parse_go_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::int64_t ns;
  };
  static constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                                  {"us", 1'000},
                                                  {"µs", 1'000},
                                                  {"ms", 1'000'000},
                                                  {"s", 1'000'000'000},
                                                  {"m", 60'000'000'000},
                                                  {"h", 3'600'000'000'000},
                                                  {"", 0}}};
  const auto invalid = fail(ErrorKind::invalid_argument, "time: invalid duration ", go_quoted(text));
  std::string_view rest = text;
  if (rest == "0") return std::int64_t{0};
  std::int64_t total = 0;
  do {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto whole = digits == 0 ? std::optional<std::int64_t>(0) : parse_i64(rest.substr(0, digits));
    rest.remove_prefix(digits);
    std::string_view fraction;
    if (rest.starts_with('.')) {
      const std::size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
      fraction = rest.substr(1, end - 1);
      rest.remove_prefix(end);
    }
    const std::string_view name = rest.substr(0, std::min(rest.find_first_of(".0123456789"), rest.size()));
    const Unit* unit = kUnits.data();
    while (!unit->name.empty() && unit->name != name) ++unit;
    if (!whole || unit->ns == 0 || (digits == 0 && fraction.empty())) return invalid;
    std::int64_t part = 0;
    if (__builtin_mul_overflow(*whole, unit->ns, &part) || __builtin_add_overflow(total, part, &total)) return invalid;
    std::int64_t scale = unit->ns;
    for (const char digit : fraction.substr(0, 18)) total += (scale /= 10) * (digit - '0');
    rest.remove_prefix(name.size());
  } while (!rest.empty());
  return total;
}

}  // namespace drydock::engine
