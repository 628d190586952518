#include "runtime/init_plan.h"

#include <doctest/doctest.h>

#include "runtime/capability.h"
#include "runtime/default_spec.h"

using namespace drydock;
using namespace drydock::runtime;

namespace {

KernelFeatures hybrid_kernel() {
  KernelFeatures kernel;
  kernel.cgroup = KernelFeatures::Cgroup::hybrid;
  kernel.cgroup_controllers = {"cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices", "freezer"};
  kernel.cgroup_hierarchies = {{"/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct"},
                               {"/sys/fs/cgroup/systemd", "name=systemd"}};
  kernel.user_namespaces = true;
  kernel.overlay = true;
  kernel.seccomp = true;
  kernel.capabilities = kAllCapabilities;
  return kernel;
}

Spec small_spec() {
  Spec spec;
  spec.root_path = "/data/c1/merged";
  spec.process.args = {"sh", "-c", "id"};
  spec.process.env = {"PATH=/usr/bin:/bin"};
  spec.namespaces = {{NamespaceKind::mount, ""}, {NamespaceKind::pid, ""}};
  spec.cgroups_path = "/docker/c1";
  return spec;
}

std::vector<std::string> lines(const InitPlan& plan) {
  std::vector<std::string> out;
  for (const InitStep& step : plan.child) out.push_back(step_name(step) + ": " + step_detail(step));
  return out;
}

std::string text(const std::vector<std::string>& lines) {
  return join(lines, "\n");
}

}  // namespace

TEST_CASE("the smallest container: bind the root, fill /dev, pivot, drop privileges, wait, execute") {
  const auto plan = plan_init(small_spec(), hybrid_kernel());
  REQUIRE(plan.ok());
  CHECK(text(lines(*plan)) == text({
                                  "keyctl: a session keyring of its own",
                                  "propagation: / rslave",
                                  "mount: /data/c1/merged on / type rbind",
                                  "mknod: /dev/null c 1:3 0666",
                                  "mknod: /dev/random c 1:8 0666",
                                  "mknod: /dev/full c 1:7 0666",
                                  "mknod: /dev/tty c 5:0 0666",
                                  "mknod: /dev/zero c 1:5 0666",
                                  "mknod: /dev/urandom c 1:9 0666",
                                  "symlink: /dev/ptmx -> pts/ptmx",
                                  "symlink: /dev/fd -> /proc/self/fd",
                                  "symlink: /dev/stdin -> /proc/self/fd/0",
                                  "symlink: /dev/stdout -> /proc/self/fd/1",
                                  "symlink: /dev/stderr -> /proc/self/fd/2",
                                  "symlink: /dev/core -> /proc/kcore",
                                  "pivot_root: /data/c1/merged",
                                  "umask: 0022",
                                  "chdir: /",
                                  "bounding set: none",
                                  "setuid: uid 0 gid 0",
                                  "chdir: / as the user",
                                  "capset: effective none",
                                  "look up: sh in /usr/bin:/bin",
                                  "await start: created",
                                  "execve: sh -c id",
                              }));
  CHECK(plan->new_namespaces == std::vector{NamespaceKind::mount, NamespaceKind::pid});
  CHECK(plan->rootfs == "/data/c1/merged");
  CHECK(plan->cgroups_path == "/docker/c1");
}

TEST_CASE("a container of docker run, step by step") {
  DockerSpecInput input;
  input.id = "c1";
  input.args = {"sh"};
  input.env = {"PATH=/bin"};
  input.root_path = "/data/c1/merged";
  input.root_mounts = {{"/", "overlay", "overlay", {"lowerdir=/l", "upperdir=/u", "workdir=/w"}}};
  input.root_readonly = true;
  input.hostname = "box";
  input.cwd = "/srv/dir";
  input.terminal = true;
  input.kernel = hybrid_kernel();
  input.masked_paths = std::vector<std::string>{"/proc/kcore"};
  input.readonly_paths = std::vector<std::string>{"/proc/sys"};
  input.sysctls = {{"kernel.shmmax", "1000"}};
  input.ulimits = {{"nofile", 100, 200}};
  input.oom_score_adj = 0;
  input.user.uid = 1000;
  DockerMount volume;
  volume.source = "/src";
  volume.destination = "/v";
  volume.read_only = true;
  input.mounts = {volume};
  Spec spec = make_docker_spec(input).value().spec;
  spec.devices = {{"/dev/fuse", 'c', 10, 229, 0660, 0, 0}, {"/dev/tty", 'c', 5, 0, 0600, 0, 0}};
  const auto plan = plan_init(spec, hybrid_kernel());
  REQUIRE(plan.ok());
  CHECK(text(lines(*plan)) ==
        text({
            "oom_score_adj: 0",
            "keyctl: a session keyring of its own",
            "propagation: / rslave",
            "mount: overlay on / type overlay (lowerdir=/l,upperdir=/u,workdir=/w)",
            "mount: proc on /proc type proc (nosuid,nodev,noexec)",
            "mount: tmpfs on /dev type tmpfs (nosuid,strictatime,mode=755,size=65536k)",
            "mount: devpts on /dev/pts type devpts (nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5)",
            "mount: sysfs on /sys type sysfs (ro,nosuid,nodev,noexec)",
            "mount: tmpfs on /sys/fs/cgroup type tmpfs (nosuid,nodev,noexec,mode=755)",
            "mount: /sys/fs/cgroup/cpu,cpuacct/docker/c1 on /sys/fs/cgroup/cpu,cpuacct type rbind "
            "(ro,nosuid,nodev,noexec)",
            "mount: /sys/fs/cgroup/systemd/docker/c1 on /sys/fs/cgroup/systemd type rbind (ro,nosuid,nodev,noexec)",
            "symlink: /sys/fs/cgroup/cpu -> cpu,cpuacct",
            "symlink: /sys/fs/cgroup/cpuacct -> cpu,cpuacct",
            "mount: mqueue on /dev/mqueue type mqueue (nosuid,nodev,noexec)",
            "mount: shm on /dev/shm type tmpfs (nosuid,nodev,noexec,mode=1777,size=67108864)",
            "mount: /src on /v type rbind (ro,rprivate)",
            "mknod: /dev/null c 1:3 0666",
            "mknod: /dev/random c 1:8 0666",
            "mknod: /dev/full c 1:7 0666",
            "mknod: /dev/zero c 1:5 0666",
            "mknod: /dev/urandom c 1:9 0666",
            "mknod: /dev/fuse c 10:229 0660",
            "mknod: /dev/tty c 5:0 0600",
            "symlink: /dev/ptmx -> pts/ptmx",
            "symlink: /dev/fd -> /proc/self/fd",
            "symlink: /dev/stdin -> /proc/self/fd/0",
            "symlink: /dev/stdout -> /proc/self/fd/1",
            "symlink: /dev/stderr -> /proc/self/fd/2",
            "symlink: /dev/core -> /proc/kcore",
            "pivot_root: /data/c1/merged",
            "mkdir: /srv/dir 0755",
            "console: controlling terminal, /dev/console",
            "read-only root: /",
            "umask: 0022",
            "sethostname: box",
            "sysctl: /proc/sys/kernel/shmmax = 1000",
            "sysctl: /proc/sys/net/ipv4/ip_unprivileged_port_start = 0",
            "sysctl: /proc/sys/net/ipv4/ping_group_range = 0 2147483647",
            "read-only: /proc/sys",
            "mask: /proc/kcore",
            "setrlimit: RLIMIT_NOFILE 100:200",
            "seccomp: " + std::to_string(spec.seccomp->rules.size()) + " rules",
            "chdir: /srv/dir",
            "bounding set: chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,"
            "sys_chroot,mknod,audit_write,setfcap",
            "setuid: uid 1000 gid 0 groups 0",
            "chdir: /srv/dir as the user",
            "capset: effective none",
            "look up: sh in /bin",
            "await start: created",
            "execve: sh",
        }));
  CHECK(plan->terminal);
  CHECK(plan->new_namespaces == std::vector{NamespaceKind::mount, NamespaceKind::network, NamespaceKind::uts,
                                            NamespaceKind::pid, NamespaceKind::ipc});
  CHECK(plan->resources.devices.size() == spec.resources.devices.size() + default_device_rules().size());
}

TEST_CASE("with no_new_privs the filter is loaded after the privileges are gone, without it before") {
  Spec spec = small_spec();
  spec.seccomp.emplace();
  const auto position = [](const InitPlan& plan, std::string_view name) {
    std::ptrdiff_t at = 0;
    for (const InitStep& step : plan.child) {
      if (step_name(step) == name) return at;
      ++at;
    }
    return std::ptrdiff_t{-1};
  };
  const InitPlan plain = plan_init(spec, hybrid_kernel()).value();
  CHECK(position(plain, "no_new_privs") == -1);
  CHECK(position(plain, "seccomp") < position(plain, "bounding set"));
  spec.process.no_new_privileges = true;
  const InitPlan locked = plan_init(spec, hybrid_kernel()).value();
  CHECK(position(locked, "no_new_privs") < position(locked, "bounding set"));
  CHECK(position(locked, "seccomp") == position(locked, "look up") + 1);
  CHECK(position(locked, "seccomp") < position(locked, "await start"));
}

TEST_CASE("joined namespaces come first, the user namespace before all, the mount namespace last") {
  Spec spec = small_spec();
  spec.namespaces.push_back({NamespaceKind::network, "/proc/7/ns/net"});
  spec.namespaces.push_back({NamespaceKind::ipc, "/proc/7/ns/ipc"});
  spec.namespaces.push_back({NamespaceKind::user, "/proc/7/ns/user"});
  spec.namespaces.push_back({NamespaceKind::cgroup, ""});
  const InitPlan plan = plan_init(spec, hybrid_kernel()).value();
  const auto all = lines(plan);
  CHECK(text({all.begin(), all.begin() + 5}) == text({
                                                    "setns: user namespace /proc/7/ns/user",
                                                    "setns: ipc namespace /proc/7/ns/ipc",
                                                    "setns: network namespace /proc/7/ns/net",
                                                    "unshare: new cgroup namespace",
                                                    "keyctl: a session keyring of its own",
                                                }));
  CHECK(plan.new_namespaces == std::vector{NamespaceKind::mount, NamespaceKind::pid});
}

TEST_CASE("in a user namespace devices are bound from the host and sysfs has a fallback") {
  Spec spec = small_spec();
  spec.namespaces.push_back({NamespaceKind::user, ""});
  spec.uid_mappings = spec.gid_mappings = {{0, 100000, 65536}};
  spec.mounts = {{"/sys", "sysfs", "sysfs", {"ro"}}};
  const std::string all = text(lines(plan_init(spec, hybrid_kernel()).value()));
  CHECK(all.find("mount: sysfs on /sys type sysfs (ro) or bind /sys\n") != std::string::npos);
  CHECK(all.find("mknod: /dev/null from the host\n") != std::string::npos);
}

TEST_CASE("cgroup v2 is one mount, v1 in a cgroup namespace one for each hierarchy") {
  Spec spec = small_spec();
  spec.namespaces.push_back({NamespaceKind::cgroup, ""});
  spec.mounts = {{"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid"}}};
  KernelFeatures v2 = hybrid_kernel();
  v2.cgroup = KernelFeatures::Cgroup::v2;
  CHECK(text(lines(plan_init(spec, v2).value()))
            .find("mount: cgroup on /sys/fs/cgroup type cgroup2 (ro,nosuid) or bind /sys/fs/cgroup/docker/c1\n") !=
        std::string::npos);
  const std::string v1 = text(lines(plan_init(spec, hybrid_kernel()).value()));
  CHECK(v1.find("mount: cgroup on /sys/fs/cgroup/cpu,cpuacct type cgroup (ro,nosuid,nodev,noexec,cpu,cpuacct)\n") !=
        std::string::npos);
  CHECK(v1.find("mount: cgroup on /sys/fs/cgroup/systemd type cgroup (ro,nosuid,nodev,noexec,name=systemd)\n") !=
        std::string::npos);
}

TEST_CASE("a shared root stays shared inside, and its mount does not reach the host") {
  Spec spec = small_spec();
  spec.rootfs_propagation = "rshared";
  const std::string all = text(lines(plan_init(spec, hybrid_kernel()).value()));
  CHECK(all.find("propagation: / rshared\npropagation: /data/c1/merged private\nmount: /data/c1/merged on / ") !=
        std::string::npos);
  CHECK(all.find("pivot_root: /data/c1/merged\npropagation: / rshared\n") != std::string::npos);
}

TEST_CASE("a read-only tmpfs is mounted writable and made read-only after the switch") {
  Spec spec = small_spec();
  spec.mounts = {{"/run", "tmpfs", "tmpfs", {"ro", "nosuid", "size=1m", "tmpcopyup"}}};
  const std::string all = text(lines(plan_init(spec, hybrid_kernel()).value()));
  const std::size_t mounted = all.find("mount: tmpfs on /run type tmpfs (nosuid,size=1m,tmpcopyup)\n");
  const std::size_t pivot = all.find("pivot_root: ");
  const std::size_t remounted = all.find("remount: /run (ro,nosuid)\n");
  REQUIRE(remounted != std::string::npos);
  CHECK(mounted < pivot);
  CHECK(pivot < remounted);
}

TEST_CASE("with a /dev of the user's nothing is made in it") {
  Spec spec = small_spec();
  spec.mounts = {{"/dev", "bind", "/dev", {"rbind"}}};
  const std::string all = text(lines(plan_init(spec, hybrid_kernel()).value()));
  CHECK(all.find("mknod") == std::string::npos);
  CHECK(all.find("symlink") == std::string::npos);
}

TEST_CASE("hostile paths are brought below the root before anything is done") {
  Spec spec = small_spec();
  spec.cgroups_path = "../../../etc";
  spec.masked_paths = {"/../../etc/passwd"};
  spec.mounts = {{"../../v", "tmpfs", "tmpfs", {}}};
  const InitPlan plan = plan_init(spec, hybrid_kernel()).value();
  CHECK(plan.cgroups_path == "/etc");
  const std::string all = text(lines(plan));
  CHECK(all.find("mount: tmpfs on /v type tmpfs\n") != std::string::npos);
  CHECK(all.find("mask: /etc/passwd\n") != std::string::npos);
}

TEST_CASE("docker exec joins, then goes the same way to execve without waiting") {
  Spec spec = small_spec();
  spec.seccomp.emplace();
  Process process = spec.process;
  process.args = {"id"};
  process.terminal = true;
  process.oom_score_adj = 5;
  process.user.umask = 077;
  process.rlimits = {{"RLIMIT_CORE", 0, 0}};
  const auto plan =
      plan_exec(spec, process, {{NamespaceKind::mount, "/proc/7/ns/mnt"}, {NamespaceKind::pid, "/proc/7/ns/pid"}},
                hybrid_kernel());
  REQUIRE(plan.ok());
  CHECK(text(lines(*plan)) == text({
                                  "oom_score_adj: 5",
                                  "setns: pid namespace /proc/7/ns/pid",
                                  "setns: mount namespace /proc/7/ns/mnt",
                                  "keyctl: a session keyring of its own",
                                  "console: controlling terminal",
                                  "umask: 0077",
                                  "setrlimit: RLIMIT_CORE 0:0",
                                  "seccomp: 0 rules",
                                  "chdir: /",
                                  "bounding set: none",
                                  "setuid: uid 0 gid 0",
                                  "chdir: / as the user",
                                  "capset: effective none",
                                  "look up: id in /usr/bin:/bin",
                                  "execve: id",
                              }));
  CHECK(plan->new_namespaces.empty());
  CHECK(plan->rootfs.empty());
  process.args.clear();
  CHECK(plan_exec(spec, process, {}, hybrid_kernel()).error().message == "args must not be empty");
}

TEST_CASE("a plan survives the way through JSON") {
  Spec spec = small_spec();
  spec.mounts = {{"/proc", "proc", "proc", {"nosuid"}}, {"/v\xff", "bind", "/src", {"rbind", "ro", "rslave"}}};
  spec.seccomp.emplace();
  spec.seccomp->rules = {{{"personality"}, SeccompAction::allow, 7, {{0, 0xffffffff, 1, SeccompOperator::masked_eq}}}};
  spec.resources.memory_limit = -1;
  spec.process.rlimits = {{"RLIMIT_NOFILE", UINT64_MAX, 1024}};
  const InitPlan plan = plan_init(spec, hybrid_kernel()).value();
  const std::string json = to_json_text(plan);
  const auto back = init_plan_from_json(json);
  REQUIRE(back.ok());
  CHECK(to_json_text(*back) == json);
  CHECK(text(lines(*back)) == text(lines(plan)));
}

TEST_CASE("the reader of plans refuses what the writer does not write") {
  const std::string good = to_json_text(plan_init(small_spec(), hybrid_kernel()).value());
  REQUIRE(init_plan_from_json(good).ok());
  const auto with = [&](std::string_view what, std::string_view instead) {
    const std::string changed = replace_all(good, what, instead);
    REQUIRE(changed != good);
    const auto plan = init_plan_from_json(changed);
    return plan.ok() ? std::string("accepted") : plan.error().message;
  };
  CHECK(with("\"rootfs\":", "\"rootfz\":") == "init plan: bad member \"rootfs\"");
  CHECK(with("\"terminal\":false", "\"terminal\":false,\"more\":1") == "init plan: unknown member");
  CHECK(with("\"terminal\":false", "\"terminal\":0") == "init plan: bad member \"terminal\"");
  CHECK(with("\"height\":0", "\"height\":65536") == "init plan: bad member \"console_size\"");
  CHECK(with("\"step\":\"await_start\"", "\"step\":\"nosuch\"") == "init plan: bad member \"child\"");
  CHECK(with("\"step\":\"await_start\"", "\"step\":\"await_start\",\"x\":1") == "init plan: bad member \"child\"");
  CHECK(with("\"new_namespaces\":[0,", "\"new_namespaces\":[8,") == "init plan: bad member \"new_namespaces\"");
  CHECK(with("\"mask\":18", "\"mask\":-18") == "init plan: bad member \"child\"");
  CHECK(init_plan_from_json("[]").error().message == "init plan: not an object");
  CHECK(!init_plan_from_json("{").ok());
  CHECK(init_plan_from_json(std::string(16 * 1024 * 1024 + 1, ' ')).error().kind == ErrorKind::too_large);
}
