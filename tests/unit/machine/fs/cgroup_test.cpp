#include <doctest/doctest.h>

#include "machine/fs/cgroup/cgroup_path.h"
#include "machine/fs/cgroup/cgroupfs.h"
#include "machine/fs/cgroup/device_rules.h"
#include "tests/support/machine/booted_machine.h"

namespace drydock::machine {
namespace {

using testing::BootedMachine;
using testing::Finished;

/// A machine with busybox, and a shell in it.
struct Shell {
  explicit Shell(CgroupLayout layout) : booted(config(layout)) {
    booted.furnish();
    booted.put_host_file("/bin/busybox", "/bin/busybox");
    booted.put_symlink("/bin/sh", "busybox");
    booted.put_directory("/cg");
  }
  static MachineConfig config(CgroupLayout layout) {
    MachineConfig config;
    config.cgroups = layout;
    return config;
  }
  std::string sh(const std::string& script) {
    const Finished end = booted.run({"/bin/sh", "-c", script});
    return end.out + end.err;
  }
  BootedMachine booted;
};

TEST_CASE("files of a controller appear where the parent gives it") {
  Shell shell(CgroupLayout::unified);
  CHECK(shell.sh("mount -t cgroup2 none /cg; cat /cg/cgroup.controllers; mkdir /cg/a; ls /cg/a | grep -c memory") ==
        "cpuset cpu io memory hugetlb pids rdma misc\n0\n");
  CHECK(shell.sh("echo '+memory +pids' > /cg/cgroup.subtree_control; cat /cg/cgroup.subtree_control; "
                 "cat /cg/a/cgroup.controllers /cg/a/memory.max /cg/a/pids.max") ==
        "memory pids\nmemory pids\nmax\nmax\n");
  CHECK(shell.sh("echo -pids > /cg/cgroup.subtree_control; ls /cg/a | grep -c pids") == "0\n");
}

TEST_CASE("limits are rounded to pages and refused when they are no numbers") {
  Shell shell(CgroupLayout::unified);
  shell.sh("mount -t cgroup2 none /cg; echo '+memory +cpu +pids' > /cg/cgroup.subtree_control; mkdir /cg/a");
  CHECK(shell.sh("echo 5000 > /cg/a/memory.max; cat /cg/a/memory.max") == "4096\n");
  CHECK(shell.sh("echo 64M > /cg/a/memory.max; cat /cg/a/memory.max") == "67108864\n");
  CHECK(shell.sh("echo x > /cg/a/memory.max") == "sh: write error: Invalid argument\n");
  CHECK(
      shell.sh("echo '50000 100000' > /cg/a/cpu.max; cat /cg/a/cpu.max; echo max > /cg/a/cpu.max; cat /cg/a/cpu.max") ==
      "50000 100000\nmax 100000\n");
  CHECK(shell.sh("echo 10 > /cg/a/cpu.max") == "sh: write error: Invalid argument\n");
  CHECK(shell.sh("echo 20000 > /cg/a/cpu.weight") == "sh: write error: Numerical result out of range\n");
  CHECK(shell.sh("echo 200 > /cg/a/cpu.weight; cat /cg/a/cpu.weight.nice") == "-3\n");
  CHECK(shell.sh("echo 10 > /cg/a/pids.max; cat /cg/a/pids.max") == "10\n");
}

TEST_CASE("a group that gives its children controllers holds no processes") {
  Shell shell(CgroupLayout::unified);
  shell.sh("mount -t cgroup2 none /cg; echo +pids > /cg/cgroup.subtree_control; mkdir /cg/a");
  CHECK(shell.sh("echo +pids > /cg/a/cgroup.subtree_control; echo 0 > /cg/a/cgroup.procs") ==
        "sh: write error: Device or resource busy\n");
  CHECK(shell.sh("echo -pids > /cg/a/cgroup.subtree_control; echo 0 > /cg/a/cgroup.procs; "
                 "echo +pids > /cg/a/cgroup.subtree_control") == "sh: write error: Device or resource busy\n");
}

TEST_CASE("version 1 shows a hierarchy for each controller under its old names") {
  Shell shell(CgroupLayout::legacy);
  CHECK(shell.sh("mount -t cgroup -o memory none /cg; mkdir /cg/a; echo 1M > /cg/a/memory.limit_in_bytes; "
                 "cat /cg/a/memory.limit_in_bytes /cg/memory.limit_in_bytes; umount /cg") ==
        "1048576\n9223372036854771712\n");
  CHECK(shell.sh("mount -t cgroup -o cpu,cpuacct none /cg; mkdir /cg/a; echo 50000 > /cg/a/cpu.cfs_quota_us; "
                 "cat /cg/a/cpu.cfs_quota_us /cg/a/cpu.shares; echo -1 > /cg/a/cpu.cfs_quota_us; "
                 "cat /cg/a/cpu.cfs_quota_us; umount /cg") == "50000\n1024\n-1\n");
  CHECK(shell.sh("mount -t cgroup -o freezer none /cg; mkdir /cg/a; cat /cg/a/freezer.state; "
                 "echo FROZEN > /cg/a/freezer.state; cat /cg/a/freezer.state; umount /cg") == "THAWED\nFROZEN\n");
  CHECK(shell.sh("grep -c : /proc/self/cgroup; grep freezer /proc/self/cgroup") == "8\n6:freezer:/\n");
}

TEST_CASE("device rules begin with all and exceptions come off") {
  Cgroup group;
  CHECK(device_rules_text(group) == "a *:* rwm\n");
  REQUIRE(change_device_rules(group, "a", false).ok());
  CHECK(device_rules_text(group) == "");
  REQUIRE(change_device_rules(group, "c 1:3 rwm", true).ok());
  REQUIRE(change_device_rules(group, "c 136:* rw", true).ok());
  CHECK(device_rules_text(group) == "c 1:3 rwm\nc 136:* rw\n");
  REQUIRE(change_device_rules(group, "c 1:3 m", false).ok());
  CHECK(device_rules_text(group) == "c 1:3 rw\nc 136:* rw\n");
  CHECK(change_device_rules(group, "c 1 rwm", true).error() == Errno::einval);
  CHECK(change_device_rules(group, "x 1:3 rwm", true).error() == Errno::einval);
}

TEST_CASE("a device that the group's rules do not allow cannot be opened or made") {
  Shell shell(CgroupLayout::legacy);
  CHECK(shell.sh("mount -t cgroup -o devices none /cg; mkdir /cg/a; echo a > /cg/a/devices.deny; "
                 "echo 'c 1:3 rw' > /cg/a/devices.allow; cat /cg/a/devices.list; echo 0 > /cg/a/cgroup.procs; "
                 "echo x > /dev/null && echo null; head -c1 /dev/zero; mknod /tmp/n c 1 3") ==
        "c 1:3 rw\nnull\nhead: /dev/zero: Operation not permitted\nmknod: /tmp/n: Operation not permitted\n");
}

}  // namespace
}  // namespace drydock::machine
