#include <doctest/doctest.h>

#include "tests/support/machine/booted_machine.h"

namespace drydock::machine {
namespace {

using testing::BootedMachine;
using testing::Finished;

struct Shell {
  Shell() {
    booted.furnish();
    booted.put_host_file("/bin/busybox", "/bin/busybox");
    booted.put_symlink("/bin/sh", "busybox");
  }
  std::string sh(const std::string& script) {
    const Finished end = booted.run({"/bin/sh", "-c", script});
    return end.out + end.err;
  }
  BootedMachine booted;
};

TEST_CASE("every file of proc and sys can be read, or says why not") {
  Shell shell;
  // A path of its own that does not end, or a crash, would show here. The log is read by waiting.
  const std::string out = shell.sh(
      "find /proc /sys -type f ! -name kmsg 2>/dev/null | while read f; do cat $f >/dev/null 2>&1; echo x; done | wc "
      "-l");
  CHECK(std::stoi(out) > 500);
}

TEST_CASE("free's columns add up") {
  Shell shell;
  CHECK(shell.sh("free | awk '/^Mem/ { print ($3 >= 0 && $3 + $4 + $6 == $2) }'") == "1\n");
}

TEST_CASE("a hosted process shows the command line it was given") {
  Shell shell;
  Kernel& kernel = shell.booted.kernel();
  kernel.processes[kernel.tasks[shell.booted.machine().init()].process].hosted_command_line =
      std::string("dockerd\0--debug\0", 16);
  CHECK(shell.sh("ps | grep -c 'dockerd --debug$'") == "1\n");
}

TEST_CASE("interfaces of the network namespace are in sysfs") {
  Shell shell;
  CHECK(shell.sh("ls /sys/class/net; cat /sys/class/net/lo/type /sys/class/net/lo/mtu") == "lo\n772\n65536\n");
}

}  // namespace
}  // namespace drydock::machine
