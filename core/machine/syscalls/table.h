#pragma once
// The table of system calls: one row per number, from which dispatch, strace and the list of what is supported are
// made.

#include <cstdint>
#include <string_view>

#include "machine/syscalls/call.h"

namespace drydock::machine {

/// How strace(1) prints an argument.
enum class Arg : std::uint8_t {
  none,
  i32,
  u32,
  i64,
  u64,
  hex,
  octal_mode,
  fd,
  dirfd,
  path,
  string,
  address,
  size,
  buffer_in,   // bytes given to the kernel; its size is the next argument
  buffer_out,  // bytes that came back; the result is their number
  open_flags,
  access_mode,
  mmap_prot,
  mmap_flags,
  clone_flags,
  mount_flags,
  umount_flags,
  signal,
  sigset,
  sigaction,
  wait_status,
  wait_options,
  pid,
  uid,
  gid,
  whence,
  fcntl_command,
  ioctl_request,
  stat_out,
  timespec,
  timeval,
  socket_family,
  socket_type,
  sockaddr,
  sockopt_level,
  sockopt_name,
  iovec,
  argv,
  envp,
  pollfds,
  prctl_option,
  rlimit_resource,
  rlimit,
  futex_op,
  at_flags,
  resolve_flags,
  unshare_flags,
  capability_header,
  capability_data,
  seccomp_op,
  dev,
  fd_pair,
  dirents,
  utsname,
  clock_id,
  msghdr,
};

enum class Support : std::uint8_t { full, partial, none };

struct SyscallRow {
  std::uint16_t number;
  std::string_view name;
  Handler handler;  // null: ENOSYS and an `unimplemented` event
  std::array<Arg, 6> arguments;
  std::string_view man;  // "read(2)"
  Support support;
  std::string_view note;  // what is missing, for partial
};

/// Null for a number that Linux 6.1 does not have.
const SyscallRow* find_syscall(std::uint64_t number);
std::span<const SyscallRow> all_syscalls();

/// Carries out one attempt of the call the task stands in (Task::call_number, call_arguments), with seccomp before and
/// the trace around it. The scheduler handles what comes of a Block.
Outcome dispatch(Kernel& kernel, TaskId task);

}  // namespace drydock::machine
