#include "registry/registry_error.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::registry;

// The expected texts were read off dockerd 20.10.24 with a registry that answers like this.

namespace {

std::string message(int status, std::string_view body, http::Headers headers = {}) {
  return parse_error_answer(status, headers, body).message;
}

}  // namespace

TEST_CASE("an error with detail is printed with its message") {
  CHECK(message(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"x":1}}]})") ==
        "manifest unknown: manifest unknown");
  CHECK(
      message(
          429,
          R"({"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit.","detail":1}]})") ==
      "toomanyrequests: You have reached your pull rate limit.");
  CHECK(message(400, R"({"errors":[{"code":"STRANGE","message":"strange things"}]})") == "unknown: strange things");
}

TEST_CASE("an error that only repeats its code is printed as the code") {
  CHECK(message(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})") == "manifest unknown");
}

TEST_CASE("several errors are listed") {
  CHECK(
      message(
          401,
          R"({"errors":[{"code":"DENIED","message":"no","detail":1},{"code":"UNAUTHORIZED","message":"authentication required","detail":1}]})") ==
      "errors:\ndenied: no\nunauthorized: authentication required\n");
}

TEST_CASE("answers that are no list of errors are shown") {
  CHECK(message(404, "<html>") ==
        "error parsing HTTP 404 response body: invalid character '<' looking for beginning of value: \"<html>\"");
  CHECK(message(404, "{}") ==
        "error parsing HTTP 404 response body: no error details found in HTTP response body: \"{}\"");
  CHECK(message(404, "") == "error parsing HTTP 404 response body: unexpected end of JSON input: \"\"");
  CHECK(message(404, "[1]").starts_with("error parsing HTTP 404 response body: "));
  CHECK(message(500, "oops") == "received unexpected HTTP status: 500 Internal Server Error");
  CHECK(message(503, R"({"errors":[]})") == "received unexpected HTTP status: 503 Service Unavailable");
  CHECK(message(401, "") == "unauthorized: authentication required");
  CHECK(message(429, R"({"details":"slow down"})") == "toomanyrequests: slow down");
}

TEST_CASE("a challenge that names an OAuth error counts more than the body") {
  CHECK(message(401, "{}", {{"WWW-Authenticate", "Bearer realm=\"r\",error=\"insufficient_scope\""}}) ==
        "denied: requested access to the resource is denied");
  CHECK(message(401, "{}",
                {{"WWW-Authenticate", "Bearer realm=\"r\",error=\"invalid_token\",error_description=\"too old\""}}) ==
        "unauthorized: too old");
}

TEST_CASE("a failed pull is worded for its reference") {
  const auto reference = oci::Reference::parse_tagged("127.0.0.1:6000/app").value();
  const Error denied = pull_error({"DENIED", "denied: requested access to the resource is denied"}, reference);
  CHECK(denied.kind == ErrorKind::not_found);
  CHECK(denied.message ==
        "pull access denied for 127.0.0.1:6000/app, repository does not exist or may require 'docker login': denied: "
        "requested access to the resource is denied");
  CHECK(pull_error({"MANIFEST_UNKNOWN", "manifest unknown: manifest unknown"}, reference).message ==
        "manifest for 127.0.0.1:6000/app:latest not found: manifest unknown: manifest unknown");
  CHECK(pull_error({"NAME_UNKNOWN", "name unknown: repository name not known to registry"}, reference).message ==
        "repository 127.0.0.1:6000/app not found: name unknown: repository name not known to registry");
  const Error bare = pull_error({"MANIFEST_UNKNOWN", "manifest unknown"}, reference);
  CHECK(bare.kind == ErrorKind::not_found);
  CHECK(bare.message == "manifest unknown");
  const Error other = pull_error({"UNAUTHORIZED", "unauthorized: authentication required"}, reference);
  CHECK(other.kind == ErrorKind::internal);
  CHECK(other.message == "unauthorized: authentication required");
}
