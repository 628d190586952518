#include "registry/endpoint.h"

#include <doctest/doctest.h>

#include "registry/login.h"

using namespace drydock::registry;

namespace {

using Endpoints = std::vector<Endpoint>;

}  // namespace

TEST_CASE("docker.io is served by registry-1.docker.io, after the mirrors for a pull") {
  RegistrySettings settings;
  settings.mirrors = {"https://mirror.example/", "http://127.0.0.1:6000"};
  CHECK(endpoints_for_pull("docker.io", settings) == Endpoints{{"https://mirror.example", false, true},
                                                               {"http://127.0.0.1:6000", true, true},
                                                               {"https://registry-1.docker.io", false, false}});
  CHECK(endpoints_for_push("docker.io", settings) == Endpoints{{"https://registry-1.docker.io", false, false}});
  CHECK(endpoints_for_pull("other.example", settings) == Endpoints{{"https://other.example", false, false}});
}

TEST_CASE("loopback registries are insecure by default: TLS is tried first, then plain HTTP") {
  const RegistrySettings settings;
  CHECK(endpoints_for_pull("127.0.0.1:5000", settings) ==
        Endpoints{{"https://127.0.0.1:5000", true, false}, {"http://127.0.0.1:5000", true, false}});
  CHECK(is_insecure("127.9.9.9", settings));
  CHECK(is_insecure("localhost:5000", settings));
  CHECK(is_insecure("[::1]:5000", settings));
  CHECK(!is_insecure("128.0.0.1:5000", settings));
  CHECK(!is_insecure("localhost.example", settings));
  CHECK(!is_insecure("127.0.0.1.example", settings));
}

TEST_CASE("--insecure-registry names a host with its port or a network") {
  RegistrySettings settings;
  settings.insecure_registries = {"reg.example:5000", "10.1.0.0/16"};
  CHECK(is_insecure("reg.example:5000", settings));
  CHECK(!is_insecure("reg.example:5001", settings));
  CHECK(is_insecure("10.1.200.3:443", settings));
  CHECK(!is_insecure("10.2.0.1", settings));
  settings.insecure_registries = {"0.0.0.0/0"};
  CHECK(is_insecure("8.8.8.8", settings));
  settings.insecure_registries = {"10.0.0.0/33", "x/8", "/"};
  CHECK(!is_insecure("10.0.0.1", settings));
}

TEST_CASE("the address of a login is reduced to the registry's domain") {
  CHECK(login_domain("") == "docker.io");
  CHECK(login_domain("https://index.docker.io/v1/") == "docker.io");
  CHECK(login_domain("127.0.0.1:5000") == "127.0.0.1:5000");
  CHECK(login_domain("https://reg.example/path") == "reg.example");
}
