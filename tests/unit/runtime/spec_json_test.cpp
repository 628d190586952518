#include "runtime/spec_json.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::runtime;

namespace {

constexpr std::string_view kConfig = R"({
  "ociVersion": "1.3.0",
  "process": {
    "terminal": true, "consoleSize": {"height": 25, "width": 80},
    "user": {"uid": 1, "gid": 2, "umask": 63, "additionalGids": [5, 6]},
    "args": ["sh"], "env": ["PATH=/bin"], "cwd": "/w",
    "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "ambient": []},
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 18446744073709551615, "soft": 1024}],
    "noNewPrivileges": true, "oomScoreAdj": -5, "apparmorProfile": "unknown to us"
  },
  "root": {"path": "rootfs", "readonly": true},
  "hostname": "box", "domainname": "org",
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
             {"destination": "/v", "source": "/src", "options": ["rbind", "ro"]}],
  "hooks": {"prestart": [{"path": "/hook", "args": ["hook", "x"], "env": ["A=b"], "timeout": 5}]},
  "annotations": {"com.example": "yes"},
  "linux": {
    "namespaces": [{"type": "pid"}, {"type": "network", "path": "/proc/1/ns/net"}],
    "uidMappings": [{"containerID": 0, "hostID": 1000, "size": 10}],
    "gidMappings": [{"containerID": 0, "hostID": 2000, "size": 20}],
    "devices": [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 438, "uid": 0, "gid": 0}],
    "cgroupsPath": "/docker/c1",
    "resources": {
      "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": -1, "access": "r"}],
      "memory": {"limit": 33554432, "reservation": 1, "swap": -1, "swappiness": 60, "disableOOMKiller": true},
      "cpu": {"shares": 300, "quota": -1, "period": 100000, "cpus": "0-1", "mems": "0"},
      "pids": {"limit": 20},
      "blockIO": {"weight": 500, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 600}]}
    },
    "rootfsPropagation": "rslave",
    "sysctl": {"net.ipv4.ip_forward": "1"},
    "seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"],
      "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 7,
                    "args": [{"index": 1, "value": 5, "valueTwo": 6, "op": "SCMP_CMP_GT"}]}]},
    "maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"]
  },
  "windows": {"ignored": true}
})";

std::string refusal(std::string_view text) {
  const auto spec = spec_from_json(text);
  return spec.ok() ? "accepted" : spec.error().message;
}

}  // namespace

TEST_CASE("every member of config.json that is known is read") {
  const auto read = spec_from_json(kConfig);
  REQUIRE(read.ok());
  const Spec& spec = *read;
  CHECK(spec.oci_version == "1.3.0");
  CHECK(spec.process.terminal);
  CHECK(spec.process.console_size.width == 80);
  CHECK(spec.process.user.additional_gids == std::vector<std::uint32_t>{5, 6});
  CHECK(spec.process.user.umask == 077);
  CHECK(spec.process.capabilities->effective == std::vector<std::string>{"CAP_KILL"});
  CHECK(spec.process.rlimits[0].hard == UINT64_MAX);
  CHECK(spec.process.no_new_privileges);
  CHECK(spec.process.oom_score_adj == -5);
  CHECK(spec.root_readonly);
  CHECK(spec.mounts[1].options == std::vector<std::string>{"rbind", "ro"});
  CHECK(spec.hooks.prestart[0].timeout_seconds == 5);
  CHECK(spec.annotations.at("com.example") == "yes");
  CHECK(spec.namespaces[1].kind == NamespaceKind::network);
  CHECK(spec.namespaces[1].path == "/proc/1/ns/net");
  CHECK(spec.gid_mappings[0].host_id == 2000);
  CHECK(spec.devices[0].minor == 229);
  CHECK(spec.resources.devices[0].type == 'a');
  CHECK(!spec.resources.devices[1].minor.has_value());
  CHECK(spec.resources.memory_swap == -1);
  CHECK(spec.resources.cpu_quota == -1);
  CHECK(spec.resources.read_bps[0].rate == 600);
  CHECK(spec.seccomp->rules[0].errno_value == 7);
  CHECK(spec.seccomp->rules[0].arguments[0].op == SeccompOperator::gt);
  CHECK(spec.masked_paths == std::vector<std::string>{"/proc/kcore"});
}

TEST_CASE("what is written reads back as the same") {
  const Spec spec = spec_from_json(kConfig).value();
  const std::string once = to_json_text(spec);
  const auto again = spec_from_json(once);
  REQUIRE(again.ok());
  CHECK(to_json_text(*again) == once);
  CHECK(once.find("\"SCMP_CMP_GT\"") != std::string::npos);
  CHECK(once.find("\"hard\":18446744073709551615") != std::string::npos);
}

TEST_CASE("a small config gives the defaults") {
  const Spec spec = spec_from_json(R"({"ociVersion": "1.0.2-dev", "root": {"path": "/r"}})").value();
  CHECK(spec.root_path == "/r");
  CHECK(!spec.process.capabilities.has_value());
  CHECK(!spec.seccomp.has_value());
  CHECK(to_json_text(spec) ==
        R"({"ociVersion":"1.0.2-dev","process":{"user":{"uid":0,"gid":0},"args":[],"env":[],"cwd":"/"},)"
        R"("root":{"path":"/r"},"linux":{}})");
}

TEST_CASE("versions other than 1.x are refused") {
  const auto version = [](const std::string& text) {
    return refusal(R"({"ociVersion": ")" + text + R"(", "root": {}})");
  };
  CHECK(version("1.0.0") == "accepted");
  CHECK(version("1.9.0-rc.1+x") == "accepted");
  CHECK(version("2.0.0") == "unsupported OCI version \"2.0.0\"");
  CHECK(version("") == "unsupported OCI version \"\"");
  CHECK(version("1.0") == "unsupported OCI version \"1.0\"");
}

TEST_CASE("a member of the wrong type or range is named") {
  const auto linux_part = [](const std::string& text) {
    return refusal(R"({"ociVersion": "1.0.2", "root": {}, "linux": {)" + text + "}}");
  };
  CHECK(refusal("[]") == "json: cannot unmarshal array into Go struct field config of type object");
  CHECK(refusal(R"({"ociVersion": "1.0.2"})") == "root must be specified");
  CHECK(refusal(R"({"ociVersion": "1.0.2", "root": {}, "process": {"user": {"uid": -1}}})") ==
        "json: cannot unmarshal number into Go struct field uid of type uint32");
  CHECK(refusal(R"({"ociVersion": "1.0.2", "root": {}, "process": {"user": {"additionalGids": ["x"]}}})") ==
        "json: cannot unmarshal string into Go struct field additionalGids of type uint32");
  CHECK(refusal(R"({"ociVersion": "1.0.2", "root": {}, "process": {"consoleSize": {"width": 70000}}})") ==
        "json: cannot unmarshal number into Go struct field width of type uint16");
  CHECK(linux_part(R"("namespaces": [{"type": "cheese"}])") == "namespace \"cheese\" does not exist");
  CHECK(linux_part(R"("namespaces": [1])") ==
        "json: cannot unmarshal number into Go struct field namespaces of type object");
  CHECK(linux_part(R"("devices": [{"path": "/d", "type": "cc"}])") == "invalid device type: \"cc\"");
  CHECK(linux_part(R"("devices": [{"path": "/d", "major": -3}])") == "device /d: number out of range");
  CHECK(linux_part(R"("resources": {"devices": [{"type": "x"}]})") == "invalid device type: \"x\"");
  CHECK(linux_part(R"("resources": {"devices": [{"access": "rwx"}]})") == "invalid device access: \"rwx\"");
  CHECK(linux_part(R"("seccomp": {"defaultAction": "NO"})") == "string NO is not a valid action for seccomp");
  CHECK(linux_part(R"("sysctl": {"a": 1})") ==
        "json: cannot unmarshal number into Go struct field sysctl of type string");
}

TEST_CASE("a process can be read alone") {
  const auto process = process_from_json(R"({"args": ["ls", "-l"], "cwd": "/", "user": {"uid": 5}})");
  REQUIRE(process.ok());
  CHECK(process->args == std::vector<std::string>{"ls", "-l"});
  CHECK(process->user.uid == 5);
  CHECK(!process_from_json("7").ok());
}
