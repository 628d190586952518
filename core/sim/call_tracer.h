#pragma once
// strace for free: what containers' processes ask of the simulated kernel, as events. Set as Kernel::tracer while
// somebody looks.

#include <map>
#include <string>

#include "machine/kernel/tracer.h"
#include "machine/syscalls/strace.h"
#include "sim/runtime.h"
#include "trace/trace.h"

namespace drydock::sim {

class CallTracer final : public machine::Tracer {
 public:
  /// Both outlive it. Only processes of containers are told, from their clone(2) on.
  CallTracer(trace::Trace& trace, const SimRuntime& runtime) : trace_(trace), runtime_(runtime) {}

  void call_entered(machine::Kernel& kernel, machine::TaskId task) override;
  void call_left(machine::Kernel& kernel, machine::TaskId task, const machine::Outcome& outcome) override;
  void unimplemented(const machine::Kernel& kernel, machine::TaskId task, std::string_view what) override;

 private:
  struct Pending {
    machine::SyscallText text;
    std::string container;
    std::int64_t pid = 0;
    bool told = false;  // that it waits
  };
  std::string container_of(const machine::Kernel& kernel, machine::TaskId task) const;
  void tell(const Pending& call, std::string text, bool finished);

  trace::Trace& trace_;
  const SimRuntime& runtime_;
  std::map<std::uint32_t, Pending> pending_;  // by task: at most one call each
};

}  // namespace drydock::sim
