#pragma once
// Which devices the processes of a cgroup may use: the devices controller of cgroup v1 (Linux's
// admin-guide/cgroup-v1/devices.rst). In v2 the same is a BPF program, which the machine does not run: whoever would
// attach one sets the same rules on the v2 group.

#include <string>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

struct DeviceAccess {
  bool read = false, write = false, make = false;
};

/// By every group that the caller's process is in, from the innermost to the root.
bool device_allowed(const Caller& caller, bool character, std::uint32_t major, std::uint32_t minor,
                    DeviceAccess access);
/// devices.allow and devices.deny: "c 1:3 rwm", "b *:* m", "a". EINVAL.
Result<void, Errno> change_device_rules(Cgroup& group, std::string_view line, bool allow);
/// devices.list.
std::string device_rules_text(const Cgroup& group);

}  // namespace drydock::machine
