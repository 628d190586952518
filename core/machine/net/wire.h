#pragma once
// A wire is a named segment of Ethernet between machines: what a Lab moves frames over. A machine has at most one
// interface (create_wire() of links.h) on a wire, and does not hear itself.

#include <cstdint>
#include <string>
#include <vector>

#include "machine/kernel/kernel.h"
#include "machine/net/stack.h"

namespace drydock::machine::net {

/// The frames that this machine has sent since the last call, in order. At most kWireFramesMax wait: what a Lab does
/// not take is lost.
std::vector<WireFrame> take_wire_frames(Kernel& kernel);
/// The frame reaches this machine's interface on that wire at `at_ns` of its own clock, or at once when that is past.
/// Nothing happens on a machine that is not on the wire.
void deliver_wire_frame(Kernel& kernel, const WireFrame& frame, std::uint64_t at_ns);

}  // namespace drydock::machine::net
