#pragma once
// Which Linux this claims to be: uname(2), /proc/version, /proc/sys/kernel.

#include <string_view>

namespace drydock::machine {

inline constexpr std::string_view kKernelRelease = "6.1.0-drydock";
inline constexpr std::string_view kKernelVersion = "#1 SMP PREEMPT_DYNAMIC Drydock 6.1.0";
inline constexpr std::string_view kKernelMachine = "x86_64";

}  // namespace drydock::machine
