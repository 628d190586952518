#pragma once
// Shared by the files of the executor (child*.cpp). Each step function returns 0 or a positive errno.

#include <limits.h>

#include "native/runtime/child.h"

namespace drydock::native {

struct ChildContext {
  const ChildSetup* setup = nullptr;
  int root = -1;  // O_PATH of the container's root, before and after pivot_root
  bool pivoted = false;
  std::size_t join = 0;           // the next of ChildSetup::joins
  bool moved = false;             // into its cgroups, by the parent
  bool directory_denied = false;  // StepChangeDirectory failed with EACCES as root
  char program[PATH_MAX] = {};    // what StepResolveExecutable found
};

/// "/proc/self/fd/N" for calls that take paths only.
struct ProcPath {
  explicit ProcPath(int fd);
  char text[32];
};

// child_mounts.cpp
int run_step(ChildContext& context, const runtime::StepSetPropagation& step);
int run_step(ChildContext& context, const runtime::StepMount& step);
int run_step(ChildContext& context, const runtime::StepPivotRoot& step);
int run_step(ChildContext& context, const runtime::StepRemountRootReadonly& step);
int run_step(ChildContext& context, const runtime::StepMaskPath& step);
int run_step(ChildContext& context, const runtime::StepReadonlyPath& step);
/// The container's root as a descriptor; opened when first asked for.
int root_of(ChildContext& context);

// child_nodes.cpp
int run_step(ChildContext& context, const runtime::StepMakeDirectory& step);
int run_step(ChildContext& context, const runtime::StepMakeDevice& step);
int run_step(ChildContext& context, const runtime::StepMakeSymlink& step);
int run_step(ChildContext& context, const runtime::StepSetSysctl& step);
int run_step(ChildContext& context, const runtime::StepSetupConsole& step);

// child_process.cpp
int run_step(ChildContext& context, const runtime::StepJoinNamespace& step);
int run_step(ChildContext& context, const runtime::StepUnshareNamespace& step);
int run_step(ChildContext& context, const runtime::StepJoinSessionKeyring& step);
int run_step(ChildContext& context, const runtime::StepSetHostname& step);
int run_step(ChildContext& context, const runtime::StepSetDomainname& step);
int run_step(ChildContext& context, const runtime::StepSetRlimit& step);
int run_step(ChildContext& context, const runtime::StepSetUmask& step);
int run_step(ChildContext& context, const runtime::StepSetOomScoreAdj& step);
int run_step(ChildContext& context, const runtime::StepResolveExecutable& step);
int run_step(ChildContext& context, const runtime::StepAwaitStart& step);
int run_step(ChildContext& context, const runtime::StepSetNoNewPrivileges& step);
int run_step(ChildContext& context, const runtime::StepLoadSeccomp& step);
int run_step(ChildContext& context, const runtime::StepLimitCapabilities& step);
int run_step(ChildContext& context, const runtime::StepSetUser& step);
int run_step(ChildContext& context, const runtime::StepSetCapabilities& step);
int run_step(ChildContext& context, const runtime::StepChangeDirectory& step);
int run_step(ChildContext& context, const runtime::StepExec& step);

/// Waits for that byte from the monitor; ends the process when the monitor is gone.
void await(int channel, char wanted);
/// The parent moves the process into its cgroups meanwhile, which takes the kernel some 10 ms on cgroup v1 (it waits
/// for all CPUs): only what depends on it waits.
void await_cgroups(ChildContext& context);
/// CLONE_NEW* of a kind.
std::uint64_t clone_flag(runtime::NamespaceKind kind);
/// Ends the process where its monitor is gone: nobody would see it end.
void exit_without_parent(int channel);
/// Asks for SIGKILL when the monitor dies. Has to be asked for again after each change of credentials.
void die_with_parent();
void send_news(int channel, ChildNews news, std::int32_t step, std::int32_t code, int fd = -1);

// copy_up.cpp
/// Copies what is in directory `from` into directory `to`: files, directories, links, modes and owners. Errno or 0.
int copy_directory(int from, int to);

}  // namespace drydock::native
