#include "native/bin/daemon_options.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>

#include "native/bin/subordinate_ids.h"

using namespace drydock;
using namespace drydock::native;

namespace {

/// A configuration file that goes with the test.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) {
    std::array<char, 32> pattern{"/tmp/drydock-config-XXXXXX"};
    ::close(::mkstemp(pattern.data()));
    path = pattern.data();
    std::ofstream(path) << text;
  }
  ~ConfigFile() { ::unlink(path.c_str()); }
  std::string path;
};

std::string refusal(const std::vector<std::string>& arguments) {
  const auto options = parse_daemon_options(arguments);
  REQUIRE(!options.ok());
  return options.error().message;
}

}  // namespace

TEST_CASE("flags are taken as docker's commands take them") {
  const auto options =
      parse_daemon_options({"-H", "unix:///a", "--host=tcp://127.0.0.1:1", "-Hunix:///b", "--data-root", "/d", "-D",
                            "--icc=false", "--registry-mirror", "http://m", "-lwarn"});
  REQUIRE(options.ok());
  CHECK(options->hosts == std::vector<std::string>{"unix:///a", "tcp://127.0.0.1:1", "unix:///b"});
  CHECK(options->settings.data_root == "/d");
  CHECK(options->log_level == "warn");
  CHECK(!options->settings.inter_container);
  CHECK(options->settings.registry_mirrors == std::vector<std::string>{"http://m"});
}

TEST_CASE("without a host the daemon listens on its own socket") {
  CHECK(parse_daemon_options({})->hosts == std::vector<std::string>{"unix:///var/run/drydock.sock"});
}

TEST_CASE("sizes and ulimits are read with their units") {
  const auto options = parse_daemon_options({"--default-shm-size", "1.5g"});
  CHECK(!options.ok());
  CHECK(parse_daemon_options({"--default-shm-size", "64MB"})->settings.default_shm_size == 64u << 20);
  const auto limits = parse_daemon_options({"--default-ulimit", "nofile=10:20", "--default-ulimit", "nproc=5"});
  REQUIRE(limits.ok());
  CHECK(limits->settings.default_ulimits[0].type == "RLIMIT_NOFILE");
  CHECK(limits->settings.default_ulimits[0].soft == 10);
  CHECK(limits->settings.default_ulimits[0].hard == 20);
  CHECK(limits->settings.default_ulimits[1].hard == 5);
  CHECK(!parse_daemon_options({"--default-ulimit", "nofile=20:10"}).ok());
}

TEST_CASE("bad usage is named in docker's words") {
  CHECK(refusal({"--nosuch"}) == "unknown flag: --nosuch\nSee 'drydockd --help'.");
  CHECK(refusal({"-x"}) == "unknown shorthand flag: 'x' in -x\nSee 'drydockd --help'.");
  CHECK(refusal({"--data-root"}) == "flag needs an argument: --data-root\nSee 'drydockd --help'.");
  CHECK(refusal({"run"}) == "\"drydockd\" accepts no arguments: \"run\"\nSee 'drydockd --help'.");
  CHECK(refusal({"--icc=maybe"}).find("invalid argument \"maybe\" for \"--icc\" flag: strconv.ParseBool") == 0);
}

TEST_CASE("help and version win over what else is said") {
  CHECK(parse_daemon_options({"--help"})->action == DaemonOptions::Action::show_help);
  CHECK(parse_daemon_options({"-v"})->action == DaemonOptions::Action::show_version);
  CHECK(daemon_help().find("--registry-mirror list") != std::string::npos);
}

TEST_CASE("the configuration file has dockerd's members") {
  const ConfigFile file(R"({"hosts": ["unix:///a"], "registry-mirrors": ["http://m"], "debug": true, "mtu": 1400,
                           "log-opts": {"max-size": "1m"}})");
  const auto options = parse_daemon_options({"--config-file", file.path});
  REQUIRE(options.ok());
  CHECK(options->hosts == std::vector<std::string>{"unix:///a"});
  CHECK(options->log_level == "debug");
  CHECK(options->settings.mtu == 1400);
  CHECK(options->settings.log_options.at("max-size") == "1m");
}

TEST_CASE("a configuration file is refused with its reason") {
  const ConfigFile unknown(R"({"nosuch": 1})");
  CHECK(refusal({"--config-file", unknown.path}).find("don't match any configuration option: nosuch") !=
        std::string::npos);
  const ConfigFile twice(R"({"bip": "10.0.0.1/24"})");
  CHECK(refusal({"--bip", "10.1.0.1/24", "--config-file", twice.path})
            .find("specified both as a flag and in the configuration file: bip") != std::string::npos);
  const ConfigFile broken("{");
  CHECK(refusal({"--config-file", broken.path}).find("unexpected end of JSON input") != std::string::npos);
  CHECK(refusal({"--config-file", "/nosuch.json"}).find("no such file") != std::string::npos);
  const ConfigFile wrong(R"({"bip": {}})");
  CHECK(refusal({"--config-file", wrong.path}).find("unexpected type of bip") != std::string::npos);
}

TEST_CASE("subordinate ids follow one another from 0") {
  const auto ids =
      parse_subordinate_ids("alice:100000:65536\n# x\nbob:1:2\n1000:300000:10\nalice:bad:1\n", "alice", "1000");
  REQUIRE(ids.size() == 2);
  CHECK(ids[0].container_id == 0);
  CHECK(ids[0].host_id == 100000);
  CHECK(ids[1].container_id == 65536);
  CHECK(ids[1].size == 10);
  CHECK(parse_subordinate_ids("alice:1:4294967295\n", "alice", "0").empty());
}

TEST_CASE("a user that is not there cannot be remapped to") {
  const auto mappings = resolve_userns_remap("nosuch-user");
  REQUIRE(!mappings.ok());
  CHECK(mappings.error().message == "Error during \"nosuch-user\" lookup: no such user");
}
