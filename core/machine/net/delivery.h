#pragma once
// Frames on their way: from an interface to the one at its other end, through bridges, and to whom an address belongs.

#include "machine/kernel/kernel.h"
#include "machine/net/interface.h"

namespace drydock::machine::net {

/// Sends an IP packet to the neighbour `next` by that interface, once its address is resolved.
void send_to_neighbour(Kernel& kernel, InterfaceRef from, const IpAddress& next, Packet packet);
/// A frame with its addresses set leaves by that interface.
void transmit(Kernel& kernel, InterfaceRef from, Packet packet);
/// A frame has come in there.
void frame_arrives(Kernel& kernel, InterfaceRef at, Packet packet);
/// To this very namespace: it arrives on lo before the current call ends.
void deliver_locally(Kernel& kernel, NetNamespaceId net, Packet packet);
/// Delivers what is waiting on loopbacks. Not from within itself.
void run_local_deliveries(Kernel& kernel);

void forget_neighbours(Kernel& kernel, InterfaceRef ref);
void resolve_timeout(Kernel& kernel, InterfaceRef ref, const IpAddress& address);
/// An interface, or what is at its other end, went up or down.
void carrier_changed(Kernel& kernel, InterfaceRef ref);

/// Puts an event into the queue of the kernel, and takes the timer of a connection out of it.
void schedule_event(Kernel& kernel, std::uint64_t at_ns, NetEvent event);
void cancel_tcp_timer(Kernel& kernel, std::uint64_t at_ns, TcpId tcp);

}  // namespace drydock::machine::net
