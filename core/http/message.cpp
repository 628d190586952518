#include "http/message.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace drydock::http {

void Headers::set(std::string_view name, std::string value) {
  const auto same = [&](const auto& field) { return equals_ignoring_case(field.first, name); };
  const auto first = std::find_if(fields_.begin(), fields_.end(), same);
  if (first == fields_.end()) {
    fields_.emplace_back(std::string(name), std::move(value));
    return;
  }
  first->second = std::move(value);
  fields_.erase(std::remove_if(first + 1, fields_.end(), same), fields_.end());
}

std::optional<std::string> Headers::get(std::string_view name) const {
  for (const auto& field : fields_) {
    if (equals_ignoring_case(field.first, name)) return field.second;
  }
  return std::nullopt;
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  for (const auto& field : fields_) {
    if (!equals_ignoring_case(field.first, name)) continue;
    for (const std::string& item : split(field.second, ',')) {
      if (equals_ignoring_case(trim(item), token)) return true;
    }
  }
  return false;
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_, [&](const auto& field) { return equals_ignoring_case(field.first, name); });
}

namespace {

std::string decode_form(std::string_view text) {
  return percent_decode(replace_all(text, "+", " "));
}

}  // namespace

Query Query::parse(std::string_view text) {
  Query query;
  for (const std::string& piece : split(text, '&')) {
    if (piece.empty()) continue;
    const auto pair = split_once(piece, '=');
    if (pair) {
      query.pairs_.emplace_back(decode_form(pair->first), decode_form(pair->second));
    } else {
      query.pairs_.emplace_back(decode_form(piece), "");
    }
  }
  return query;
}

std::optional<std::string> Query::get(std::string_view name) const {
  for (const auto& pair : pairs_) {
    if (pair.first == name) return pair.second;
  }
  return std::nullopt;
}

std::string Query::get_or(std::string_view name, std::string_view fallback) const {
  auto value = get(name);
  return value ? std::move(*value) : std::string(fallback);
}

std::vector<std::string> Query::all(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& pair : pairs_) {
    if (pair.first == name) values.push_back(pair.second);
  }
  return values;
}

bool Query::flag(std::string_view name) const {
  const std::string value = to_lower(trim(get_or(name, "")));
  return !(value.empty() || value == "0" || value == "no" || value == "false" || value == "none");
}

void Responder::send(int status, std::string_view content_type, std::string_view body, Headers headers) {
  const bool bodiless = status == 204 || status == 304;  // RFC 9110 §15.3.5, §15.4.5
  if (!bodiless) {
    if (!content_type.empty()) headers.set("Content-Type", std::string(content_type));
    headers.set("Content-Length", std::to_string(body.size()));
  }
  start(status, std::move(headers));
  if (!bodiless && !body.empty()) write(body);
  finish();
}

std::string_view reason_phrase(int status) {
  struct Row {
    int status;
    std::string_view phrase;
  };
  static constexpr std::array kRows = {Row{100, "Continue"},
                                       Row{101, "Switching Protocols"},
                                       Row{200, "OK"},
                                       Row{201, "Created"},
                                       Row{202, "Accepted"},
                                       Row{203, "Non-Authoritative Information"},
                                       Row{204, "No Content"},
                                       Row{205, "Reset Content"},
                                       Row{206, "Partial Content"},
                                       Row{300, "Multiple Choices"},
                                       Row{301, "Moved Permanently"},
                                       Row{302, "Found"},
                                       Row{303, "See Other"},
                                       Row{304, "Not Modified"},
                                       Row{307, "Temporary Redirect"},
                                       Row{308, "Permanent Redirect"},
                                       Row{400, "Bad Request"},
                                       Row{401, "Unauthorized"},
                                       Row{402, "Payment Required"},
                                       Row{403, "Forbidden"},
                                       Row{404, "Not Found"},
                                       Row{405, "Method Not Allowed"},
                                       Row{406, "Not Acceptable"},
                                       Row{407, "Proxy Authentication Required"},
                                       Row{408, "Request Timeout"},
                                       Row{409, "Conflict"},
                                       Row{410, "Gone"},
                                       Row{411, "Length Required"},
                                       Row{412, "Precondition Failed"},
                                       Row{413, "Request Entity Too Large"},
                                       Row{414, "Request URI Too Long"},
                                       Row{415, "Unsupported Media Type"},
                                       Row{416, "Requested Range Not Satisfiable"},
                                       Row{417, "Expectation Failed"},
                                       Row{418, "I'm a teapot"},
                                       Row{421, "Misdirected Request"},
                                       Row{422, "Unprocessable Entity"},
                                       Row{423, "Locked"},
                                       Row{425, "Too Early"},
                                       Row{426, "Upgrade Required"},
                                       Row{428, "Precondition Required"},
                                       Row{429, "Too Many Requests"},
                                       Row{431, "Request Header Fields Too Large"},
                                       Row{451, "Unavailable For Legal Reasons"},
                                       Row{500, "Internal Server Error"},
                                       Row{501, "Not Implemented"},
                                       Row{502, "Bad Gateway"},
                                       Row{503, "Service Unavailable"},
                                       Row{504, "Gateway Timeout"},
                                       Row{505, "HTTP Version Not Supported"},
                                       Row{507, "Insufficient Storage"},
                                       Row{508, "Loop Detected"},
                                       Row{511, "Network Authentication Required"}};
  for (const Row& row : kRows) {
    if (row.status == status) return row.phrase;
  }
  return "";
}

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out.push_back(static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_unreserved(c) || keep.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    }
  }
  return out;
}

}  // namespace drydock::http
