#pragma once
// Single values as strace(1) prints them: numbers, quoted bytes, modes, sets of signals, results.

#include <cstdint>
#include <string>
#include <string_view>

#include "machine/kernel/outcome.h"
#include "machine/syscalls/call.h"
#include "machine/syscalls/strace_names.h"

namespace drydock::machine {

inline constexpr std::size_t kStraceTextMax = 32;   // bytes of a string that are shown: strace -s
inline constexpr std::size_t kStraceItemsMax = 32;  // elements of an array

/// "0x1f"; "NULL" for 0.
std::string address_text(std::uint64_t address);
std::string hex_text(std::uint64_t value);
/// "0644".
std::string octal_text(std::uint64_t value);
/// "\"text\"" or "\"te\"..."; `bytes` may be longer than what is shown. With a byte that no text has, all in hex.
std::string quoted(std::string_view bytes, bool more = false);
/// "S_IFREG|0644".
std::string mode_text(std::uint32_t mode);
std::string device_text(std::uint64_t major, std::uint64_t minor);
/// "[INT CHLD]", "~[RTMIN RT_1]".
std::string signal_set_text(SignalSet set);
/// "{WIFEXITED(s) && WEXITSTATUS(s) == 0}".
std::string wait_status_text(std::uint32_t status);
/// "O_WRONLY|O_CREAT".
std::string open_flags_text(std::uint64_t flags);
/// A name, or the value in hexadecimal with what it was not found among: "0x99 /* F_??? */".
std::string value_text(ValueNames values, std::uint64_t value, std::string_view unknown);
/// "-1 ENOENT (No such file or directory)".
std::string error_text(Errno code);
/// "[{effective=1<<CAP_CHOWN|1<<CAP_KILL, ...".
std::string capability_set_text(std::uint32_t bits, int first);
/// "8192*1024".
std::string limit_text(std::uint64_t value, std::string_view infinity);

}  // namespace drydock::machine
