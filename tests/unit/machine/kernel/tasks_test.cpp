// Tasks without programs: hosted ones, that the test moves.

#include <doctest/doctest.h>

#include "machine/kernel/cgroup_accounting.h"
#include "machine/kernel/create_task.h"
#include "machine/kernel/exit_task.h"
#include "machine/kernel/pids.h"
#include "machine/kernel/schedule.h"
#include "machine/kernel/send_signal.h"
#include "machine/kernel/wait_child.h"
#include "machine/syscalls/inject.h"
#include "tests/support/machine/booted_machine.h"

using namespace drydock::machine;
using drydock::Errno;
using drydock::machine::testing::BootedMachine;

namespace {

TaskId child_of(BootedMachine& booted, TaskId parent, std::uint64_t flags = 0) {
  CloneRequest request;
  request.flags = flags;
  request.body = TaskBody::hosted;
  const auto child = clone_task({booted.kernel(), parent}, request);
  REQUIRE(child.ok());
  return *child;
}

ProcessId process_of(BootedMachine& booted, TaskId task) {
  return booted.kernel().tasks[task].process;
}

WaitSelection any_child() {
  WaitSelection selection;
  selection.options = wait_option::exited;
  return selection;
}

}  // namespace

TEST_CASE("an orphan becomes a child of init, which finds it as a zombie when it ends") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const TaskId middle = child_of(booted, booted.machine().init());
  const TaskId orphan = child_of(booted, middle);
  const ProcessId orphan_process = process_of(booted, orphan);
  exit_process(kernel, process_of(booted, middle), 0);
  CHECK(kernel.processes[orphan_process].parent == kernel.init_process);
  CHECK((*take_child_news(booted.caller(), any_child()))->pid == 2);
  exit_process(kernel, orphan_process, 3 << 8);
  const auto news = take_child_news(booted.caller(), any_child());
  REQUIRE(news.ok());
  REQUIRE(news->has_value());
  CHECK((*news)->pid == 3);
  CHECK((*news)->status == 3 << 8);
  CHECK(take_child_news(booted.caller(), any_child()).error() == Errno::echild);
}

TEST_CASE("a task has a number in its own pid namespace and in each above it") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const TaskId inner = child_of(booted, booted.machine().init(), clone_flag::newpid);
  const TaskId deeper = child_of(booted, inner, clone_flag::newpid);
  CHECK(kernel.tasks[deeper].tids == std::vector<std::uint32_t>{3, 2, 1});
  CHECK(tid_of(kernel, deeper, kernel.tasks[inner].pid_namespace) == 2);
  CHECK(tid_of(kernel, inner, kernel.tasks[deeper].pid_namespace) == 0);
}

TEST_CASE("all processes of a pid namespace end with its init, and the namespace goes") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const std::size_t namespaces = kernel.pid_namespaces.size();
  const std::size_t tasks = kernel.tasks.size(), processes = kernel.processes.size();
  const TaskId inner = child_of(booted, booted.machine().init(), clone_flag::newpid);
  child_of(booted, child_of(booted, inner));
  exit_process(kernel, process_of(booted, inner), 0);
  CHECK(take_child_news(booted.caller(), any_child()).ok());
  CHECK(kernel.tasks.size() == tasks);
  CHECK(kernel.processes.size() == processes);
  CHECK(kernel.pid_namespaces.size() == namespaces);
}

TEST_CASE("an ended process leaves nothing behind once it has been waited for") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const auto sizes = [&] {
    return std::vector<std::size_t>{kernel.tasks.size(),           kernel.processes.size(),
                                    kernel.fd_tables.size(),       kernel.fs_contexts.size(),
                                    kernel.signal_handlers.size(), kernel.user_namespaces.size(),
                                    kernel.uts_namespaces.size(),  kernel.mount_namespaces.size(),
                                    kernel.ipc_namespaces.size(),  kernel.net_namespaces.size(),
                                    kernel.mounts.size()};
  };
  const std::vector<std::size_t> before = sizes();
  const TaskId child = child_of(booted, booted.machine().init(),
                                clone_flag::newns | clone_flag::newuser | clone_flag::newuts | clone_flag::newipc |
                                    clone_flag::newnet | clone_flag::newpid | clone_flag::newcgroup);
  exit_process(kernel, process_of(booted, child), 0);
  REQUIRE(take_child_news(booted.caller(), any_child()).ok());
  CHECK(sizes() == before);
}

TEST_CASE("the number of a group's leader is not used again while the group has members") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const TaskId leader = child_of(booted, booted.machine().init());
  REQUIRE(inject(kernel, leader, call_number::setsid, {}).ok());
  const ProcessId group = process_of(booted, leader);
  const TaskId member = child_of(booted, leader);
  exit_process(kernel, group, 0);
  REQUIRE(take_child_news(booted.caller(), any_child()).ok());
  CHECK(pid_of(kernel, group, kernel.initial_pid_namespace) == 2);
  CHECK_FALSE(find_process(kernel, kernel.initial_pid_namespace, 2));
  CHECK(find_group(kernel, kernel.initial_pid_namespace, 2) == group);
  exit_process(kernel, process_of(booted, member), 0);
  REQUIRE(take_child_news(booted.caller(), any_child()).ok());
  CHECK_FALSE(find_group(kernel, kernel.initial_pid_namespace, 2));
  CHECK(kernel.processes.find(group) == nullptr);
}

TEST_CASE("pids.max refuses one task too many and counts the refusal") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  Cgroup group;
  group.parent = kernel.cgroup_hierarchies[0].root;
  group.pids_max = 2;
  const CgroupId id = kernel.cgroups.emplace(std::move(group));
  const TaskId first = child_of(booted, booted.machine().init());
  REQUIRE(migrate(kernel, process_of(booted, first), id).ok());
  const TaskId second = child_of(booted, first);
  CHECK(kernel.cgroups[id].pids == 2);
  CHECK(clone_task({kernel, first}, CloneRequest{}).error() == Errno::eagain);
  CHECK(kernel.cgroups[id].pids_failures == 1);
  exit_process(kernel, process_of(booted, second), 0);
  CHECK(kernel.cgroups[id].pids == 1);
}

TEST_CASE("a standard signal is pending once, a real-time one as often as it was sent") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const TaskId task = child_of(booted, booted.machine().init());
  kernel.tasks[task].blocked_signals = ~SignalSet{0};
  SignalInfo info;
  for (int signal : {static_cast<int>(sig_usr1), 40}) {
    for (int count = 0; count < 3; ++count) {
      info.signal = signal;
      info.value = static_cast<std::uint64_t>(count);
      REQUIRE(send_signal(kernel, process_of(booted, task), info).ok());
    }
  }
  CHECK(take_signal(kernel, task, signal_bit(sig_usr1)).has_value());
  CHECK_FALSE(take_signal(kernel, task, signal_bit(sig_usr1)).has_value());
  for (std::uint64_t count = 0; count < 3; ++count) CHECK(take_signal(kernel, task, signal_bit(40))->value == count);
  CHECK_FALSE(take_signal(kernel, task, signal_bit(40)).has_value());
}

TEST_CASE("SIGCONT takes pending stop signals away") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  const TaskId task = child_of(booted, booted.machine().init());
  kernel.tasks[task].blocked_signals = ~SignalSet{0};
  SignalInfo info;
  info.signal = sig_tstp;
  REQUIRE(send_signal(kernel, process_of(booted, task), info).ok());
  info.signal = sig_cont;
  REQUIRE(send_signal(kernel, process_of(booted, task), info).ok());
  CHECK_FALSE(take_signal(kernel, task, signal_bit(sig_tstp)).has_value());
}

TEST_CASE("a snapshot is not changed by what the machine does afterwards") {
  BootedMachine booted;
  const Kernel snapshot = booted.machine().snapshot();
  const TaskId child = child_of(booted, booted.machine().init());
  booted.put_file("/etc/motd", "later");
  CHECK(snapshot.tasks.find(child) == nullptr);
  booted.machine().restore(snapshot);
  CHECK(booted.kernel().tasks.find(child) == nullptr);
  CHECK(booted.file("/etc/motd").empty());
  booted.put_file("/etc/motd", "again");
  CHECK(booted.file("/etc/motd") == "again");
}

TEST_CASE("deadlines and timers say when something is to happen next") {
  BootedMachine booted;
  Kernel& kernel = booted.kernel();
  CHECK_FALSE(booted.machine().next_deadline().has_value());
  const TaskId task = child_of(booted, booted.machine().init());
  block_task(kernel, task, Block{{}, 500, Interruption::eintr, std::nullopt});
  schedule_timer(kernel, 400, process_of(booted, task));
  CHECK(booted.machine().next_deadline() == 400);
  booted.machine().advance_clock(450);
  CHECK(booted.machine().next_deadline() == 500);
  booted.machine().advance_clock(600);
  CHECK(kernel.tasks[task].state == TaskState::runnable);
  CHECK_FALSE(booted.machine().next_deadline().has_value());
}
