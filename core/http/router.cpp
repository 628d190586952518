#include "http/router.h"

#include "base/assert.h"
#include "base/text.h"

namespace drydock::http {

std::string PathParams::get(std::string_view name) const {
  for (const auto& value : values_) {
    if (value.first == name) return value.second;
  }
  return "";
}

namespace {

using Captures = std::vector<std::pair<std::string_view, std::string_view>>;

/// Depth is the number of variables in the pattern, which is our own text, never a client's.
bool match_from(std::string_view pattern, std::string_view path, Captures& captures) {
  const std::size_t open = pattern.find('{');
  const std::string_view literal = pattern.substr(0, open);
  if (!path.starts_with(literal)) return false;
  path.remove_prefix(literal.size());
  if (open == std::string_view::npos) return path.empty();

  const std::size_t close = pattern.find('}', open);
  DD_ASSERT(close != std::string_view::npos);
  std::string_view name = pattern.substr(open + 1, close - open - 1);
  const bool any_text = name.ends_with(":.*");
  if (any_text) name.remove_suffix(3);
  const std::string_view after = pattern.substr(close + 1);
  const std::size_t longest = any_text ? path.size() : std::min(path.find('/'), path.size());
  const std::size_t shortest = any_text ? 0 : 1;
  // Longest first, as a greedy expression does: in "/images/a/json/json" the name is "a/json".
  for (std::size_t length = longest + 1; length-- > shortest;) {
    if (!after.empty() && after.front() != '{' && !path.substr(length).starts_with(after.front())) continue;
    captures.emplace_back(name, path.substr(0, length));
    if (match_from(after, path.substr(length), captures)) return true;
    captures.pop_back();
  }
  return false;
}

}  // namespace

std::optional<PathParams> match_path(std::string_view pattern, std::string_view path) {
  Captures captures;
  if (!match_from(pattern, path, captures)) return std::nullopt;
  PathParams params;
  for (const auto& capture : captures) params.add(capture.first, capture.second);
  return params;
}

VersionedPath split_version(std::string_view path) {
  if (!path.starts_with("/v")) return {"", path};
  const std::size_t end = path.find_first_not_of("0123456789.", 2);
  if (end == std::string_view::npos || end == 2 || path[end] != '/') return {"", path};
  return {path.substr(2, end - 2), path.substr(end)};
}

std::string clean_path(std::string_view path) {
  std::vector<std::string> kept;
  const std::vector<std::string> parts = split(path, '/');
  for (const std::string& part : parts) {
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (!part.empty() && part != ".") {
      kept.push_back(part);
    }
  }
  std::string cleaned = concat("/", join(kept, "/"));
  if (path.ends_with('/') && cleaned != "/") cleaned.push_back('/');
  return cleaned;
}

}  // namespace drydock::http
