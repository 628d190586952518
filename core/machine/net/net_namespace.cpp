// Network namespaces begin with a loopback interface and end with everything in them. network_namespaces(7).

#include "machine/net/net_namespace.h"

#include "machine/kernel/kernel.h"
#include "machine/net/delivery.h"
#include "machine/net/links.h"
#include "machine/net/tcp.h"

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
  if (space->interfaces.size() <= 1) return end_net_namespace(kernel, id);  // nothing can be on its way out
  net::NetEvent event;
  event.kind = net::NetEventKind::namespace_end;
  event.at.net = id;
  net::schedule_event(kernel, kernel.now_ns() + net::kNamespaceEndNs, std::move(event));
}

void end_net_namespace(Kernel& kernel, NetNamespaceId id) {
  const NetNamespace* space = std::as_const(kernel.net_namespaces).find(id);
  if (space == nullptr || space->users > 0) return;
  std::vector<std::uint32_t> indices;
  for (const auto& [index, interface] : space->interfaces) indices.push_back(index);
  for (std::uint32_t index : indices) net::remove_interface(kernel, id, index);
  net::forget_tcp(kernel, id);
  for (auto event = kernel.network.events.begin(); event != kernel.network.events.end();)
    event = event->second.at.net == id ? kernel.network.events.erase(event) : std::next(event);
  kernel.net_namespaces.erase(id);
}

}  // namespace drydock::machine
