#include "http/url.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::http;

TEST_CASE("a URL is taken apart") {
  const Url url = parse_url("HTTPS://user:p%40ss@Registry.Example:5000/v2/a/b?n=10#part").value();
  CHECK(url.scheme == "https");
  CHECK(url.user_info == "user:p@ss");
  CHECK(url.host == "registry.example");
  CHECK(url.port == 5000);
  CHECK(url.target == "/v2/a/b?n=10");
  CHECK(url.authority() == "registry.example:5000");
  CHECK(to_string(url) == "https://registry.example:5000/v2/a/b?n=10");
}

TEST_CASE("the port of the scheme is assumed and not sent") {
  CHECK(parse_url("http://a").value().port == 80);
  CHECK(parse_url("http://a").value().target == "/");
  CHECK(parse_url("https://a:443/x").value().authority() == "a");
  CHECK(parse_url("https://a:80/x").value().authority() == "a:80");
  CHECK(parse_url("https://a?x=1").value().target == "/?x=1");
}

TEST_CASE("IPv6 addresses stand in brackets") {
  const Url url = parse_url("http://[::1]:5000/").value();
  CHECK(url.host == "::1");
  CHECK(url.authority() == "[::1]:5000");
  CHECK(!parse_url("http://[::1").ok());
}

TEST_CASE("a UNIX socket is named by its escaped path") {
  const Url url = parse_url("http+unix://%2Frun%2FDocker.sock/v1.41/info").value();
  CHECK(url.is_unix());
  CHECK(url.host == "/run/Docker.sock");
  CHECK(url.target == "/v1.41/info");
  CHECK(url.authority() == "docker");
  CHECK(to_string(url) == "http+unix://%2Frun%2FDocker.sock/v1.41/info");
  CHECK(!parse_url("http+unix://nosocket/").ok());
  CHECK(!parse_url("http+unix://%2Fa%00b/").ok());
}

TEST_CASE("what is no URL is refused") {
  for (const char* text : {"", "no scheme", "ftp://a/", "http://", "http://a:99999/", "http://a:x/", "http://a:0/",
                           "http://a b/", "http://a\r\nX: y/", "http://a/%zz", "http://a%00b/", "http://a/\x01"}) {
    CAPTURE(text);
    CHECK(!parse_url(text).ok());
  }
  CHECK(!parse_url(std::string("http://a/") + std::string(kUrlBytesMax, 'x')).ok());
}

TEST_CASE("characters that may not stand on a request line are escaped") {
  CHECK(parse_url("http://a/b c?d e").value().target == "/b%20c?d%20e");
}

TEST_CASE("a Location is resolved against where it came from") {
  const Url base = parse_url("https://r.example:5000/v2/name/blobs/uploads/?from=x").value();
  const auto resolved = [&](std::string_view reference) {
    return to_string(resolve_reference(base, reference).value());
  };
  CHECK(resolved("http://other/x") == "http://other/x");
  CHECK(resolved("//other/x") == "https://other/x");
  CHECK(resolved("/v2/up/1?_state=a:b") == "https://r.example:5000/v2/up/1?_state=a:b");
  CHECK(resolved("1?_state=a") == "https://r.example:5000/v2/name/blobs/uploads/1?_state=a");
  CHECK(resolved("../x") == "https://r.example:5000/v2/name/blobs/x");
  CHECK(resolved("/../../x/./y") == "https://r.example:5000/x/y");
  CHECK(resolved("?a=b") == "https://r.example:5000/v2/name/blobs/uploads/?a=b");
  CHECK(!resolve_reference(base, "file:///etc/passwd").ok());
  CHECK(!resolve_reference(base, "/a\r\nb").ok());
}

TEST_CASE("a request target gives the decoded path and the query") {
  const RequestTarget target = parse_request_target("/v1.41/images/a%2Fb/json?x=%26").value();
  CHECK(target.path == "/v1.41/images/a/b/json");
  CHECK(target.query.get("x") == "&");
  CHECK(parse_request_target("http://docker/info?a=1").value().path == "/info");
  CHECK(parse_request_target("http://docker").value().path == "/");
  CHECK(parse_request_target("*").value().path == "*");
  CHECK(!parse_request_target("info").ok());
  CHECK(!parse_request_target("/%zz").ok());
}
