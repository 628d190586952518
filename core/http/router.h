#pragma once
// The route table: which handler answers a method and a path. Rows are data, so that api can be read as a list:
//
//   constexpr Route<Handler> kRoutes[] = {
//     {"GET",  "/images/{name:.*}/json",  &inspect_image,   BodyMode::buffered, "ImageInspect"},
//     {"POST", "/containers/{id}/attach", &attach,          BodyMode::buffered, "ContainerAttach"},
//   };
//
// Semantics are those of the router that dockerd uses: rows are tried in order; "{id}" is one non-empty segment,
// "{name:.*}" any text, slashes included; a known path with another method is "page not found" too, not 405.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/message.h"

namespace drydock::http {

/// The variables of a matched path.
class PathParams {
 public:
  void add(std::string_view name, std::string_view value) { values_.emplace_back(name, value); }
  /// Empty where the pattern has no such variable.
  std::string get(std::string_view name) const;
  bool empty() const { return values_.empty(); }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// The variables of `path` if the pattern covers all of it.
std::optional<PathParams> match_path(std::string_view pattern, std::string_view path);

/// A path with its version prefix taken off: "/v1.41/info" is {"1.41", "/info"}.
struct VersionedPath {
  std::string_view version;  // digits and dots as they were sent; empty where there is no prefix
  std::string_view rest;
};
VersionedPath split_version(std::string_view path);

/// The path without empty, "." and ".." segments; a trailing slash stays. dockerd redirects (301) to it if it differs.
std::string clean_path(std::string_view path);

template <class Handler>
struct Route {
  std::string_view method;
  std::string_view pattern;
  Handler handler;
  BodyMode body = BodyMode::buffered;
  std::string_view operation = "";  // operationId of the Engine API reference
};

template <class Handler>
struct RouteMatch {
  const Route<Handler>* route = nullptr;  // null: no such page
  std::string version;                    // as sent: "1.41"; empty without a prefix
  PathParams params;
};

/// The first row that matches. The rows outlive the match.
template <class Handler>
RouteMatch<Handler> find_route(std::span<const Route<Handler>> routes, std::string_view method, std::string_view path) {
  RouteMatch<Handler> match;
  const VersionedPath versioned = split_version(path);
  for (const Route<Handler>& route : routes) {
    if (route.method != method) continue;
    auto params = match_path(route.pattern, versioned.rest);
    if (!params) continue;
    match.route = &route;
    match.version = std::string(versioned.version);
    match.params = std::move(*params);
    break;
  }
  return match;
}

/// What dockerd says for an unknown path and for a known path with another method, status 404.
inline constexpr std::string_view kPageNotFoundJson = "{\"message\":\"page not found\"}\n";

}  // namespace drydock::http
