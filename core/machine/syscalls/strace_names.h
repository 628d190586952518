#pragma once
// Names of the bits and values that system calls are given, as strace(1) prints them.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace drydock::machine {

struct ValueName {
  std::uint64_t value;
  std::string_view name;
};
using ValueNames = std::span<const ValueName>;

/// One family of values each; the tables are in strace_names.cpp.
namespace names {
extern const ValueNames open_flag, access_mode, protection, mmap_flag, clone_flag, mount_flag, umount_flag, wait_option,
    whence, fcntl, ioctl, socket_family, socket_type, socket_level, socket_option, prctl, resource, futex, at_flag,
    resolve_flag, seccomp_operation, clock, poll, signal_action_flag, signal_mask_how, message_flag, capability,
    arch_prctl, random_flag, netlink_family;
}  // namespace names

/// "O_RDONLY"; empty when there is no such value.
std::string_view name_of(ValueNames names, std::uint64_t value);
/// "A|B|0x40": named bits in the table's order, then what is left. `zero` when nothing is set.
std::string flags_text(ValueNames names, std::uint64_t flags, std::string_view zero = "0");

/// "1f", without a prefix.
std::string hex_digits(std::uint64_t value);
/// "INT", "RTMIN", "RT_1"; empty for no signal.
std::string signal_short_name(int signal);
/// "SIGINT"; the number for what is no signal.
std::string signal_text(std::int64_t signal);

}  // namespace drydock::machine
