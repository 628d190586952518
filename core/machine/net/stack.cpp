// The network's queue of events, as the run loop drives it.

#include "machine/net/stack.h"

#include "machine/kernel/kernel.h"

namespace drydock::machine {

std::optional<std::uint64_t> net_next_event_ns(const Kernel& kernel) {
  if (kernel.network.events.empty()) return std::nullopt;
  return kernel.network.events.begin()->first;
}

void net_run(Kernel&) {}

}  // namespace drydock::machine
