#include "machine/syscalls/inject.h"

#include <doctest/doctest.h>

#include "machine/kernel/create_task.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/tracer.h"
#include "machine/syscalls/strace.h"
#include "machine/syscalls/table.h"
#include "tests/support/machine/booted_machine.h"

namespace drydock::machine {
namespace {

using testing::BootedMachine;

/// Keeps the lines that strace would print, and what is not modelled.
class Recorder final : public Tracer {
 public:
  void call_entered(Kernel& kernel, TaskId task) override { calls_.emplace_back(kernel, task); }
  void call_left(Kernel& kernel, TaskId task, const Outcome& outcome) override {
    calls_.back().finish(kernel, task, outcome);
    lines.push_back(calls_.back().text());
  }
  void unimplemented(const Kernel&, TaskId, std::string_view what) override { missing.emplace_back(what); }
  std::vector<std::string> lines, missing;

 private:
  std::vector<SyscallText> calls_;
};

}  // namespace

TEST_CASE("a hosted task's calls go the way of every other call, the trace included") {
  BootedMachine booted;
  Recorder recorder;
  booted.kernel().tracer = &recorder;
  const TaskId task = booted.machine().init();
  CHECK(inject(booted.kernel(), task, call_number::mkdirat, {kAtFdCwd, "/box", 0755}).value() == 0);
  CHECK(inject(booted.kernel(), task, call_number::chdir, {"/nowhere"}).error() == Errno::enoent);
  REQUIRE(recorder.lines.size() == 2);
  CHECK(recorder.lines[0] == "mkdirat(AT_FDCWD, \"/box\", 0755) = 0");
  CHECK(recorder.lines[1] == "chdir(\"/nowhere\") = -1 ENOENT (No such file or directory)");
}

TEST_CASE("bytes go in and come back through a hosted task's memory") {
  BootedMachine booted;
  const TaskId task = booted.machine().init();
  Kernel& kernel = booted.kernel();
  std::string ends(8, '\0');
  REQUIRE(inject(kernel, task, call_number::pipe2, {HostArgument::room(ends), 04000}).ok());
  const StructReader fds(ends);
  const std::string sent(10000, 'x');
  CHECK(inject(kernel, task, call_number::write, {fds.u32(4), HostArgument::bytes(std::string_view(sent)), sent.size()})
            .value() == 10000);
  std::string got(20000, '\0');
  const Outcome read = inject(kernel, task, call_number::read, {fds.u32(0), HostArgument::room(got), got.size()});
  REQUIRE(read.ok());
  CHECK(got.substr(0, static_cast<std::size_t>(read.value())) == sent);
}

TEST_CASE("a hosted task's call that would wait says so instead") {
  BootedMachine booted;
  const TaskId task = booted.machine().init();
  std::string ends(8, '\0');
  REQUIRE(inject(booted.kernel(), task, call_number::pipe2, {HostArgument::room(ends), 0}).ok());
  std::string got(1, '\0');
  CHECK(inject(booted.kernel(), task, call_number::read, {StructReader(ends).u32(0), HostArgument::room(got), 1})
            .error() == Errno::eagain);
}

TEST_CASE("a task that has ended makes no calls") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  CloneRequest request;
  request.body = TaskBody::hosted;
  const TaskId child = clone_task(booted.caller(), request).value();
  exit_process(kernel, kernel.tasks[child].process, 0);
  CHECK(inject(kernel, child, call_number::getpid, {}).error() == Errno::esrch);
}

TEST_CASE("a call without a handler answers ENOSYS, and says so") {
  BootedMachine booted;
  Recorder recorder;
  booted.kernel().tracer = &recorder;
  constexpr std::int64_t kIoUringSetup = 425, kNoSuchCall = 4242;
  const TaskId task = booted.machine().init();
  CHECK(inject(booted.kernel(), task, kIoUringSetup, {1, 2}).error() == Errno::enosys);
  CHECK(inject(booted.kernel(), task, kNoSuchCall, {}).error() == Errno::enosys);
  REQUIRE(recorder.missing.size() == 2);
  CHECK(recorder.missing[0] == "system call io_uring_setup");
  CHECK(recorder.missing[1] == "system call 4242");
}

TEST_CASE("every number that Linux has is in the table by name, once") {
  std::size_t modelled = 0;
  std::uint32_t last = 0;
  for (const SyscallRow& row : all_syscalls()) {
    CHECK(!row.name.empty());
    CHECK((row.number > last || row.number == 0));
    last = row.number;
    CHECK(find_syscall(row.number)->name == row.name);
    modelled += row.handler != nullptr ? 1 : 0;
  }
  CHECK(all_syscalls().size() == 362);
  CHECK(modelled > 200);
  CHECK(find_syscall(335) == nullptr);
  CHECK(find_syscall(~std::uint64_t{0}) == nullptr);
}

}  // namespace drydock::machine
