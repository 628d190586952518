#include <doctest/doctest.h>

#include "runtime/capability.h"
#include "runtime/init_plan.h"
#include "runtime/mount_options.h"

using namespace drydock;
using namespace drydock::runtime;

TEST_CASE("a mount reads as a line of mount(8)") {
  StepMount mount;
  mount.source = "proc";
  mount.target = "/proc";
  mount.type = "proc";
  mount.flags = kMsNosuid | kMsNodev | kMsNoexec;
  CHECK(step_name(mount) == "mount");
  CHECK(step_detail(mount) == "proc on /proc type proc (nosuid,nodev,noexec)");
  StepMount bind;
  bind.source = "/src";
  bind.target = "/v";
  bind.flags = kMsBind | kMsRec;
  bind.remount_flags = kMsBind | kMsRemount | kMsRdonly;
  bind.propagation = kMsPrivate | kMsRec;
  CHECK(step_detail(bind) == "/src on /v type rbind (ro,rprivate)");
  StepMount remount;
  remount.target = "/run";
  remount.flags = kMsBind | kMsRemount | kMsRdonly;
  CHECK(step_name(remount) == "remount");
  CHECK(step_detail(remount) == "/run (ro)");
}

TEST_CASE("a program that cannot be found fails in the words of Go's LookPath") {
  const InitStep by_name = StepResolveExecutable{"nosuch", "/bin"};
  const InitStep by_path = StepResolveExecutable{"/x", "/bin"};
  CHECK(step_failure(by_name, Errno::enoent) == "exec: \"nosuch\": executable file not found in $PATH");
  CHECK(step_failure(by_path, Errno::enoent) == "exec: \"/x\": stat /x: no such file or directory");
  CHECK(step_failure(StepResolveExecutable{"/etc", "/bin"}, Errno::eacces) == "exec: \"/etc\": permission denied");
  CHECK(step_failure(StepResolveExecutable{"/a/b", "/bin"}, Errno::enotdir) ==
        "exec: \"/a/b\": stat /a/b: not a directory");
}

TEST_CASE("failures of the steps are worded as runc words them") {
  StepMount bind;
  bind.source = "/tmp/e2e";
  bind.target = "/etc/passwd";
  bind.flags = kMsBind | kMsRec;
  CHECK(step_failure(bind, Errno::enotdir) ==
        "error during container init: error mounting \"/tmp/e2e\" to rootfs at \"/etc/passwd\": mount "
        "/tmp/e2e:/etc/passwd, flags: 0x5000: not a directory");
  CHECK(step_failure(StepSetRlimit{7, 1, 2, "RLIMIT_NOFILE"}, Errno::eperm) ==
        "error during container init: error setting rlimits for ready process: error setting rlimit type 7: operation "
        "not permitted");
  CHECK(step_failure(StepSetSysctl{"/proc/sys/net/nosuch", "1"}, Errno::enoent) ==
        "error during container init: open /proc/sys/net/nosuch: no such file or directory");
  CHECK(step_failure(StepSetSysctl{"/proc/sys/net/x", "1"}, Errno::einval) ==
        "error during container init: write /proc/sys/net/x: invalid argument");
  CHECK(step_failure(StepSetCapabilities{}, Errno::eperm) == "unable to apply caps: operation not permitted");
  CHECK(step_failure(StepChangeDirectory{"/w", true}, Errno::eacces) ==
        "chdir to cwd (\"/w\") set in config.json failed: permission denied");
  CHECK(step_failure(StepExec{{"/bin/x", "y"}, {}}, Errno::enoexec) == "exec /bin/x: exec format error");
  CHECK(step_failure(StepPivotRoot{"/r"}, Errno::einval) ==
        "error during container init: error jailing process inside rootfs: pivot_root .: invalid argument");
  CHECK(step_failure(StepJoinNamespace{NamespaceKind::network, "/proc/1/ns/net"}, Errno::eperm) ==
        "error during container init: setns network namespace /proc/1/ns/net: operation not permitted");
}

TEST_CASE("every step has a name, a description and a failure") {
  const std::vector<InitStep> steps = {
      StepJoinNamespace{NamespaceKind::pid, "/proc/1/ns/pid"},
      StepUnshareNamespace{NamespaceKind::cgroup},
      StepJoinSessionKeyring{"_ses"},
      StepSetPropagation{"/", kMsShared},
      StepMount{},
      StepMakeDirectory{"/w", 0755},
      StepMakeDevice{{"/dev/x", 'b', 1, 2, 0640, 0, 0}, true},
      StepMakeSymlink{"a", "/b"},
      StepPivotRoot{"/r"},
      StepRemountRootReadonly{},
      StepMaskPath{"/proc/kcore"},
      StepReadonlyPath{"/proc/sys"},
      StepSetHostname{"h"},
      StepSetDomainname{"d"},
      StepSetSysctl{"/proc/sys/x", "1"},
      StepSetRlimit{7, UINT64_MAX, 5, "RLIMIT_NOFILE"},
      StepSetupConsole{false},
      StepSetUmask{022},
      StepSetOomScoreAdj{-500},
      StepResolveExecutable{"sh", "/bin"},
      StepAwaitStart{},
      StepSetNoNewPrivileges{},
      StepLoadSeccomp{},
      StepLimitCapabilities{kAllCapabilities},
      StepSetUser{{1000, 1001, std::nullopt, {1001, 7}}, true},
      StepSetCapabilities{0x20, 0x21, 0x20, 0x20},
      StepChangeDirectory{"/w", false},
      StepExec{{"sh", "-c"}, {}},
  };
  CHECK(steps.size() == std::variant_size_v<InitStep>);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    CHECK(steps[i].index() == i);
    CHECK(!step_name(steps[i]).empty());
    CHECK(!step_detail(steps[i]).empty());
    CHECK(step_failure(steps[i], Errno::eio).ends_with(": input/output error"));
  }
  CHECK(step_detail(steps[6]) == "/dev/x from the host");
  CHECK(step_detail(steps[15]) == "RLIMIT_NOFILE unlimited:5");
  CHECK(step_detail(steps[18]) == "-500");
  CHECK(step_detail(steps[23]) == "all");
  CHECK(step_detail(steps[24]) == "uid 1000 gid 1001 groups 1001,7");
  CHECK(step_detail(steps[25]) == "effective kill permitted chown,kill inheritable kill ambient kill");
}
