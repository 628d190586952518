#pragma once
// The executor of an InitPlan: what runs in the new process between clone(2) and execve(2). Everything it needs was
// prepared before, it allocates nothing (but for tmpcopyup) and says what went wrong over its channel to the monitor.

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <vector>

#include "runtime/init_plan.h"

namespace drydock::native {

// One datagram each on the channel, a SOCK_SEQPACKET pair. A channel that closes after `created` without `failed` means
// that execve worked.
enum class ChildNews : std::uint8_t {
  created,      // at StepAwaitStart
  console,      // carries the pty's master
  handed_over,  // another process goes on with the plan: its pid, and its pidfd
  failed,
};
struct ChildMessage {
  ChildNews news = ChildNews::failed;
  std::int32_t step = -1;  // failed: index into InitPlan::child, or one of kStep...
  std::int32_t code = 0;   // failed: errno; handed_over: pid
};
inline constexpr std::int32_t kStepUserNamespace = -2;

// From the monitor, in this order.
inline constexpr char kChildMapped = 'm';  // the id maps are written (only with a new user namespace)
inline constexpr char kChildMoved = 'c';   // the process is in its cgroups
inline constexpr char kChildStart = 's';   // leave StepAwaitStart

struct ChildSetup {
  const runtime::InitPlan* plan = nullptr;
  int channel = -1;
  int stdio[3] = {-1, -1, -1};  // -1: leave (a console comes later)
  std::vector<int> joins;       // one per StepJoinNamespace; -1: the parent has done it
  /// A pid namespace that only the user namespace's root may enter: the child enters it, and hands over to a child of
  /// its own, which is born there.
  int pid_namespace = -1;
  bool new_user_namespace = false;
  sock_fprog filter{};
  std::vector<char*> arguments;  // with the null pointer at the end
  std::vector<char*> environment;
};

[[noreturn]] void run_child(const ChildSetup& setup);

}  // namespace drydock::native
