#include "http/router.h"

#include <doctest/doctest.h>

using namespace drydock::http;

namespace {

constexpr Route<int> kRoutes[] = {
    {"GET", "/containers/json", 1},
    {"GET", "/containers/{id}/json", 2},
    {"POST", "/containers/{id}/attach", 3, BodyMode::streamed, "ContainerAttach"},
    {"GET", "/images/{name:.*}/json", 4},
    {"DELETE", "/images/{name:.*}", 5},
    {"OPTIONS", "/{anyroute:.*}", 6},
};

int handler_of(std::string_view method, std::string_view path) {
  const auto match = find_route(std::span<const Route<int>>(kRoutes), method, path);
  return match.route != nullptr ? match.route->handler : 0;
}

}  // namespace

TEST_CASE("the first row that matches answers") {
  CHECK(handler_of("GET", "/containers/json") == 1);
  CHECK(handler_of("GET", "/containers/abc/json") == 2);
  CHECK(handler_of("OPTIONS", "/v1.41/whatever/there/is") == 6);
}

TEST_CASE("a known path with another method is not found") {
  CHECK(handler_of("POST", "/containers/json") == 0);
  CHECK(handler_of("get", "/containers/json") == 0);
}

TEST_CASE("a segment variable takes one segment that is not empty") {
  CHECK(handler_of("GET", "/containers/a/b/json") == 0);
  CHECK(!match_path("/containers/{id}/json", "/containers//json"));
  CHECK(handler_of("GET", "/containers/json/") == 0);
}

TEST_CASE("an image name may hold slashes") {
  const auto match = find_route(std::span<const Route<int>>(kRoutes), "GET", "/v1.24/images/localhost:5000/a/b/json");
  REQUIRE(match.route != nullptr);
  CHECK(match.route->handler == 4);
  CHECK(match.version == "1.24");
  CHECK(match.params.get("name") == "localhost:5000/a/b");
  CHECK(match.params.get("other").empty());
  CHECK(match_path("/images/{name:.*}/json", "/images/a/json/json")->get("name") == "a/json");
}

TEST_CASE("a row carries its body mode and operation id") {
  const auto match = find_route(std::span<const Route<int>>(kRoutes), "POST", "/containers/x/attach");
  REQUIRE(match.route != nullptr);
  CHECK(match.route->body == BodyMode::streamed);
  CHECK(match.route->operation == "ContainerAttach");
}

TEST_CASE("two variables in one pattern are told apart") {
  const auto params = match_path("/a/{x:.*}/b/{y:.*}", "/a/1/b/2/b/3");
  REQUIRE(params);
  CHECK(params->get("x") == "1/b/2");
  CHECK(params->get("y") == "3");
}

TEST_CASE("the version prefix is digits and dots between /v and a slash") {
  CHECK(split_version("/v1.41/info").version == "1.41");
  CHECK(split_version("/v1.41/info").rest == "/info");
  CHECK(split_version("/v1/info").version == "1");
  CHECK(split_version("/v1.41").version.empty());
  CHECK(split_version("/version").rest == "/version");
  CHECK(split_version("/volumes/x").rest == "/volumes/x");
  CHECK(split_version("/v/x").version.empty());
}

TEST_CASE("a path is cleaned as dockerd's router does before it redirects") {
  CHECK(clean_path("/a//b/./c/../d") == "/a/b/d");
  CHECK(clean_path("/a/") == "/a/");
  CHECK(clean_path("/../..") == "/");
  CHECK(clean_path("//") == "/");
}
