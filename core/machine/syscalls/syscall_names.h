#pragma once
// The names of Linux's system calls by number. syscalls(2).

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace drydock::machine {

inline constexpr std::size_t kSyscallsEnd = 451;  // Linux 6.1: set_mempolicy_home_node(2) is the last

/// Empty for a number that Linux 6.1 does not have.
std::string_view syscall_name(std::uint64_t number);

}  // namespace drydock::machine
