#pragma once
// The points at which packets pass the firewall (firewall.h), named after netfilter's hooks.

#include "machine/kernel/kernel.h"
#include "machine/net/firewall.h"
#include "machine/net/interface.h"

namespace drydock::machine::net {

/// PREROUTING and OUTPUT (`in` 0): finds the connection or begins one, and translates where the packet goes to.
void nat_input(Kernel& kernel, NetNamespaceId net, Packet& packet, std::uint32_t in);
/// POSTROUTING: translates where it comes from.
void nat_output(Kernel& kernel, NetNamespaceId net, Packet& packet, std::uint32_t in, std::uint32_t out);
/// INPUT: an answer to a connection of this host's own that was redirected.
void nat_local_in(Kernel& kernel, NetNamespaceId net, Packet& packet);
/// For what this host sends to itself: it will pass nat_input() again on lo.
void nat_local_out_done(Kernel& kernel, NetNamespaceId net, Packet& packet);
Verdict forward_verdict(const NetNamespace& space, std::uint32_t in, std::uint32_t out, const Packet& packet);

/// EEXIST: the host's port is taken by another rule. ENOSPC.
Result<void, Errno> add_dnat(NetNamespace& space, const DnatRule& rule);
Result<void, Errno> remove_dnat(NetNamespace& space, const DnatRule& rule);  // ENOENT
Result<void, Errno> add_masquerade(NetNamespace& space, const MasqueradeRule& rule);
Result<void, Errno> remove_masquerade(NetNamespace& space, const MasqueradeRule& rule);  // ENOENT
Result<void, Errno> add_forward_rule(NetNamespace& space, const ForwardRule& rule);      // at the end
Result<void, Errno> remove_forward_rule(NetNamespace& space, const ForwardRule& rule);   // ENOENT

}  // namespace drydock::machine::net
