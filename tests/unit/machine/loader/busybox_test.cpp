// The host's own static BusyBox in the machine: what a program needs from exec, memory, files, pipes and processes.

#include <doctest/doctest.h>

#include <filesystem>

#include "tests/support/machine/booted_machine.h"

using namespace drydock;
using namespace drydock::machine;
using drydock::machine::testing::BootedMachine;
using drydock::machine::testing::Finished;
using drydock::machine::testing::Program;

namespace {

constexpr const char* kBusybox = "/bin/busybox";

bool is_here() {
  if (std::filesystem::exists(kBusybox)) return true;
  MESSAGE("skip: no /bin/busybox on this host (Debian: busybox-static)");
  return false;
}

struct BusyboxMachine : BootedMachine {
  BusyboxMachine() {
    furnish();
    put_host_file(kBusybox, kBusybox);
    for (const char* name : {"/bin/sh", "/bin/cat", "/bin/sort", "/bin/seq", "/bin/wc", "/bin/grep", "/bin/sleep"})
      put_symlink(name, "busybox");
  }
  Finished shell(const std::string& script) { return run({"/bin/sh", "-c", script}); }
};

}  // namespace

TEST_CASE("true and false end with 0 and 1") {
  if (!is_here()) return;
  BusyboxMachine machine;
  CHECK(machine.run({kBusybox, "true"}).code() == 0);
  CHECK(machine.run({kBusybox, "false"}).code() == 1);
}

TEST_CASE("echo writes its arguments") {
  if (!is_here()) return;
  BusyboxMachine machine;
  const Finished end = machine.run({kBusybox, "echo", "hello", "machine"});
  CHECK(end.out == "hello machine\n");
  CHECK(end.err.empty());
  CHECK(end.code() == 0);
}

TEST_CASE("a shell counts, and passes on its exit status") {
  if (!is_here()) return;
  BusyboxMachine machine;
  const Finished end = machine.shell("i=0; while [ $i -lt 100 ]; do i=$((i+1)); done; echo $i; exit 5");
  CHECK(end.out == "100\n");
  CHECK(end.code() == 5);
}

TEST_CASE("pipelines, substitutions and redirections work together") {
  if (!is_here()) return;
  BusyboxMachine machine;
  CHECK(machine.shell("seq 1 2000 | wc -l").out == "2000\n");
  CHECK(machine.shell("seq 3 | sort -r | cat").out == "3\n2\n1\n");
  CHECK(machine.shell("x=$(echo a; echo b >&2) 2>/dev/null; echo [$x]").out == "[a]\n");
  CHECK(machine.shell("echo one > /tmp/f; echo two >> /tmp/f; cat < /tmp/f").out == "one\ntwo\n");
  CHECK(machine.file("/tmp/f") == "one\ntwo\n");
}

TEST_CASE("standard input is read to its end") {
  if (!is_here()) return;
  BusyboxMachine machine;
  std::string lines;
  for (int at = 0; at < 20000; ++at) lines += "line\n";
  const Finished end = machine.run(Program{.arguments = {"/bin/wc", "-l"}, .input = lines});
  CHECK(end.out == "20000\n");
}

TEST_CASE("a child that is killed tells the shell by which signal") {
  if (!is_here()) return;
  BusyboxMachine machine;
  CHECK(machine.shell("sleep 1000 & kill -9 $!; wait $!; echo $?").out == "137\n");
}

TEST_CASE("scripts are run by their interpreter") {
  if (!is_here()) return;
  BusyboxMachine machine;
  machine.put_file("/bin/script", "#!/bin/sh\necho \"$0 $1\"\n");
  CHECK(machine.run({"/bin/script", "argument"}).out == "/bin/script argument\n");
}

TEST_CASE("two runs of the same machine give the same output and the same clock") {
  if (!is_here()) return;
  BusyboxMachine one, two;
  const std::string script = "seq 1 50 | sort -n | cat; echo $$; date +%s%N; cat /proc/sys/kernel/random/uuid";
  const Finished first = one.shell(script), second = two.shell(script);
  CHECK(first.out == second.out);
  CHECK(first.out.size() > 140);
  CHECK(one.kernel().clock_ns == two.kernel().clock_ns);
}
