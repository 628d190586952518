#pragma once
// A container's first process (or one of docker exec) from its clone(2) to its execve(2): carries out an InitPlan's
// steps as system calls of that very process, as native/runtime's child does.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/init_plan.h"
#include "sim/hosted_task.h"

namespace drydock::sim {

struct StepFailure {
  std::size_t step = 0;
  Errno code = Errno::eio;
};

class Child {
 public:
  /// `filter`: the plan's seccomp filter as bytes; `joins`: a descriptor of the task for each StepJoinNamespace, -1
  /// where the parent has joined.
  Child(HostedTask task, runtime::InitPlan plan, std::string filter, std::vector<int> joins)
      : task_(task), plan_(std::move(plan)), filter_(std::move(filter)), joins_(std::move(joins)) {}

  /// Steps up to StepAwaitStart, or to the end when there is none. False: it waits.
  Result<bool, StepFailure> run();
  /// How many steps have been done.
  std::size_t next_step() const { return next_; }
  const runtime::InitPlan& plan() const { return plan_; }
  const HostedTask& task() const { return task_; }
  /// The master of its terminal, for the monitor to take over; none without StepSetupConsole.
  machine::FileId console() const { return console_; }
  void forget_console() { console_ = {}; }

 private:
  using Done = Result<void, Errno>;
  Done run_step(const runtime::StepJoinNamespace& step);
  Done run_step(const runtime::StepUnshareNamespace& step);
  Done run_step(const runtime::StepJoinSessionKeyring& step);
  Done run_step(const runtime::StepSetPropagation& step);
  Done run_step(const runtime::StepMount& step);
  Done run_step(const runtime::StepMakeDirectory& step);
  Done run_step(const runtime::StepMakeDevice& step);
  Done run_step(const runtime::StepMakeSymlink& step);
  Done run_step(const runtime::StepPivotRoot& step);
  Done run_step(const runtime::StepRemountRootReadonly& step);
  Done run_step(const runtime::StepMaskPath& step);
  Done run_step(const runtime::StepReadonlyPath& step);
  Done run_step(const runtime::StepSetHostname& step);
  Done run_step(const runtime::StepSetDomainname& step);
  Done run_step(const runtime::StepSetSysctl& step);
  Done run_step(const runtime::StepSetRlimit& step);
  Done run_step(const runtime::StepSetupConsole& step);
  Done run_step(const runtime::StepSetUmask& step);
  Done run_step(const runtime::StepSetOomScoreAdj& step);
  Done run_step(const runtime::StepResolveExecutable& step);
  Done run_step(const runtime::StepAwaitStart& step);
  Done run_step(const runtime::StepSetNoNewPrivileges& step);
  Done run_step(const runtime::StepLoadSeccomp& step);
  Done run_step(const runtime::StepLimitCapabilities& step);
  Done run_step(const runtime::StepSetUser& step);
  Done run_step(const runtime::StepSetCapabilities& step);
  Done run_step(const runtime::StepChangeDirectory& step);
  Done run_step(const runtime::StepExec& step);

  Done call(std::int64_t which, std::initializer_list<machine::HostArgument> arguments) const;
  // child_mounts.cpp
  Result<int, Errno> root();
  Done mount_once(const runtime::StepMount& step, std::string_view target, const std::string& data) const;
  Done finish_mount(const runtime::StepMount& step, std::string_view path) const;
  Done mount_root(const runtime::StepMount& step);
  Done mount_over(const runtime::StepMount& step, SimFd target);
  Done remount_bind(std::string_view path, std::uint64_t flags) const;
  std::uint64_t present_flags(std::string_view path) const;
  Done copy_tree(int from, int to, int depth) const;
  Done copy_entry(int from, int to, const std::string& name, int depth) const;
  // child_nodes.cpp
  Done bind_over_file(std::string_view source, std::string_view path);
  Result<SimFd, Errno> open_pty_master();
  // child_process.cpp
  Done check_executable(const std::string& path) const;
  void give_stdio_to(std::uint32_t uid) const;

  HostedTask task_;
  runtime::InitPlan plan_;
  std::string filter_;
  std::vector<int> joins_;
  std::size_t next_ = 0, next_join_ = 0;
  SimFd root_;
  bool pivoted_ = false;
  bool directory_denied_ = false;
  std::string program_;
  machine::FileId console_;
};

/// "/proc/self/fd/N".
std::string descriptor_path(int fd);
/// The flag of clone(2) and unshare(2).
std::uint64_t clone_flag(runtime::NamespaceKind kind);

}  // namespace drydock::sim
