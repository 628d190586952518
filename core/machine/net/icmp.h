#pragma once
// ICMP messages for this host. icmp(7), RFC 792, RFC 4443.

#include "machine/kernel/kernel.h"
#include "machine/net/interface.h"

namespace drydock::machine::net {

void icmp_input(Kernel& kernel, InterfaceRef at, const Packet& packet);

}  // namespace drydock::machine::net
