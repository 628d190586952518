// The network's queue of events, as the run loop drives it.

#include "machine/net/stack.h"

#include "machine/kernel/kernel.h"
#include "machine/net/delivery.h"
#include "machine/net/tcp.h"

namespace drydock::machine {

std::optional<std::uint64_t> net_next_event_ns(const Kernel& kernel) {
  if (kernel.network.events.empty()) return std::nullopt;
  return kernel.network.events.begin()->first;
}

void net_run(Kernel& kernel) {
  net::Stack& network = kernel.network;
  while (!network.events.empty() && network.events.begin()->first <= kernel.now_ns()) {
    const std::uint64_t due_ns = network.events.begin()->first;
    net::NetEvent event = std::move(network.events.begin()->second);
    network.events.erase(network.events.begin());
    switch (event.kind) {
      case net::NetEventKind::frame:
        net::frame_arrives(kernel, event.at, std::move(event.packet));
        break;
      case net::NetEventKind::resolve_timeout:
        net::resolve_timeout(kernel, event.at, event.neighbour);
        break;
      case net::NetEventKind::namespace_end:
        end_net_namespace(kernel, event.at.net);
        break;
      case net::NetEventKind::tcp_timer:
        net::tcp_timer(kernel, event.tcp, due_ns);
        break;
    }
    net::run_local_deliveries(kernel);
  }
}

}  // namespace drydock::machine
