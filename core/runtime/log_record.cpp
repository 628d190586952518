#include "runtime/log_record.h"

#include <algorithm>

#include "base/text.h"

namespace drydock::runtime {

namespace {

constexpr std::size_t kAttributesMax = 1000;
constexpr std::size_t kConsumedMax = 64 * 1024;  // what a cursor keeps of read bytes before it moves the rest forward

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return static_cast<std::uint8_t>(text[at]);
}

/// Bytes of the UTF-8 sequence that starts here (RFC 3629); 0 when it is none.
std::size_t sequence_length(std::string_view text, std::size_t at) {
  const std::uint8_t lead = byte_at(text, at);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || at + length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, at + i) & 0xc0) != 0x80) return 0;
  }
  if (length < 3) return length;
  const std::uint8_t second = byte_at(text, at + 1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool beyond = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);  // surrogates, U+10FFFF
  return overlong || beyond ? 0 : length;
}

void append_escaped_ascii(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto byte = static_cast<std::uint8_t>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\r') {
    out += "\\r";
  } else if (byte < 0x20 || c == '<' || c == '>' || c == '&') {
    out += "\\u00";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  } else {
    out += c;
  }
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    if (byte_at(text, at) < 0x80) {
      append_escaped_ascii(out, text[at++]);
      continue;
    }
    const std::size_t length = sequence_length(text, at);
    const std::string_view rune = text.substr(at, length);
    if (length == 0) {
      out += "\\ufffd";
    } else if (rune == "\xe2\x80\xa8" || rune == "\xe2\x80\xa9") {  // line separators, which JavaScript minds
      out += rune.back() == '\xa8' ? "\\u2028" : "\\u2029";
    } else {
      out += rune;
    }
    at += std::max<std::size_t>(length, 1);
  }
  out += '"';
}

void append_utf8(std::string& out, std::uint32_t rune) {
  if (rune < 0x80) {
    out += static_cast<char>(rune);
  } else if (rune < 0x800) {
    out += static_cast<char>(0xc0 | (rune >> 6));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else if (rune < 0x10000) {
    out += static_cast<char>(0xe0 | (rune >> 12));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (rune >> 18));
    out += static_cast<char>(0x80 | ((rune >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((rune >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (rune & 0x3f));
  }
}

/// Reads the JSON of one record: an object of strings, and "attrs", an object of strings. Written out because a log has
/// millions of them; anything else makes it fail.
class RecordReader {
 public:
  explicit RecordReader(std::string_view text) : text_(text) {}

  std::optional<LogRecord> record() {
    LogRecord out;
    out.stream.clear();
    bool has_time = false;
    if (!take('{')) return std::nullopt;
    for (bool first = true; !take('}'); first = false) {
      std::string name, value;
      if ((!first && !take(',')) || !string(name) || !take(':')) return std::nullopt;
      if (name == "attrs") {
        if (!attributes(out)) return std::nullopt;
        continue;
      }
      if (!string(value)) return std::nullopt;
      if (name == "log") {
        out.log = std::move(value);
      } else if (name == "stream") {
        out.stream = std::move(value);
      } else if (name == "time") {
        const auto time = parse_rfc3339(value);
        if (!time.ok()) return std::nullopt;
        out.time = *time;
        has_time = true;
      }
    }
    skip_space();
    if (!has_time || at_ != text_.size()) return std::nullopt;
    return out;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }

  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  bool attributes(LogRecord& out) {
    if (!take('{')) return false;
    for (bool first = true; !take('}'); first = false) {
      std::string name, value;
      if ((!first && !take(',')) || !string(name) || !take(':') || !string(value)) return false;
      if (out.attributes.size() >= kAttributesMax) return false;
      out.attributes.emplace_back(std::move(name), std::move(value));
    }
    return true;
  }

  bool string(std::string& out) {
    if (!take('"')) return false;
    while (at_ < text_.size()) {
      const std::size_t plain = text_.find_first_of("\"\\", at_);
      if (plain == std::string_view::npos) return false;
      out += text_.substr(at_, plain - at_);
      at_ = plain + 1;
      if (text_[plain] == '"') return true;
      if (!escape(out)) return false;
    }
    return false;
  }

  bool escape(std::string& out) {
    if (at_ >= text_.size()) return false;
    const char c = text_[at_++];
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (const std::size_t index = kNames.find(c); index != std::string_view::npos) {
      out += kValues[index];
      return true;
    }
    std::uint32_t rune = 0;
    if (c != 'u' || !four_digits(rune)) return false;
    if (rune >= 0xd800 && rune < 0xdc00) rune = surrogate_pair(rune);
    if (rune >= 0xd800 && rune < 0xe000) rune = 0xfffd;  // one without its other half
    append_utf8(out, rune);
    return true;
  }

  bool four_digits(std::uint32_t& rune) {
    const auto value = parse_unsigned(text_.substr(at_, 4), 16);
    if (at_ + 4 > text_.size() || !value) return false;
    rune = static_cast<std::uint32_t>(*value);
    at_ += 4;
    return true;
  }

  std::uint32_t surrogate_pair(std::uint32_t high) {
    const std::size_t before = at_;
    std::uint32_t low = 0;
    if (text_.substr(at_, 2) == "\\u") {
      at_ += 2;
      if (four_digits(low) && low >= 0xdc00 && low < 0xe000) return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
    at_ = before;
    return high;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Where to cut a line that is too long: not within a character, so that both pieces are text.
std::size_t cut_position(std::string_view text) {
  for (std::size_t back = 0; back < 4; ++back) {
    const std::size_t at = kLogPieceMax - back;
    if (at < text.size() && (byte_at(text, at) & 0xc0) != 0x80) return at;
  }
  return kLogPieceMax;
}

}  // namespace

std::string encode_log_record(const LogRecord& record) {
  std::string out = "{";
  if (!record.log.empty()) {
    out += "\"log\":";
    append_string(out, record.log);
    out += ',';
  }
  out += "\"stream\":";
  append_string(out, record.stream);
  if (!record.attributes.empty()) {
    out += ",\"attrs\":{";
    for (const auto& [name, value] : record.attributes) {
      if (out.back() != '{') out += ',';
      append_string(out, name);
      out += ':';
      append_string(out, value);
    }
    out += '}';
  }
  out += ",\"time\":\"" + to_rfc3339(record.time) + "\"}\n";
  return out;
}

std::optional<LogRecord> decode_log_record(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.size() > kLogLineMax) return std::nullopt;
  return RecordReader(line).record();
}

std::vector<std::string> LogSplitter::push(std::string_view bytes) {
  std::vector<std::string> out;
  pending_.append(bytes);
  std::size_t start = 0;
  while (start < pending_.size()) {
    const std::string_view rest = std::string_view(pending_).substr(start);
    const std::size_t newline = rest.substr(0, kLogPieceMax).find('\n');
    std::size_t length = 0;
    if (newline != std::string_view::npos) {
      length = newline + 1;
    } else if (rest.size() > kLogPieceMax) {
      length = cut_position(rest);
    } else {
      break;
    }
    out.emplace_back(rest.substr(0, length));
    start += length;
  }
  pending_.erase(0, start);
  return out;
}

std::optional<std::string> LogSplitter::finish() {
  if (pending_.empty()) return std::nullopt;
  std::string rest;
  rest.swap(pending_);
  return rest;
}

std::optional<LogRecord> LogCursor::next() {
  while (true) {
    const std::size_t newline = buffer_.find('\n', at_);
    if (newline == std::string::npos) {
      // No record is that long: drop what is there, and the rest when it comes.
      if (buffer_.size() - at_ > kLogLineMax) {
        offset_ += buffer_.size() - at_;
        buffer_.clear();
        at_ = 0;
        overlong_ = true;
      }
      return std::nullopt;
    }
    const std::string_view line = std::string_view(buffer_).substr(at_, newline - at_);
    std::optional<LogRecord> record;
    if (!overlong_) record = decode_log_record(line);
    overlong_ = false;
    offset_ += newline + 1 - at_;
    at_ = newline + 1;
    if (at_ > kConsumedMax) {
      buffer_.erase(0, at_);
      at_ = 0;
    }
    if (record) return record;
    ++skipped_;
  }
}

}  // namespace drydock::runtime
