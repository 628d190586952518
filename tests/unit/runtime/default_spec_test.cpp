#include "runtime/default_spec.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>

#include "runtime/capability.h"
#include "runtime/seccomp_profile.h"

using namespace drydock;
using namespace drydock::runtime;

namespace {

DockerSpecInput plain_input() {
  DockerSpecInput input;
  input.id = "c1";
  input.args = {"sh"};
  input.root_path = "/data/c1";
  input.hostname = "box";
  input.home = "/root";
  input.kernel.capabilities = kAllCapabilities;
  input.kernel.seccomp = true;
  input.kernel.cgroup_controllers = {"memory", "cpu", "cpuset", "pids", "blkio"};
  return input;
}

Spec spec_with(const std::function<void(DockerSpecInput&)>& change) {
  DockerSpecInput input = plain_input();
  change(input);
  auto made = make_docker_spec(input);
  REQUIRE(made.ok());
  return std::move(made->spec);
}

Error error_with(const std::function<void(DockerSpecInput&)>& change) {
  DockerSpecInput input = plain_input();
  change(input);
  const auto made = make_docker_spec(input);
  REQUIRE(!made.ok());
  return made.error();
}

std::string mounts_of(const Spec& spec) {
  std::vector<std::string> out;
  for (const Mount& mount : spec.mounts) {
    out.push_back(mount.source + " " + mount.destination + " " + mount.type + " " + join(mount.options, ","));
  }
  return join(out, "\n");
}

const Mount* find_mount(const Spec& spec, std::string_view destination) {
  for (const Mount& mount : spec.mounts) {
    if (mount.destination == destination) return &mount;
  }
  return nullptr;
}

bool has_option(const Spec& spec, std::string_view destination, std::string_view option) {
  const Mount* mount = find_mount(spec, destination);
  return mount != nullptr && std::find(mount->options.begin(), mount->options.end(), option) != mount->options.end();
}

std::vector<NamespaceKind> kinds_of(const Spec& spec) {
  std::vector<NamespaceKind> out;
  for (const Namespace& ns : spec.namespaces) out.push_back(ns.kind);
  return out;
}

DockerMount bind(std::string source, std::string destination) {
  DockerMount mount;
  mount.source = std::move(source);
  mount.destination = std::move(destination);
  return mount;
}

DockerMount tmpfs(std::string destination, std::string options) {
  DockerMount mount;
  mount.kind = DockerMount::Kind::tmpfs;
  mount.destination = std::move(destination);
  mount.tmpfs_options = std::move(options);
  return mount;
}

}  // namespace

TEST_CASE("docker run without options is Docker's default container") {
  const Spec spec = spec_with([](DockerSpecInput&) {});
  CHECK(mounts_of(spec) ==
        "proc /proc proc nosuid,noexec,nodev\n"
        "tmpfs /dev tmpfs nosuid,strictatime,mode=755,size=65536k\n"
        "devpts /dev/pts devpts nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5\n"
        "sysfs /sys sysfs nosuid,noexec,nodev,ro\n"
        "cgroup /sys/fs/cgroup cgroup ro,nosuid,noexec,nodev\n"
        "mqueue /dev/mqueue mqueue nosuid,noexec,nodev\n"
        "shm /dev/shm tmpfs nosuid,noexec,nodev,mode=1777,size=67108864");
  CHECK(kinds_of(spec) == std::vector{NamespaceKind::mount, NamespaceKind::network, NamespaceKind::uts,
                                      NamespaceKind::pid, NamespaceKind::ipc});
  CHECK(capability_mask(spec.process.capabilities->effective) == 0xa80425fb);
  CHECK(spec.process.capabilities->inheritable.empty());
  CHECK(spec.process.cwd == "/");
  CHECK(spec.process.env ==
        std::vector<std::string>{"PATH=" + std::string(kDefaultPath), "HOSTNAME=box", "HOME=/root"});
  CHECK(spec.process.user.additional_gids == std::vector<std::uint32_t>{0});
  CHECK(spec.hostname == "box");
  CHECK(spec.cgroups_path == "/docker/c1");
  CHECK(spec.masked_paths == default_masked_paths());
  CHECK(spec.readonly_paths == default_readonly_paths());
  CHECK(spec.seccomp.has_value());
  CHECK(spec.sysctl.at("net.ipv4.ip_unprivileged_port_start") == "0");
  CHECK(spec.sysctl.at("net.ipv4.ping_group_range") == "0 2147483647");
}

TEST_CASE("device rules deny everything, then allow the harmless ones") {
  const Spec spec = spec_with([](DockerSpecInput& input) {
    input.devices = {{{"/dev/fuse", 'c', 10, 229, 0666, 0, 0}, "rw"}};
    input.device_cgroup_rules = {"c 42:* rmw"};
  });
  const auto& rules = spec.resources.devices;
  REQUIRE(rules.size() == 10);
  CHECK((!rules[0].allow && rules[0].type == 'a'));
  CHECK((rules[8].major == 10 && rules[8].minor == 229 && rules[8].access == "rw"));
  CHECK((rules[9].major == 42 && !rules[9].minor.has_value()));
  CHECK(spec.devices.size() == 1);
}

TEST_CASE("a privileged container sees the host's devices, a writable /sys and what capabilities there are") {
  const std::uint64_t available = kAllCapabilities & ~(std::uint64_t{1} << 24);
  const Spec spec = spec_with([&](DockerSpecInput& input) {
    input.privileged = true;
    input.kernel.capabilities = available;
    input.host_devices = {{"/dev/kvm", 'c', 10, 232, 0660, 0, 0}};
  });
  CHECK(capability_mask(spec.process.capabilities->permitted) == available);
  CHECK(spec.masked_paths.empty());
  CHECK(spec.readonly_paths.empty());
  CHECK(!spec.seccomp.has_value());
  CHECK(!has_option(spec, "/sys", "ro"));
  CHECK(!has_option(spec, "/sys/fs/cgroup", "ro"));
  CHECK(spec.devices[0].path == "/dev/kvm");
  REQUIRE(spec.resources.devices.size() == 1);
  CHECK(spec.resources.devices[0].allow);
}

TEST_CASE("a user other than root has its capabilities in the bounding set only") {
  const Spec spec = spec_with([](DockerSpecInput& input) {
    input.user.uid = 1000;
    input.user.gid = 1001;
    input.user.additional_gids = {7};
  });
  CHECK(capability_mask(spec.process.capabilities->bounding) == 0xa80425fb);
  CHECK(spec.process.capabilities->effective.empty());
  CHECK(spec.process.user.additional_gids == std::vector<std::uint32_t>{1001, 7});
}

TEST_CASE("namespaces are the container's, the host's or another container's") {
  const Spec spec = spec_with([](DockerSpecInput& input) {
    input.network = {NamespaceMode::Kind::join, "/proc/42/ns/net"};
    input.pid.kind = NamespaceMode::Kind::host;
    input.uts.kind = NamespaceMode::Kind::host;
    input.cgroup.kind = NamespaceMode::Kind::own;
  });
  CHECK(kinds_of(spec) ==
        std::vector{NamespaceKind::mount, NamespaceKind::network, NamespaceKind::ipc, NamespaceKind::cgroup});
  CHECK(spec.namespaces[1].path == "/proc/42/ns/net");
  CHECK(spec.hostname.empty());
  CHECK(spec.sysctl.empty());  // the network is not its own
}

TEST_CASE("a remapped container has a user namespace and no group that it does not know") {
  const Spec spec = spec_with([](DockerSpecInput& input) {
    input.uid_mappings = {{0, 100000, 65536}};
    input.gid_mappings = {{0, 100000, 3}};
  });
  CHECK(kinds_of(spec).back() == NamespaceKind::user);
  CHECK(spec.uid_mappings[0].host_id == 100000);
  CHECK(!has_option(spec, "/dev/pts", "gid=5"));
  CHECK(!has_option(spec, "/sys/fs/cgroup", "ro"));
  CHECK(spec.sysctl.count("net.ipv4.ping_group_range") == 0);
  const Spec host = spec_with([](DockerSpecInput& input) {
    input.uid_mappings = input.gid_mappings = {{0, 100000, 65536}};
    input.userns_host = true;
  });
  CHECK(host.uid_mappings.empty());
  CHECK(has_option(host, "/dev/pts", "gid=5"));
}

TEST_CASE("a read-only root makes Docker's other mounts read-only, /dev and /proc excepted") {
  const Spec spec = spec_with([](DockerSpecInput& input) {
    input.root_readonly = true;
    input.mounts = {tmpfs("/run", "size=1m")};
  });
  CHECK(spec.root_readonly);
  CHECK(has_option(spec, "/sys", "ro"));
  CHECK(!has_option(spec, "/proc", "ro"));
  CHECK(!has_option(spec, "/dev", "ro"));
  CHECK(!has_option(spec, "/dev/shm", "ro"));
  CHECK(!has_option(spec, "/run", "ro"));
}

TEST_CASE("user mounts come after Docker's, shallow ones first, and replace what is at their place") {
  DockerMount volume = bind("/src", "/v/deep");
  volume.read_only = true;
  const Spec spec = spec_with([&](DockerSpecInput& input) {
    input.root_mounts = {{"/", "overlay", "overlay", {"lowerdir=/l", "upperdir=/u", "workdir=/w"}}};
    input.mounts = {volume, bind("/host", "/v/"), tmpfs("/dev/shm", "size=1m,exec")};
  });
  CHECK(spec.mounts.front().type == "overlay");
  const std::string text = mounts_of(spec);
  CHECK(
      text.ends_with("/host /v bind rbind,rprivate\n"
                     "/src /v/deep bind rbind,ro,rprivate\n"
                     "tmpfs /dev/shm tmpfs nosuid,nodev,rprivate,size=1m,exec"));
  CHECK(text.find("mode=1777") == std::string::npos);
}

TEST_CASE("a bind over /dev takes all of Docker's mounts below it away") {
  const Spec spec = spec_with([](DockerSpecInput& input) { input.mounts = {bind("/dev", "/dev")}; });
  CHECK(find_mount(spec, "/dev/pts") == nullptr);
  CHECK(find_mount(spec, "/dev/shm") == nullptr);
  CHECK(find_mount(spec, "/dev")->type == "bind");
}

TEST_CASE("bind options are passed on") {
  DockerMount mount = bind("/src", "/v");
  mount.read_only = mount.recursive_read_only = mount.non_recursive = true;
  mount.propagation = "rslave";
  mount.locked_options = {"nosuid"};
  const Spec slave = spec_with([&](DockerSpecInput& input) { input.mounts = {mount}; });
  CHECK(mounts_of(slave).ends_with("/src /v bind bind,rro,rslave,nosuid"));
  CHECK(slave.rootfs_propagation == "rslave");
  mount.propagation = "shared";
  const Spec shared = spec_with([&](DockerSpecInput& input) { input.mounts = {mount}; });
  CHECK(shared.rootfs_propagation == "shared");
}

TEST_CASE("shared memory is sized, shared or absent") {
  CHECK(has_option(spec_with([](DockerSpecInput& input) { input.shm_bytes = 1048576; }), "/dev/shm", "size=1048576"));
  const Spec shared = spec_with([](DockerSpecInput& input) { input.shm_source = "/data/shm"; });
  CHECK(find_mount(shared, "/dev/shm")->source == "/data/shm");
  CHECK(find_mount(spec_with([](DockerSpecInput& input) { input.without_shm = true; }), "/dev/shm") == nullptr);
}

TEST_CASE("--init runs the program under an init, unless another process is pid 1") {
  const Spec spec = spec_with([](DockerSpecInput& input) { input.init_path = "/usr/bin/tini"; });
  CHECK(spec.process.args == std::vector<std::string>{"/sbin/docker-init", "--", "sh"});
  CHECK(mounts_of(spec).ends_with("/usr/bin/tini /sbin/docker-init bind bind,ro"));
  const Spec host = spec_with([](DockerSpecInput& input) {
    input.init_path = "/usr/bin/tini";
    input.pid.kind = NamespaceMode::Kind::host;
  });
  CHECK(host.process.args == std::vector<std::string>{"sh"});
}

TEST_CASE("numbers become cgroup limits") {
  DockerResources numbers;
  numbers.memory = 67108864;
  numbers.nano_cpus = 500'000'000;
  numbers.cpu_shares = 300;
  numbers.pids_limit = 20;
  const Resources limits = docker_resources(numbers);
  CHECK(limits.memory_limit == 67108864);
  CHECK(limits.memory_swap == 134217728);
  CHECK(limits.cpu_quota == 50000);
  CHECK(limits.cpu_period == 100000);
  CHECK(limits.cpu_shares == 300);
  CHECK(limits.pids_limit == 20);
  const Resources none = docker_resources({});
  CHECK(!none.memory_limit.has_value());
  CHECK(!none.memory_swap.has_value());
  CHECK(!none.cpu_quota.has_value());
  CHECK(!none.pids_limit.has_value());
}

TEST_CASE("limits at the edges neither overflow nor vanish") {
  DockerResources numbers;
  numbers.memory = INT64_MAX;
  numbers.nano_cpus = INT64_MAX;
  numbers.pids_limit = 0;
  numbers.memory_swappiness = -1;
  const Resources limits = docker_resources(numbers);
  CHECK(limits.memory_swap == -1);
  CHECK(limits.cpu_quota == INT64_MAX / 10000);
  CHECK(limits.pids_limit == -1);
  CHECK(!limits.memory_swappiness.has_value());
  numbers.memory_swap = -1;
  CHECK(docker_resources(numbers).memory_swap == -1);
  CHECK(error_with([](DockerSpecInput& input) { input.resources.cpu_shares = -1; }).message ==
        "shares: invalid argument");
}

TEST_CASE("ulimits are rlimits, -1 is no limit") {
  const Spec spec = spec_with([](DockerSpecInput& input) { input.ulimits = {{"nofile", 100, 200}, {"core", -1, -1}}; });
  CHECK(spec.process.rlimits[0].type == "RLIMIT_NOFILE");
  CHECK(spec.process.rlimits[0].soft == 100);
  CHECK(spec.process.rlimits[0].hard == 200);
  CHECK(spec.process.rlimits[1].hard == UINT64_MAX);
}

TEST_CASE("without privileges, limits of missing controllers are dropped with a warning") {
  DockerSpecInput input = plain_input();
  input.rootless = true;
  input.kernel.cgroup_controllers = {"pids"};
  input.resources.memory = 1 << 25;
  input.resources.nano_cpus = 1'000'000'000;
  input.resources.cpuset_cpus = "0";
  input.resources.pids_limit = 5;
  input.resources.blkio_weight = 10;
  const DockerSpec made = make_docker_spec(input).value();
  CHECK(made.warnings.size() == 4);
  CHECK(!made.spec.resources.memory_limit.has_value());
  CHECK(!made.spec.resources.cpu_quota.has_value());
  CHECK(made.spec.resources.cpuset_cpus.empty());
  CHECK(made.spec.resources.pids_limit == 5);
  CHECK(!made.spec.resources.blkio_weight.has_value());
}

TEST_CASE("security options are those of dockerd") {
  const auto options = parse_security_options({"no-new-privileges", "seccomp=unconfined", "label:disable",
                                               "apparmor=mine", "systempaths=unconfined", "disable"});
  REQUIRE(options.ok());
  CHECK(options->no_new_privileges);
  CHECK(options->systempaths_unconfined);
  CHECK(options->seccomp == "unconfined");
  CHECK(options->warnings == std::vector<std::string>{"--security-opt apparmor is not supported and has no effect"});
  CHECK(parse_security_options({"no-new-privileges:true"})->no_new_privileges);
  CHECK(!parse_security_options({"no-new-privileges=0"})->no_new_privileges);
  CHECK(parse_security_options({"x"}).error().message == "invalid --security-opt 1: \"x\"");
  CHECK(parse_security_options({"nosuch=1"}).error().message == "invalid --security-opt 2: \"nosuch=1\"");
  CHECK(parse_security_options({"no-new-privileges:x"}).error().message ==
        "invalid --security-opt 2: \"no-new-privileges:x\"");
}

TEST_CASE("the filter is the default, a profile, or none") {
  CHECK(!spec_with([](DockerSpecInput& input) { input.security_options = {"seccomp=unconfined"}; }).seccomp);
  CHECK(spec_with([](DockerSpecInput& input) { input.security_options = {"seccomp=builtin"}; }).seccomp);
  const Spec custom = spec_with([](DockerSpecInput& input) {
    input.privileged = true;
    input.security_options = {R"(seccomp={"defaultAction":"SCMP_ACT_LOG"})"};
  });
  CHECK(custom.seccomp->default_action == SeccompAction::log);
  const Spec admin = spec_with([](DockerSpecInput& input) { input.cap_add = {"SYS_ADMIN"}; });
  CHECK(evaluate(*admin.seccomp, "mount", {}).action == SeccompAction::allow);
  CHECK(error_with([](DockerSpecInput& input) {
          input.kernel.seccomp = false;
          input.security_options = {"seccomp={}"};
        }).message == "seccomp is not enabled in your kernel, cannot run a custom seccomp profile");
  DockerSpecInput without = plain_input();
  without.kernel.seccomp = false;
  const DockerSpec made = make_docker_spec(without).value();
  CHECK(!made.spec.seccomp.has_value());
  CHECK(made.warnings.size() == 1);
}

TEST_CASE("paths to mask can be chosen, or all given free") {
  const Spec chosen = spec_with([](DockerSpecInput& input) {
    input.masked_paths = std::vector<std::string>{"/x"};
    input.readonly_paths = std::vector<std::string>{};
  });
  CHECK(chosen.masked_paths == std::vector<std::string>{"/x"});
  CHECK(chosen.readonly_paths.empty());
  CHECK(spec_with([](DockerSpecInput& input) {
          input.security_options = {"systempaths=unconfined"};
        }).masked_paths.empty());
}

TEST_CASE("tmpfs options are merged, the later one winning, and unknown ones refused") {
  CHECK(merge_tmpfs_options({"noexec", "nosuid", "nodev", "rprivate", "size=1m", "exec", "size=2m", "defaults"})
            .value() == std::vector<std::string>{"nosuid", "nodev", "rprivate", "exec", "size=2m"});
  CHECK(merge_tmpfs_options({"nosuch"}).error().message == "invalid tmpfs option [\"nosuch\"]");
  CHECK(merge_tmpfs_options({"foo=1"}).error().message == "invalid tmpfs option [\"foo\" \"1\"]");
  CHECK(error_with([](DockerSpecInput& input) { input.mounts = {tmpfs("/x", "nosuch")}; }).message ==
        "invalid tmpfs option [\"nosuch\"]");
  CHECK(error_with([](DockerSpecInput& input) { input.mounts = {tmpfs("/x/..", "")}; }).message ==
        "invalid specification: destination can't be '/'");
}

TEST_CASE("device rules have one form") {
  const DeviceRule rule = parse_device_cgroup_rule("b 8:* rw").value();
  CHECK((rule.allow && rule.type == 'b' && rule.major == 8 && !rule.minor && rule.access == "rw"));
  std::size_t seen = 0;
  for (const char* bad : {"", "c 1:3", "x 1:3 r", "c 1 r", "c 1:3 rwmr", "c 1:3 x", "c -1:3 r", "c  1:3 r",
                          "c 99999999999999999999:1 r"}) {
    CAPTURE(bad);
    CHECK(parse_device_cgroup_rule(bad).error().message ==
          "invalid device cgroup rule format: '" + std::string(bad) + "'");
    ++seen;
  }
  CHECK(seen == 9);
}

TEST_CASE("the environment has Docker's defaults, which the user's values replace or take away") {
  CHECK(docker_environment({"A=1", "PATH=/x", "HOSTNAME", "A=2", "=odd", ""}, "box", true, "/home/u") ==
        std::vector<std::string>{"PATH=/x", "TERM=xterm", "A=2", "HOME=/home/u"});
  CHECK(docker_environment({"HOME=/mine"}, "box", false, "/root").back() == "HOME=/mine");
}

TEST_CASE("docker exec runs in the container's setting with what it changes") {
  const Spec spec = spec_with([](DockerSpecInput& input) {
    input.cwd = "/w";
    input.ulimits = {{"nofile", 5, 5}};
  });
  DockerExecInput exec;
  exec.args = {"id"};
  exec.env = {"A=1"};
  exec.hostname = "box";
  exec.home = "/";
  exec.user = User{1000, 1001, std::nullopt, {7}};
  Process process = make_docker_exec(spec, exec, plain_input().kernel);
  CHECK(process.cwd == "/w");
  CHECK(process.rlimits.size() == 1);
  CHECK(process.user.additional_gids == std::vector<std::uint32_t>{1001, 7});
  CHECK(process.env == std::vector<std::string>{"PATH=" + std::string(kDefaultPath), "HOSTNAME=box", "A=1", "HOME=/"});
  exec.privileged = true;
  exec.cwd = "/tmp";
  process = make_docker_exec(spec, exec, plain_input().kernel);
  CHECK(process.cwd == "/tmp");
  CHECK(capability_mask(process.capabilities->effective) == kAllCapabilities);
}
