#pragma once
// A system call that a hosted task makes: a daemon of the simulated host, or a container before its execve(2). What its
// arguments point to is put into scratch memory of the task, and the call goes the way of every other one, so that
// filters, permissions and the trace are the same.
//
// Nothing waits here: a call that would block is not kept; it says EAGAIN.

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "machine/syscalls/call.h"

namespace drydock::machine {

inline constexpr std::uint64_t kScratchStart = 0x10000;
inline constexpr std::uint64_t kScratchBytesMax = std::uint64_t{64} << 20;

/// One argument: a number, bytes to read, or room for what comes back.
class HostArgument {
 public:
  template <std::integral N>
  HostArgument(N value) : value_(static_cast<std::uint64_t>(static_cast<std::int64_t>(value))) {}
  /// A string: its terminating NUL is added.
  HostArgument(std::string_view text) : kind_(Kind::text), in_(text) {}
  HostArgument(const std::string& text) : kind_(Kind::text), in_(text) {}
  HostArgument(const char* text) : kind_(Kind::text), in_(text) {}
  /// Bytes as they are.
  static HostArgument bytes(std::string_view bytes) {
    HostArgument argument(bytes);
    argument.kind_ = Kind::bytes;
    return argument;
  }
  static HostArgument bytes(std::span<const char> bytes) {
    return HostArgument::bytes(std::string_view(bytes.data(), bytes.size()));
  }
  static HostArgument room(std::span<char> out) {
    HostArgument argument(0);
    argument.kind_ = Kind::room;
    argument.out_ = out;
    return argument;
  }
  /// Bytes that the call may change.
  static HostArgument both(std::span<char> bytes) {
    HostArgument argument = room(bytes);
    argument.in_ = std::string_view(bytes.data(), bytes.size());
    return argument;
  }
  /// argv, envp: an array of pointers to strings, ended by a null.
  static HostArgument list(const std::vector<std::string>& strings) {
    HostArgument argument(0);
    argument.kind_ = Kind::list;
    argument.strings_ = &strings;
    return argument;
  }
  /// A struct with a pointer to further bytes at `offset`.
  static HostArgument pointing(std::string_view head, std::size_t offset, std::string_view target) {
    HostArgument argument = bytes(head);
    argument.kind_ = Kind::pointing;
    argument.value_ = offset;
    argument.target_ = target;
    return argument;
  }
  /// A null pointer.
  static HostArgument null() { return HostArgument(0); }

 private:
  friend class Injection;
  enum class Kind : std::uint8_t { value, text, bytes, room, list, pointing };
  Kind kind_ = Kind::value;
  std::uint64_t value_ = 0;
  std::string_view in_, target_;
  std::span<char> out_;
  const std::vector<std::string>* strings_ = nullptr;
};

/// Carries the call out as that task. ESRCH: it has ended, or is no hosted task (any more). E2BIG: more than
/// kScratchBytesMax of arguments.
Outcome inject(Kernel& kernel, TaskId task, std::int64_t number, std::initializer_list<HostArgument> arguments);

/// Numbers of the calls that hosted tasks make. syscalls(2).
namespace call_number {
inline constexpr std::int64_t read = 0, write = 1, close = 3, fstat = 5, poll = 7, lseek = 8, ioctl = 16, pread64 = 17,
                              pwrite64 = 18, getpid = 39, execve = 59, exit = 60, wait4 = 61, kill = 62, fcntl = 72,
                              fsync = 74, ftruncate = 77, getcwd = 79, chdir = 80, fchdir = 81, fchmod = 91,
                              fchown = 93, umask = 95, setgroups = 116, setresuid = 117, setresgid = 119, setsid = 112,
                              capset = 126, statfs = 137, fstatfs = 138, prctl = 157, pivot_root = 155, setrlimit = 160,
                              mount = 165, umount2 = 166, sethostname = 170, setdomainname = 171, fsetxattr = 190,
                              fgetxattr = 193, flistxattr = 196, getdents64 = 217, unshare = 272, openat = 257,
                              mkdirat = 258, mknodat = 259, fchownat = 260, newfstatat = 262, unlinkat = 263,
                              renameat = 264, linkat = 265, symlinkat = 266, readlinkat = 267, fchmodat = 268,
                              utimensat = 280, dup3 = 292, pipe2 = 293, prlimit64 = 302, setns = 308, renameat2 = 316,
                              seccomp = 317, keyctl = 250, execveat = 322, close_range = 436, openat2 = 437,
                              faccessat2 = 439, mount_setattr = 442, lsetxattr = 189, lgetxattr = 192, llistxattr = 195;
}  // namespace call_number

}  // namespace drydock::machine
