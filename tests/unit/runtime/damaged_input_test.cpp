// Everything that reads JSON is given damaged JSON, many times over, with a fixed seed: nothing may crash, assert or
// read beyond its input (the suite also runs under the sanitizers), and what is accepted must survive being written.
#include <doctest/doctest.h>

#include "base/random.h"
#include "runtime/capability.h"
#include "runtime/default_spec.h"
#include "runtime/init_plan.h"
#include "runtime/log_record.h"
#include "runtime/seccomp_profile.h"
#include "runtime/spec_json.h"

using namespace drydock;
using namespace drydock::runtime;

namespace {

constexpr int kRounds = 1500;

DockerSpec ordinary_spec() {
  DockerSpecInput input;
  input.id = "c1";
  input.args = {"sh"};
  input.root_path = "/r";
  input.hostname = "box";
  input.kernel.capabilities = kAllCapabilities;
  input.kernel.seccomp = true;
  input.kernel.cgroup_controllers = {"memory", "cpu"};
  input.resources.memory = 1 << 25;
  input.ulimits = {{"nofile", 1, 2}};
  DockerMount mount;
  mount.source = "/src";
  mount.destination = "/v";
  mount.read_only = true;
  input.mounts = {mount};
  return make_docker_spec(input).value();
}

/// The text with one to four small wounds: bytes changed, cut out, doubled, or replaced by something that JSON knows.
std::string damaged(std::string text, Random& random) {
  const std::vector<std::string> tokens = {
      "null", "-1",          "1e9", "{}", "[]", "\"\"", "true", "18446744073709551615",
      "0.5",  "\"\\u0000\"", ",",   "}",  "]",  ":"};
  for (std::uint64_t wounds = 1 + random.below(4); wounds > 0 && !text.empty(); --wounds) {
    const auto at = static_cast<std::size_t>(random.below(text.size()));
    const auto length = static_cast<std::size_t>(random.below(12));
    switch (random.below(4)) {
      case 0:
        text[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(at, length));
        break;
      default:
        text.replace(at, length, tokens[static_cast<std::size_t>(random.below(tokens.size()))]);
    }
  }
  return text;
}

}  // namespace

TEST_CASE("damaged plans are refused or are plans") {
  SeededRandom random(1);
  KernelFeatures kernel;
  kernel.capabilities = kAllCapabilities;
  kernel.seccomp = true;
  kernel.cgroup_controllers = {"memory"};
  const std::string text = to_json_text(plan_init(ordinary_spec().spec, kernel).value());
  int accepted = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto plan = init_plan_from_json(damaged(text, random));
    if (!plan.ok()) continue;
    ++accepted;
    CHECK(init_plan_from_json(to_json_text(*plan)).ok());
    for (const InitStep& step : plan->child) CHECK(!step_failure(step, Errno::eio).empty());
  }
  CHECK(accepted < kRounds);
}

TEST_CASE("damaged configs are refused or give a Spec that can be planned or refused") {
  SeededRandom random(2);
  KernelFeatures kernel;
  kernel.capabilities = kAllCapabilities;
  const std::string text = to_json_text(ordinary_spec().spec);
  int accepted = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto spec = spec_from_json(damaged(text, random));
    if (!spec.ok()) continue;
    ++accepted;
    CHECK(spec_from_json(to_json_text(*spec)).ok());
    const auto plan = plan_init(*spec, kernel);
    if (plan.ok()) CHECK(init_plan_from_json(to_json_text(*plan)).ok());
  }
  CHECK(accepted > 0);
  CHECK(accepted < kRounds);
}

TEST_CASE("damaged profiles are refused or filter") {
  SeededRandom random(3);
  const std::string text = R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,"archMap":[{"architecture":
    "SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
    "args":[{"index":0,"value":5,"valueTwo":6,"op":"SCMP_CMP_EQ"}],"includes":{"minKernel":"4.8","caps":["CAP_KILL"]},
    "excludes":{"arches":["s390"]}}]})";
  int accepted = 0;
  for (int i = 0; i < kRounds; ++i) {
    const auto filter = parse_seccomp_profile(damaged(text, random), SeccompContext{});
    if (!filter.ok() || !filter->has_value()) continue;
    ++accepted;
    CHECK(evaluate(**filter, "read", {5}).errno_value <= 4095);
  }
  CHECK(accepted > 0);
  CHECK(accepted < kRounds);
}

TEST_CASE("damaged logs lose only damaged lines") {
  SeededRandom random(4);
  LogRecord record;
  record.log = "hello <world>\n";
  record.time = {1};
  record.attributes = {{"a", "b"}};
  const std::string line = encode_log_record(record);
  for (int i = 0; i < kRounds; ++i) {
    LogCursor cursor;
    cursor.push(damaged(line, random) + "\n" + line);
    std::optional<LogRecord> last;
    while (auto next = cursor.next()) last = std::move(next);
    CHECK(last == record);
  }
}
