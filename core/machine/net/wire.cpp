// Frames between machines.

#include "machine/net/wire.h"

#include <algorithm>
#include <utility>

#include "machine/net/delivery.h"

namespace drydock::machine::net {

std::vector<WireFrame> take_wire_frames(Kernel& kernel) {
  std::deque<WireFrame> taken = std::exchange(kernel.network.wire_out, {});
  return {std::make_move_iterator(taken.begin()), std::make_move_iterator(taken.end())};
}

void deliver_wire_frame(Kernel& kernel, const WireFrame& frame, std::uint64_t at_ns) {
  for (NetNamespaceId net : kernel.net_namespaces.ids()) {
    for (const auto& entry : std::as_const(kernel.net_namespaces)[net].interfaces) {
      if (entry.second.kind != InterfaceKind::wire || entry.second.wire != frame.wire) continue;
      NetEvent event;
      event.at = {net, entry.first};
      event.packet = frame.packet;
      schedule_event(kernel, std::max(at_ns, kernel.now_ns()), std::move(event));
    }
  }
}

}  // namespace drydock::machine::net
