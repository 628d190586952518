#pragma once
// TCP as the simulated network needs it (tcp_endpoint.h says what is left out). tcp(7), RFC 9293.

#include "machine/kernel/kernel.h"
#include "machine/net/interface.h"
#include "machine/net/tcp_endpoint.h"

namespace drydock::machine::net {

/// A closed endpoint of that namespace.
TcpId make_endpoint(Kernel& kernel, NetNamespaceId net, FileId file, bool v6);

/// EADDRINUSE. Port 0 is a free one. `address` unspecified: every one. The endpoint's reuse flags are looked at.
Result<void, Errno> tcp_bind(Kernel& kernel, TcpId id, const IpAddress& address, std::uint16_t port, bool v6_only);
/// EADDRINUSE: somebody listens there already.
Result<void, Errno> tcp_listen(Kernel& kernel, TcpId id, std::uint32_t backlog);
/// Sends the SYN; how it ended shows in the endpoint's state and error. EADDRNOTAVAIL, ENETUNREACH ...
Result<void, Errno> tcp_connect(Kernel& kernel, TcpId id, const IpAddress& address, std::uint16_t port);
/// Sends what the windows allow, and the FIN when all is said.
void tcp_push(Kernel& kernel, TcpId id);
/// Nothing more will be written.
void tcp_shut_down_writing(Kernel& kernel, TcpId id);
/// Some of what was received has been read: tells the other end when its window was closed.
void tcp_window_opened(Kernel& kernel, TcpId id);
/// The program has closed the socket; the endpoint lives on until its last data are acknowledged. `reset`: it does not.
void tcp_close(Kernel& kernel, TcpId id, bool reset);

void tcp_input(Kernel& kernel, InterfaceRef at, const Packet& packet);
void tcp_timer(Kernel& kernel, TcpId id, std::uint64_t due_ns);
void tcp_icmp_error(Kernel& kernel, NetNamespaceId net, const Packet& error);
/// All endpoints of a namespace that ends.
void forget_tcp(Kernel& kernel, NetNamespaceId net);

}  // namespace drydock::machine::net
