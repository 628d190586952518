#include "engine/config_json.h"

#include <doctest/doctest.h>

#include "base/json.h"

namespace drydock::engine {

namespace {

Json json(std::string_view text) {
  auto parsed = parse_json(text);
  REQUIRE(parsed.ok());
  return *parsed;
}

std::string create_error(std::string_view body) {
  auto decoded = decode_create_config(json(body));
  REQUIRE_FALSE(decoded.ok());
  CHECK(decoded.error().kind == ErrorKind::invalid_argument);
  return decoded.error().message;
}

}  // namespace

TEST_CASE("a member of the wrong type is refused in the words of Go's decoder") {
  CHECK(create_error(R"({"Image":5})") ==
        "json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Image of type string");
  CHECK(create_error(R"({"HostConfig":{"Memory":"x"}})") ==
        "json: cannot unmarshal string into Go struct field HostConfig.HostConfig.Memory of type int64");
  CHECK(create_error(R"({"Image":"x","Cmd":{}})") ==
        "json: cannot unmarshal object into Go struct field ContainerConfigWrapper.Cmd of type string");
  CHECK(create_error("[]") == "json: cannot unmarshal array into Go value of type runconfig.ContainerConfigWrapper");
}

TEST_CASE("a command may be one string, members' names compare without case, unknown ones are ignored") {
  const auto create = decode_create_config(json(R"({"image":"x","Cmd":"ls","Nosuch":1,"HostConfig":{"memory":7}})"));
  REQUIRE(create.ok());
  CHECK(create->config.image == "x");
  CHECK(*create->config.cmd == Strings{"ls"});
  CHECK(create->host_config.resources.memory == 7);
}

TEST_CASE("null and an empty body are no configuration") {
  CHECK_FALSE(decode_create_config(json("null"))->has_config);
  CHECK_FALSE(decode_create_config(json("{}"))->has_config);
  CHECK(decode_create_config(json(R"({"Image":""})"))->has_config);
}

TEST_CASE("null and an empty list are shown as they came") {
  const auto host = decode_host_config(json(R"({"Binds":null,"Dns":[],"CapAdd":["NET_ADMIN"]})"));
  REQUIRE(host.ok());
  const Json shown = encode(*host, 41);
  CHECK(shown["Binds"].is_null());
  CHECK(shown["Dns"] == Json::array());
  CHECK(shown["CapAdd"] == Json::array({"NET_ADMIN"}));
}

TEST_CASE("what a HostConfig says comes back from the file that it is kept in") {
  const std::string text =
      R"({"Binds":["/a:/b:ro"],"PortBindings":{"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}],"81/tcp":null},)"
      R"("RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3},"Mounts":[{"Type":"tmpfs","Target":"/t",)"
      R"("TmpfsOptions":{"SizeBytes":9}}],"Sysctls":{"net.x":"1"},"MemorySwappiness":5,"Init":true,)"
      R"("Ulimits":[{"Name":"nofile","Hard":2,"Soft":1}],"KernelMemory":8})";
  const auto once = decode_host_config(json(text));
  REQUIRE(once.ok());
  const Json kept = encode(*once);
  const auto twice = decode_host_config(kept);
  REQUIRE(twice.ok());
  CHECK(to_json_text(encode(*twice)) == to_json_text(kept));
  CHECK(kept["PortBindings"]["80/tcp"][0]["HostPort"] == "8080");
  CHECK(kept["PortBindings"]["81/tcp"].is_null());
  CHECK(kept["Mounts"][0]["TmpfsOptions"]["SizeBytes"] == 9);
  CHECK(kept["Init"] == true);
}

TEST_CASE("a HostConfig is shown as the API version knows it") {
  HostConfig host;
  const Json old = encode(host, 40);
  CHECK_FALSE(old.contains("CgroupnsMode"));
  CHECK(old["KernelMemory"] == 0);
  CHECK(old["ConsoleSize"] == Json::array({0, 0}));
  const Json now = encode(host, 48);
  CHECK(now.contains("CgroupnsMode"));
  CHECK_FALSE(now.contains("KernelMemory"));
  CHECK_FALSE(now.contains("Annotations"));
}

TEST_CASE("a number that does not fit is refused") {
  CHECK(create_error(R"({"HostConfig":{"Memory":18446744073709551615}})").starts_with("json: cannot unmarshal number"));
  CHECK(create_error(R"({"HostConfig":{"Memory":1.5}})").starts_with("json: cannot unmarshal number"));
}

TEST_CASE("what is known but not carried out is named") {
  HostConfig host;
  ContainerConfig config;
  CHECK(unmodelled_members(config, host).empty());
  host.resources.cpu_realtime_period = 1;
  config.healthcheck.emplace();
  config.healthcheck->test = Strings{"CMD", "true"};
  CHECK(unmodelled_members(config, host) == Strings{"Healthcheck", "HostConfig.CpuRealtimePeriod"});
  config.healthcheck->test = Strings{"NONE"};
  CHECK(unmodelled_members(config, host) == Strings{"HostConfig.CpuRealtimePeriod"});
}

}  // namespace drydock::engine
