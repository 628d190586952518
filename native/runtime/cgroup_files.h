#pragma once
// Reading and writing the files of a cgroup directory, and what both cgroup versions do alike with directories.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "native/kernel/fd.h"

namespace drydock::native {

/// Error: `failed to write "9": write /sys/fs/cgroup/cpuset/x/cpuset.cpus: invalid argument`, as runc words it.
Result<void> write_cgroup_file(const std::string& directory, const std::string& file, std::string_view value);
bool cgroup_file_exists(const std::string& directory, const std::string& file);
/// Without the newline at its end; empty if it cannot be read.
std::string read_cgroup_file(const std::string& directory, const std::string& file);
/// A single number; nothing for "max" and what is no number.
std::optional<std::uint64_t> read_cgroup_number(const std::string& directory, const std::string& file);
/// Lines of "name number".
std::vector<std::pair<std::string, std::uint64_t>> read_cgroup_pairs(const std::string& directory,
                                                                     const std::string& file);
std::uint64_t value_of(const std::vector<std::pair<std::string, std::uint64_t>>& pairs, std::string_view name);

/// The directory and all below it, the deepest first.
std::vector<std::string> cgroup_tree(const std::string& directory);
/// Pids in `directory` and below, ascending.
std::vector<std::int64_t> cgroup_processes(const std::string& directory);
/// SIGKILL until none is left or the deadline (monotonic) passes; with cgroup.kill where there is one.
void kill_cgroup_processes(const std::string& directory, std::int64_t deadline_ns);
/// rmdir(2) from below; tries again for a moment while the kernel still finds a dying process inside (EBUSY).
Result<void> remove_cgroup_tree(const std::string& directory);
void sleep_ns(std::int64_t ns);

}  // namespace drydock::native
