#pragma once
// What NETLINK_ROUTE's requests do. rtnetlink(7). A dump's messages are appended to `out`; the caller ends it.

#include <string>
#include <vector>

#include "machine/kernel/kernel.h"
#include "machine/net/interface.h"
#include "machine/net/netlink_message.h"

namespace drydock::machine::net {

using Messages = std::vector<std::string>;

/// RTM_GETLINK and the like: all of them with NLM_F_DUMP, else the one that is asked for.
Result<void, Errno> get_links(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out);
Result<void, Errno> get_addresses(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request,
                                  Messages* out);
Result<void, Errno> get_routes(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out);
Result<void, Errno> get_neighbours(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request,
                                   Messages* out);
/// Only dumps. EOPNOTSUPP.
Result<void, Errno> get_rules(const NetlinkRequest& request, Messages* out);
Result<void, Errno> get_queues(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request, Messages* out);

Result<void, Errno> change_link(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request);
Result<void, Errno> delete_link(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request);
Result<void, Errno> change_address(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request);
Result<void, Errno> change_route(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request);
Result<void, Errno> change_neighbour(const Caller& caller, NetNamespaceId net, const NetlinkRequest& request);

bool wants_dump(const NetlinkRequest& request);
/// The network namespace of a process, or that an open /proc/PID/ns/net names. ESRCH, EBADF, EINVAL.
Result<NetNamespaceId, Errno> namespace_of_pid(const Caller& caller, std::uint32_t pid);
Result<NetNamespaceId, Errno> namespace_of_fd(const Caller& caller, int fd);

}  // namespace drydock::machine::net
