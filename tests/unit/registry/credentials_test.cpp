#include "registry/credentials.h"

#include <doctest/doctest.h>

#include "base/text.h"

using namespace drydock;
using namespace drydock::registry;

TEST_CASE("X-Registry-Auth is base64url of JSON") {
  const auto header = to_base64(R"({"username":"u","password":"p?~","serveraddress":"r:5000"})");
  const Credentials credentials = parse_registry_auth(header).value();
  CHECK(credentials.username == "u");
  CHECK(credentials.password == "p?~");
  CHECK(credentials.server_address == "r:5000");
  CHECK(!credentials.empty());
}

TEST_CASE("user and password may be packed into auth") {
  const Credentials credentials = parse_auth_config(concat(R"({"auth":")", to_base64("user:pa:ss"), R"("})")).value();
  CHECK(credentials.username == "user");
  CHECK(credentials.password == "pa:ss");
}

TEST_CASE("tokens count as credentials, nothing and an empty object do not") {
  CHECK(!parse_auth_config(R"({"identitytoken":"t"})").value().empty());
  CHECK(!parse_auth_config(R"({"registrytoken":"t"})").value().empty());
  CHECK(parse_registry_auth("").value().empty());
  CHECK(parse_registry_auth(to_base64("{}")).value().empty());
  CHECK(parse_registry_auth(to_base64("null")).value().empty());
}

TEST_CASE("broken credentials are refused") {
  CHECK(!parse_registry_auth("%%%").ok());
  CHECK(!parse_registry_auth(to_base64("{")).ok());
  CHECK(!parse_registry_auth(to_base64("[]")).ok());
  CHECK(!parse_registry_auth(to_base64(R"({"username":5})")).ok());
  CHECK(!parse_auth_config(R"({"auth":"bm9jb2xvbg=="})").ok());
  CHECK(parse_registry_auth(std::string(kAuthHeaderBytesMax + 1, 'a')).error().kind == ErrorKind::too_large);
}
