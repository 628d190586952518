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
