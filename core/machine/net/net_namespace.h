#pragma once
// network_namespaces(7): interfaces, addresses, routes, rules and the sockets bound in one.

#include <cstdint>

#include "machine/kernel/ids.h"

namespace drydock::machine {

class NetNamespace {
 public:
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  UserNamespaceId owner;
};

}  // namespace drydock::machine
