#pragma once
// /sys/class/net and /sys/devices/virtual/net: the interfaces of a sysfs's network namespace.

#include <memory>

#include "machine/fs/pseudo/pseudo_inode.h"
#include "machine/kernel/kernel.h"

namespace drydock::machine {

std::unique_ptr<PseudoInode> make_net_class(const Caller& caller);    // links
std::unique_ptr<PseudoInode> make_net_devices(const Caller& caller);  // directories
/// Whose interfaces that instance of sysfs shows; none when it is no sysfs.
NetNamespaceId net_of_sysfs(const Kernel& kernel, SuperblockId id);

}  // namespace drydock::machine
