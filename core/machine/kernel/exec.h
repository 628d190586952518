#pragma once
// execve(2), execveat(2).

#include <cstdint>
#include <string>
#include <vector>

#include "machine/syscalls/call.h"

namespace drydock::machine {

/// Replaces the caller's program: path, argument and environment lists are addresses in its memory. Returns 0 with the
/// new program's registers in place, or the errno; past the point of no return the task is killed instead.
Outcome execve(const Call& call, int dirfd, std::uint64_t path, std::uint64_t argv, std::uint64_t envp,
               std::uint32_t flags);

struct ExecRequest {
  int dirfd = kAtFdCwd;
  std::string path;
  std::vector<std::string> arguments, environment;
  std::uint32_t flags = 0;  // AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW
};

/// The same for a task whose strings are here already: a hosted task becomes a guest's, and runs when its turn comes.
/// `fatal` (may be null) tells that the error came after the point of no return: the task has been sent SIGSEGV.
Result<void, Errno> execute(const Caller& caller, ExecRequest request, bool* fatal = nullptr);

inline constexpr std::size_t kArgumentBytesMax = 131072;  // one string, its NUL included
inline constexpr int kInterpreterRewritesMax = 5;         // scripts whose interpreters are scripts: ELOOP

}  // namespace drydock::machine
