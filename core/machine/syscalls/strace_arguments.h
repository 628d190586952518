#pragma once
// One argument of a system call as strace(1) prints it.

#include <string>
#include <vector>

#include "machine/syscalls/table.h"

namespace drydock::machine {

/// Whether the kernel writes what the argument points to, so that it can only be shown afterwards.
bool is_output(std::uint64_t number, Arg kind, int index);

/// An argument whose meaning depends on another one of its call.
struct DependentArgument {
  int index;
  Arg kind;
  std::string text;  // ready, unless it is an output
  bool output = false;
  std::string label;  // "flags="
};
/// All arguments of fcntl(2), ioctl(2), prctl(2), clone(2) and others that a row of kinds cannot describe; nothing for
/// those that it can.
std::vector<DependentArgument> dependent_arguments(const Call& call, std::uint64_t number);

/// What goes in.
std::string input_text(const Call& call, std::uint64_t number, Arg kind, int index);
/// What came back from a call that returned `result` (not an error).
std::string output_text(const Call& call, std::uint64_t number, Arg kind, int index, std::int64_t result);

/// "{st_mode=S_IFREG|0644, st_size=3, ...}" and others, from the guest's memory; the address where that cannot be read.
std::string struct_text(const Call& call, Arg kind, std::uint64_t address, std::uint64_t size);
std::string socket_address_text(std::string_view bytes);
/// "[{iov_base="ab", iov_len=2}]"; of output vectors only `bytes_max` bytes are filled.
std::string io_vectors_text(const Call& call, std::uint64_t address, std::uint64_t count, std::uint64_t bytes_max);

}  // namespace drydock::machine
