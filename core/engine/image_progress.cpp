#include "engine/image_progress.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "base/text.h"

namespace drydock::engine {

namespace {

constexpr std::string_view kLineEnd = "\r\n";
constexpr std::size_t kBarWidth = 50;

std::string finish_line(const Json& json) {
  return escape_html(to_json_text(json)) + std::string(kLineEnd);
}

/// `value` divided by 10^`digits`, to four significant digits, without trailing zeros: Go's %.4g for numbers below
/// 1000.
std::string four_digits(std::uint64_t value, unsigned digits) {
  std::uint64_t unit = 1;
  for (unsigned i = 0; i < digits; ++i) unit *= 10;
  unsigned fraction_digits = value / unit >= 100 ? 1 : value / unit >= 10 ? 2 : 3;
  fraction_digits = std::min(fraction_digits, digits);
  std::uint64_t dropped = 1;
  for (unsigned i = fraction_digits; i < digits; ++i) dropped *= 10;
  const std::uint64_t rounded = value / dropped + (value % dropped * 2 >= dropped && dropped > 1 ? 1 : 0);
  std::uint64_t scale = 1;
  for (unsigned i = 0; i < fraction_digits; ++i) scale *= 10;
  std::string text = std::to_string(rounded / scale);
  std::string fraction = std::to_string(rounded % scale);
  fraction.insert(0, fraction_digits - std::min<std::size_t>(fraction_digits, fraction.size()), '0');
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  return fraction.empty() ? text : concat(text, '.', fraction);
}

std::string pad_left(std::string text, std::size_t width) {
  return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace

std::string status_line(std::string_view text, std::string_view id) {
  Json line = {{"status", text}};
  if (!id.empty()) line["id"] = id;
  return finish_line(line);
}

std::string action_line(std::string_view id, std::string_view action) {
  return finish_line({{"status", action}, {"progressDetail", Json::object()}, {"id", id}});
}

std::string progress_line(std::string_view id, std::string_view action, std::uint64_t current, std::uint64_t total) {
  Json detail = Json::object();
  if (current > 0) detail["current"] = current;
  if (total > 0) detail["total"] = total;
  Json line = {{"status", action}, {"progressDetail", detail}};
  if (current > 0 || total > 0) line["progress"] = progress_bar(current, total);
  line["id"] = id;
  return finish_line(line);
}

std::string stream_line(std::string_view text) {
  return finish_line({{"stream", text}});
}

std::string aux_line(std::string_view aux) {
  return concat("{\"progressDetail\":{},\"aux\":", escape_html(aux), "}", kLineEnd);
}

std::string error_line(const Error& error) {
  Json detail = Json::object();
  if (error.kind == ErrorKind::unauthorized) detail["code"] = 401;
  detail["message"] = error.message;
  return finish_line({{"errorDetail", detail}, {"error", error.message}});
}

std::string human_size(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 7> kUnits = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
  std::size_t unit = 0;
  std::uint64_t size = 1;
  while (unit + 1 < kUnits.size() && bytes / size >= 1000) {
    size *= 1000;
    ++unit;
  }
  return concat(four_digits(bytes, static_cast<unsigned>(unit * 3)), kUnits[unit]);
}

std::string progress_bar(std::uint64_t current, std::uint64_t total) {
  if (total == 0) return current == 0 ? "" : pad_left(human_size(current), 8);
  // Two percent a column. A layer may turn out larger than was announced, and a size may be any number.
  const std::uint64_t percent = current >= total           ? 100
                                : total > UINT64_MAX / 100 ? current / (total / 100)
                                                           : current * 100 / total;
  const std::size_t filled = static_cast<std::size_t>(percent / 2);
  std::string text = "[";
  text.append(filled, '=').append(">").append(kBarWidth - filled, ' ').append("] ");
  text += pad_left(human_size(current), 8);
  if (current <= total) text += concat('/', human_size(total));
  return text;
}

std::string escape_html(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else if (c == '>') {
      out += "\\u003e";
    } else if (c == '&') {
      out += "\\u0026";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace drydock::engine
