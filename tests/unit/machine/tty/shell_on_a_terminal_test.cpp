#include <doctest/doctest.h>

#include <string>

#include "machine/abi/file.h"
#include "machine/kernel/create_task.h"
#include "machine/kernel/exec.h"
#include "machine/syscalls/inject.h"
#include "machine/syscalls/syscall_names.h"
#include "machine/tty/job_control.h"
#include "machine/vfs/operations.h"
#include "machine/vfs/walk.h"
#include "tests/support/machine/booted_machine.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kHalfSecondNs = 500'000'000;

/// An interactive shell with a terminal of its own, of which the test holds the master: as `docker run -it` has it.
struct ShellOnTerminal {
  ShellOnTerminal() {
    booted.furnish();
    booted.put_host_file("/bin/busybox", "/bin/busybox");
    booted.put_symlink("/bin/sh", "busybox");
    const Caller caller = booted.caller();
    const Outcome opened =
        open_at(caller, kAtFdCwd, "/dev/ptmx", {abi::o_rdwr | abi::o_noctty | abi::o_nonblock, 0, 0});
    REQUIRE(opened.ok());
    master = FileId{static_cast<std::uint32_t>(opened.value())};
    terminal().locked = false;
    const auto child = clone_task(caller, CloneRequest{.body = TaskBody::hosted});
    REQUIRE(child.ok());
    const Caller self{booted.kernel(), *child};
    process = self.self().process;
    (void)inject(booted.kernel(), *child, call_number::setsid, {});
    for (int fd = 0; fd < 3; ++fd) {
      const Outcome slave = open_at(self, kAtFdCwd, "/dev/pts/0", {abi::o_rdwr, 0, 0});
      REQUIRE(slave.ok());
      REQUIRE(install_fd(self, FileId{static_cast<std::uint32_t>(slave.value())}, false).ok());
    }
    ExecRequest request;
    request.path = "/bin/busybox";
    request.arguments = {"sh", "-i"};
    request.environment = {"PATH=/bin", "PS1=$ ", "HOME=/"};
    REQUIRE(execute(self, std::move(request)).ok());
  }

  Terminal& terminal() { return booted.kernel().terminals.begin()->second; }
  void type(std::string_view text) {
    const Outcome written = booted.kernel().files[master].write(booted.caller(), text, nullptr);
    REQUIRE(written.ok());
    CHECK(written.value() == static_cast<std::int64_t>(text.size()));
  }
  /// Lets half a second pass at a time, and gives what came on the screen until nothing more does.
  std::string screen() {
    std::string text;
    for (int turn = 0; turn < 50; ++turn) {
      (void)booted.machine().run({.until_ns = booted.kernel().clock_ns + kHalfSecondNs});
      std::string bytes(4096, '\0');
      const Outcome got = booted.kernel().files[master].read(booted.caller(), bytes, nullptr);
      if (got.ok()) text.append(bytes, 0, static_cast<std::size_t>(got.value()));
      ended = got.is(Errno::eio);
      if (!got.ok()) break;
    }
    return text;
  }

  testing::BootedMachine booted;
  FileId master;
  ProcessId process;
  bool ended = false;  // the last holder of the slave has closed it
};

bool has(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

TEST_CASE("a shell on a terminal prompts, echoes and answers") {
  ShellOnTerminal shell;
  CHECK(has(shell.screen(), "$ "));
  shell.type("echo $((6*7))\n");
  const std::string answer = shell.screen();
  CHECK(has(answer, "echo $((6*7))"));
  CHECK(has(answer, "42\r\n"));
  shell.type("tty\n");
  CHECK(has(shell.screen(), "/dev/pts/0\r\n"));
}

TEST_CASE("Ctrl-C interrupts the program in the foreground and leaves the shell alone") {
  ShellOnTerminal shell;
  (void)shell.screen();
  shell.type("sleep 1000\n");
  (void)shell.screen();
  CHECK(shell.terminal().foreground != shell.process);
  shell.type("\003");
  (void)shell.screen();
  shell.type("echo status $?\n");
  CHECK(has(shell.screen(), "status 130\r\n"));
  CHECK(shell.terminal().foreground == shell.process);
}

TEST_CASE("Ctrl-Z stops a job, and fg and bg bring it on") {
  ShellOnTerminal shell;
  (void)shell.screen();
  shell.type("sleep 1000\n");
  (void)shell.screen();
  shell.type("\032");
  CHECK(has(shell.screen(), "Stopped"));
  shell.type("bg\n");
  (void)shell.screen();
  shell.type("jobs\n");
  CHECK(has(shell.screen(), "Running"));
  shell.type("fg\n");
  (void)shell.screen();
  CHECK(shell.terminal().foreground != shell.process);
  shell.type("\003");
  (void)shell.screen();
  shell.type("echo back\n");
  CHECK(has(shell.screen(), "back\r\n"));
}

TEST_CASE("a background job that reads from the terminal is stopped") {
  ShellOnTerminal shell;
  (void)shell.screen();
  shell.type("cat &\n");
  (void)shell.screen();
  shell.type("jobs\n");
  CHECK(has(shell.screen(), "Stopped (tty input)"));
}

TEST_CASE("the window's size is told to the program that asks") {
  ShellOnTerminal shell;
  (void)shell.screen();
  resize_terminal(shell.booted.kernel(), shell.terminal(), {33, 101, 0, 0});
  shell.type("stty size\n");
  CHECK(has(shell.screen(), "33 101\r\n"));
}

TEST_CASE("the master reads an error when the shell has ended") {
  ShellOnTerminal shell;
  (void)shell.screen();
  shell.type("exit\n");
  (void)shell.screen();
  CHECK(shell.ended);
}

TEST_CASE("closing the master ends the shell by SIGHUP") {
  ShellOnTerminal shell;
  (void)shell.screen();
  put_file(shell.booted.kernel(), shell.master);
  (void)shell.booted.machine().run({.until_ns = shell.booted.kernel().clock_ns + kHalfSecondNs});
  const Process* process = std::as_const(shell.booted.kernel().processes).find(shell.process);
  CHECK((process == nullptr || process->threads.empty() || process->exiting));
  CHECK(shell.booted.kernel().terminals.empty());
}

TEST_CASE("a machine that is restored has its terminal as it was") {
  ShellOnTerminal shell;
  (void)shell.screen();
  shell.type("X=before\n");
  (void)shell.screen();
  const Kernel saved = shell.booted.machine().snapshot();
  shell.type("X=after\necho $X\n");
  CHECK(has(shell.screen(), "after\r\n"));
  shell.booted.machine().restore(saved);
  shell.type("echo $X\n");
  CHECK(has(shell.screen(), "before\r\n"));
}

}  // namespace
}  // namespace drydock::machine
