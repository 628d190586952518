// Network namespaces begin with a loopback interface and end with everything in them. network_namespaces(7).

#include "machine/net/net_namespace.h"

#include "machine/kernel/kernel.h"

namespace drydock::machine {

NetNamespaceId new_net_namespace(Kernel& kernel, UserNamespaceId owner) {
  const NetNamespaceId id = kernel.net_namespaces.emplace();
  NetNamespace& space = kernel.net_namespaces[id];
  space.number = kernel.next_inode_number++;
  space.owner = owner;
  net::Interface lo;
  lo.index = 1;
  lo.name = "lo";
  lo.kind = net::InterfaceKind::loopback;
  lo.mtu = 65536;
  space.interfaces.emplace(1, std::move(lo));
  return id;
}

void get_net_namespace(Kernel& kernel, NetNamespaceId id) {
  ++kernel.net_namespaces[id].users;
}

void put_net_namespace(Kernel& kernel, NetNamespaceId id) {
  NetNamespace* space = kernel.net_namespaces.find(id);
  if (space == nullptr || space->users == 0 || --space->users > 0) return;
  kernel.net_namespaces.erase(id);
}

}  // namespace drydock::machine
