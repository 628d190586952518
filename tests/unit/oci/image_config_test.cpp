#include "oci/image_config.h"

#include <doctest/doctest.h>

#include "oci/manifest.h"

using namespace drydock;
using namespace drydock::oci;

namespace {

const std::string kA = "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4f72b9807785afee48bb";

// As dockerd 20.10 writes it.
const std::string kDockerConfig =
    R"({"architecture":"amd64","config":{"Hostname":"","Domainname":"","User":"app","AttachStdin":false,)"
    R"("AttachStdout":false,"AttachStderr":false,"ExposedPorts":{"80/tcp":{}},"Tty":false,"OpenStdin":false,)"
    R"("StdinOnce":false,"Env":["PATH=/bin","A=\u003cb\u003e \u0026"],"Cmd":["sh","-c","echo"],)"
    R"("Healthcheck":{"Test":["CMD","true"],"Interval":30000000000,"Retries":3},"Image":"","Volumes":{"/data":{}},)"
    R"("WorkingDir":"/w","Entrypoint":null,"OnBuild":null,"Labels":{"a":"1","b":"2"},"StopSignal":"SIGTERM",)"
    R"("Shell":["/bin/sh","-c"]},"created":"2024-05-01T12:00:00.5Z","docker_version":"20.10.24",)"
    R"("history":[{"created":"2024-05-01T12:00:00Z","created_by":"ADD file"},)"
    R"({"created":"2024-05-01T12:00:00.5Z","created_by":"CMD","empty_layer":true}],"os":"linux",)"
    R"("rootfs":{"type":"layers","diff_ids":[")" +
    kA + R"("]}})";

std::string with(const std::string& members) {
  return R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]})" + members + "}";
}

std::string message_of(const std::string& raw) {
  auto result = parse_image_config(raw);
  return result.ok() ? "" : result.error().message;
}

}  // namespace

TEST_CASE("an image configuration keeps its bytes and so its id") {
  const ImageConfigDocument document = parse_image_config(kDockerConfig + "\n").value();
  CHECK(document.raw == kDockerConfig + "\n");
  CHECK(document.digest == archive::digest_of(kDockerConfig + "\n"));
  const RunConfig& run = document.config.config;
  CHECK(run.user == "app");
  CHECK(run.env == std::vector<std::string>{"PATH=/bin", "A=<b> &"});
  CHECK(run.exposed_ports == std::vector<std::string>{"80/tcp"});
  CHECK(run.volumes == std::vector<std::string>{"/data"});
  CHECK(run.healthcheck->interval_ns == 30'000'000'000);
  CHECK(run.entrypoint.empty());
  CHECK(document.config.diff_ids.size() == 1);
  CHECK(document.config.history[1].empty_layer);
}

TEST_CASE("a configuration is written as dockerd writes it") {
  const ImageConfig config = parse_image_config(kDockerConfig).value().config;
  CHECK(to_json_text(config) == kDockerConfig);
  CHECK(make_document(config).digest == archive::digest_of(kDockerConfig));
}

TEST_CASE("every member of the run configuration comes back") {
  ImageConfig config;
  config.platform = {.os = "linux", .architecture = "arm", .variant = "v7"};
  config.author = "me";
  config.comment = "hello";
  config.container = "abc";
  config.created = {1'700'000'000'000'000'000};
  RunConfig& run = config.config;
  run.hostname = "h";
  run.tty = run.open_stdin = run.stdin_once = run.attach_stdin = run.args_escaped = run.network_disabled = true;
  run.entrypoint = {"/e"};
  run.on_build = {"RUN x"};
  run.labels = {{"k", "v"}};
  run.stop_timeout_s = 0;
  run.mac_address = "02:42:ac:11:00:02";
  config.container_config = run;
  const ImageConfig back = parse_image_config(to_json_text(config)).value().config;
  CHECK(back.config == run);
  CHECK(back.container_config == run);
  CHECK(back.platform == config.platform);
  CHECK(back.author == "me");
  CHECK(back.created == config.created);
}

TEST_CASE("a configuration that is broken or contradicts itself is refused") {
  CHECK(message_of("{}") == "invalid image JSON, no RootFS key");
  CHECK(message_of(R"({"rootfs":null})") == "invalid image JSON, no RootFS key");
  CHECK(message_of(with("")).empty());
  for (const std::string& raw :
       {std::string(""), std::string("[]"), std::string("{\"rootfs\":{\"type\":\"zip\"}}"),
        std::string("{\"rootfs\":{\"diff_ids\":[\"sha256:x\"]}}"), with(",\"os\":7"), with(R"(,"config":[])"),
        with(R"(,"config":{"Env":"x"})"), with(R"(,"created":"yesterday")"), with(R"(,"history":[1])"),
        with(R"(,"history":[{}])")}) {
    CAPTURE(raw);
    auto result = parse_image_config(raw);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().kind == ErrorKind::invalid_argument);
  }
}

TEST_CASE("a configuration is bounded") {
  CHECK(parse_image_config(std::string(kConfigBytesMax + 1, ' ')).error().kind == ErrorKind::too_large);
  std::string history = R"({"empty_layer":true})";
  for (std::size_t i = 0; i < kConfigHistoryMax; ++i) history += R"(,{"empty_layer":true})";
  CHECK(parse_image_config(with(",\"history\":[" + history + "]")).error().kind == ErrorKind::too_large);
}
