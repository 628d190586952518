// What plan_init and plan_exec refuse, each with the words that docker shows.
#include "runtime/plan_checks.h"

#include <doctest/doctest.h>

#include <functional>

#include "runtime/capability.h"

using namespace drydock;
using namespace drydock::runtime;

namespace {

KernelFeatures able_kernel() {
  KernelFeatures kernel;
  kernel.cgroup = KernelFeatures::Cgroup::v1;
  kernel.cgroup_controllers = {"memory", "cpu", "cpuset", "pids", "blkio"};
  kernel.user_namespaces = true;
  kernel.seccomp = true;
  kernel.capabilities = kAllCapabilities;
  return kernel;
}

Spec good_spec() {
  Spec spec;
  spec.root_path = "/rootfs";
  spec.process.args = {"true"};
  spec.namespaces = {
      {NamespaceKind::mount, ""}, {NamespaceKind::uts, ""}, {NamespaceKind::ipc, ""}, {NamespaceKind::network, ""}};
  return spec;
}

std::string refusal(const std::function<void(Spec&, KernelFeatures&)>& spoil) {
  Spec spec = good_spec();
  KernelFeatures kernel = able_kernel();
  REQUIRE(plan_init(spec, kernel).ok());
  spoil(spec, kernel);
  const auto plan = plan_init(spec, kernel);
  return plan.ok() ? "accepted" : plan.error().message;
}

std::string sysctl_refusal(const std::string& name) {
  return refusal([&](Spec& spec, KernelFeatures&) { spec.sysctl[name] = "1"; });
}

void drop_namespace(Spec& spec, NamespaceKind kind) {
  std::erase_if(spec.namespaces, [&](const Namespace& ns) { return ns.kind == kind; });
}

}  // namespace

TEST_CASE("a process needs arguments, an absolute directory and a proper environment") {
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.process.args.clear(); }) == "args must not be empty");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.process.cwd = ""; }) == "Cwd property must not be empty");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.process.cwd = "tmp"; }) == "Cwd must be an absolute path");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.process.env = {"PATH"}; }) ==
        "invalid environment variable: \"PATH\"");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.process.env = {"=x"}; }) ==
        "invalid environment variable: \"=x\"");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.process.args = {std::string("a\0b", 3)}; }) ==
        "argument contains a NUL byte: \"a\\x00b\"");
}

TEST_CASE("namespaces have to fit together") {
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.namespaces.push_back({NamespaceKind::ipc, ""});
        }) == "malformed spec file: duplicated ns \"ipc\"");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.namespaces[0].path = "/proc/1/ns/mnt"; }) ==
        "a container without a mount namespace of its own is not supported");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          drop_namespace(spec, NamespaceKind::mount);
          spec.masked_paths = {"/proc/kcore"};
        }) == "unable to restrict sys entries without a private MNT namespace");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          drop_namespace(spec, NamespaceKind::uts);
          spec.hostname = "box";
        }) == "unable to set hostname without a private UTS namespace");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          drop_namespace(spec, NamespaceKind::uts);
          spec.domainname = "box";
        }) == "unable to set domainname without a private UTS namespace");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.namespaces.push_back({NamespaceKind::time, ""});
        }) == "time namespaces aren't enabled in the kernel");
}

TEST_CASE("a user namespace needs mappings, and mappings a user namespace") {
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.namespaces.push_back({NamespaceKind::user, ""});
        }) == "user namespaces enabled, but no namespace path to join nor mappings to apply specified");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.uid_mappings = {{0, 1000, 1}};
        }) == "user namespace mappings specified, but user namespace isn't enabled in the config");
  CHECK(refusal([](Spec& spec, KernelFeatures& kernel) {
          kernel.user_namespaces = false;
          spec.namespaces.push_back({NamespaceKind::user, "/proc/1/ns/user"});
        }) == "user namespaces aren't enabled in the kernel");
  CHECK(refusal([](Spec&, KernelFeatures& kernel) { kernel.rootless = true; }) ==
        "rootless container requires user namespaces");
  const auto with_user = [](std::uint32_t uid, std::uint32_t gid) {
    return refusal([&](Spec& spec, KernelFeatures&) {
      spec.namespaces.push_back({NamespaceKind::user, ""});
      spec.uid_mappings = spec.gid_mappings = {{0, 100000, 1000}};
      spec.process.user.uid = uid;
      spec.process.user.gid = gid;
    });
  };
  CHECK(with_user(999, 999) == "accepted");
  CHECK(with_user(1000, 0) == "unable to setup user: cannot setuid to unmapped uid 1000 in user namespace");
  CHECK(with_user(0, 1000) == "unable to setup user: cannot setgid to unmapped gid 1000 in user namespace");
}

TEST_CASE("a capability that the kernel cannot give fails as runc fails, but not in a user namespace") {
  const auto wanting = [](bool user_namespace) {
    return refusal([&](Spec& spec, KernelFeatures& kernel) {
      kernel.capabilities &= ~(std::uint64_t{1} << 24);
      spec.process.capabilities.emplace();
      spec.process.capabilities->effective = {"CAP_SYS_RESOURCE"};
      if (user_namespace) spec.namespaces.push_back({NamespaceKind::user, "/proc/1/ns/user"});
    });
  };
  CHECK(wanting(false) == "unable to apply caps: operation not permitted");
  CHECK(wanting(true) == "accepted");
}

TEST_CASE("a sysctl is taken only if it belongs to a namespace of the container") {
  for (const char* name : {"net.ipv4.ip_forward", "kernel.shmmax", "fs.mqueue.msg_max", "kernel.domainname",
                           "net/ipv4/conf/eth0.1/forwarding"}) {
    CAPTURE(name);
    CHECK(sysctl_refusal(name) == "accepted");
  }
  CHECK(sysctl_refusal("nosuch.x") == "sysctl \"nosuch.x\" is not in a separate kernel namespace");
  CHECK(sysctl_refusal("kernel.pid_max") == "sysctl \"kernel.pid_max\" is not in a separate kernel namespace");
  CHECK(sysctl_refusal("kernel.hostname") ==
        "sysctl \"kernel.hostname\" is not allowed as it conflicts with the OCI \"hostname\" field");
  CHECK(sysctl_refusal("user.max_user_namespaces") ==
        "setting ucounts without a user namespace not allowed: user.max_user_namespaces");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          drop_namespace(spec, NamespaceKind::network);
          spec.sysctl["net.core.somaxconn"] = "1";
        }) == "sysctl \"net.core.somaxconn\" not allowed in host network namespace");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          drop_namespace(spec, NamespaceKind::ipc);
          spec.sysctl["kernel.sem"] = "1";
        }) == "sysctl \"kernel.sem\" is not allowed in the hosts ipc namespace");
}

TEST_CASE("a sysctl's name cannot lead out of its namespace") {
  std::size_t seen = 0;
  for (const char* name : {"net.//.kernel.pid_max", "net..kernel", "net./.x", "net.", "net/../kernel/pid_max"}) {
    CAPTURE(name);
    CHECK(sysctl_refusal(name).find("is not in a separate kernel namespace") != std::string::npos);
    ++seen;
  }
  CHECK(seen == 5);
  Spec spec = good_spec();
  spec.sysctl = {{"net/ipv4/conf/eth0.1/forwarding", "1"}};
  CHECK(plan_sysctls(spec).value()[0].path == "/proc/sys/net/ipv4/conf/eth0.1/forwarding");
}

TEST_CASE("limits are refused where their controller is missing") {
  const auto without = [](const char* controller, const std::function<void(Resources&)>& limit) {
    return refusal([&](Spec& spec, KernelFeatures& kernel) {
      std::erase(kernel.cgroup_controllers, controller);
      limit(spec.resources);
    });
  };
  CHECK(without("memory", [](Resources& r) { r.memory_limit = 1 << 25; }) ==
        "cannot set memory limit: container could not join or create cgroup");
  CHECK(without("cpu", [](Resources& r) { r.cpu_quota = 5000; }) ==
        "cannot set cpu limit: container could not join or create cgroup");
  CHECK(without("cpuset", [](Resources& r) { r.cpuset_cpus = "0"; }) ==
        "cannot set cpuset limit: container could not join or create cgroup");
  CHECK(without("pids", [](Resources& r) { r.pids_limit = 5; }) ==
        "cannot set pids limit: container could not join or create cgroup");
  CHECK(without("blkio", [](Resources& r) { r.blkio_weight = 500; }) ==
        "cannot set blkio limit: container could not join or create cgroup");
  CHECK(without("pids", [](Resources& r) { r.pids_limit = -1; }) == "accepted");
  CHECK(without("memory", [](Resources& r) { r.memory_limit = -1; }) == "accepted");
}

TEST_CASE("mounts that would lie about the kernel or cannot be made are refused") {
  const auto with = [](Mount mount) {
    return refusal([&](Spec& spec, KernelFeatures&) { spec.mounts = {std::move(mount)}; });
  };
  CHECK(with({"/proc/sys", "bind", "/x", {"bind"}}) == "\"/proc/sys\" cannot be mounted because it is inside /proc");
  CHECK(with({"/a/../proc//self", "tmpfs", "tmpfs", {}}) ==
        "\"/proc/self\" cannot be mounted because it is inside /proc");
  CHECK(with({"/proc", "tmpfs", "tmpfs", {}}) == "\"/proc\" cannot be mounted because it is not of type proc");
  CHECK(with({"/proc/meminfo", "bind", "/lxcfs/meminfo", {"bind"}}) == "accepted");
  CHECK(with({"/v", "bind", "/x", {"bind", "size=1m"}}) ==
        "invalid mount \"/v\": bind mounts cannot have any filesystem-specific options applied");
  CHECK(with({"/v", "bind", "x", {"bind"}}) == "invalid mount \"/v\": source \"x\" is not absolute");
  CHECK(with({"/v", "bind", "/x", {"idmap"}}) == "invalid mount \"/v\": id-mapped mounts are not supported");
  CHECK(with({"", "tmpfs", "tmpfs", {}}) == "invalid mount \"\": destination is empty");
  CHECK(with({"/v", "tmpfs", std::string("a\0b", 3), {}}) == "invalid mount \"/v\": NUL byte");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.mounts.resize(kPlanMountsMax + 1); }) ==
        "more than 10000 mounts");
}

TEST_CASE("other things that cannot be carried out are named") {
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.root_path = "rootfs"; }) ==
        "invalid rootfs: not an absolute path, or a symlink");
  CHECK(refusal([](Spec& spec, KernelFeatures&) { spec.rootfs_propagation = "odd"; }) ==
        "rootfsPropagation=odd is not supported");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.process.rlimits = {{"RLIMIT_NOSUCH", 1, 1}};
        }) == "wrong rlimit value: RLIMIT_NOSUCH");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.devices = {{"/dev/x", 'q', 1, 1, 0666, 0, 0}};
        }) == "q is not a valid device type for device /dev/x");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.devices = {{"x", 'c', 1, 1, 0666, 0, 0}};
        }) == "device path \"x\" is not absolute");
  CHECK(refusal([](Spec& spec, KernelFeatures& kernel) {
          kernel.seccomp = false;
          spec.seccomp.emplace();
        }) == "seccomp: config provided but seccomp not supported");
  CHECK(refusal([](Spec& spec, KernelFeatures&) {
          spec.hooks.poststop.push_back({"/hook", {}, {}, {}});
        }) == "hooks are not supported");
}

TEST_CASE("paths are cleaned by their text and cannot leave the root") {
  CHECK(clean_absolute_path("/a//b/./c/../d/") == "/a/b/d");
  CHECK(clean_absolute_path("/../../etc") == "/etc");
  CHECK(clean_absolute_path("docker/c1") == "/docker/c1");
  CHECK(clean_absolute_path("") == "/");
}
