#pragma once
// What the two files of socket calls share: sys_socket.cpp (names, options) and sys_socket_message.cpp (send, recv).

#include "machine/net/socket.h"
#include "machine/syscalls/call.h"

namespace drydock::machine {

/// A struct sockaddr of the caller's. EINVAL: longer than there is any.
Result<std::string, Errno> address_in(const Call& call, std::uint64_t address, std::int32_t bytes);
/// Stores an address, cut to the length at `length_at`, which becomes its full length.
Result<void, Errno> address_out(const Call& call, std::uint64_t address, std::uint64_t length_at,
                                std::string_view socket_address);

Outcome sys_sendto(const Call& call);
Outcome sys_recvfrom(const Call& call);
Outcome sys_sendmsg(const Call& call);
Outcome sys_recvmsg(const Call& call);
Outcome sys_sendmmsg(const Call& call);
Outcome sys_recvmmsg(const Call& call);

}  // namespace drydock::machine
