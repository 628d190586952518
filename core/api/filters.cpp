#include "api/filters.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "engine/image_change_words.h"

namespace drydock::api {

Result<Filters> Filters::parse(std::string_view json, ErrorKind broken) {
  Filters filters;
  if (json.empty()) return filters;
  auto parsed = parse_json(json);
  if (!parsed.ok()) return fail(broken, parsed.error().message);
  const Json& object = *parsed;
  if (object.is_null()) return filters;
  if (!object.is_object()) return fail(broken, "invalid filter");
  for (const auto& [name, values] : object.items()) {
    std::vector<std::string>& list = filters.values_[name];
    if (values.is_object()) {
      for (const auto& member : values.items()) list.push_back(member.key());
    } else if (values.is_array()) {
      for (const Json& value : values) {
        if (!value.is_string()) return fail(broken, "invalid filter");
        list.push_back(value.get<std::string>());
      }
    } else {
      return fail(broken, "invalid filter");
    }
    std::sort(list.begin(), list.end());
  }
  return filters;
}

void Filters::add(std::string_view name, std::string value) {
  std::vector<std::string>& list = values_[std::string(name)];
  list.insert(std::upper_bound(list.begin(), list.end(), value), std::move(value));
}

std::vector<std::string> Filters::get(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<void> Filters::allow(std::initializer_list<std::string_view> names) const {
  for (const auto& [name, values] : values_) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return fail(ErrorKind::invalid_argument, "Invalid filter '", name, "'");
    }
  }
  return {};
}

bool Filters::matches_exactly(std::string_view name, std::string_view value) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return true;
  return std::find(found->second.begin(), found->second.end(), value) != found->second.end();
}

bool Filters::matches_prefix(std::string_view name, std::string_view value) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return true;
  return std::any_of(found->second.begin(), found->second.end(),
                     [value](const std::string& wanted) { return value.starts_with(wanted); });
}

bool Filters::label_is(std::string_view wanted, std::string_view key, std::string_view value) {
  const std::size_t equals = wanted.find('=');
  if (equals == std::string_view::npos) return wanted == key;
  return wanted.substr(0, equals) == key && wanted.substr(equals + 1) == value;
}

Result<bool> Filters::flag(std::string_view name, bool fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) return fallback;
  const auto& values = found->second;
  const auto is = [&values](std::string_view word) {
    return std::find(values.begin(), values.end(), word) != values.end();
  };
  const bool yes = is("1") || is("true");
  const bool no = is("0") || is("false");
  if (yes == no) {
    std::string list;
    for (const std::string& value : values) list += (list.empty() ? "" : " ") + value;
    return fail(ErrorKind::invalid_argument, "Invalid filter '", name, "=[", list, "]'");
  }
  return yes;
}

Result<Timestamp> parse_until(std::string_view text, Timestamp now) {
  if (auto time = parse_api_time(text); time.ok()) return time;
  const auto ago = engine::parse_go_duration(text);
  if (!ago.ok()) return fail(ErrorKind::malformed, "failed to parse value as time or duration: ", go_quoted(text));
  return Timestamp{now.ns - *ago};
}

}  // namespace drydock::api
