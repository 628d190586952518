#include "native/runtime/cgroup_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "base/clock.h"
#include "native/kernel/poller.h"

namespace drydock::native {

namespace {
constexpr std::size_t kCgroupFileMax = std::size_t{16} << 20;
constexpr int kRemoveTriesMax = 200;
constexpr std::int64_t kRemovePauseNs = 5 * kNanosPerMilli;
constexpr std::int64_t kKillPauseNs = kNanosPerMilli;
constexpr std::size_t kTreeDepthMax = 64;
}  // namespace

Result<void> write_cgroup_file(const std::string& directory, const std::string& file, std::string_view value) {
  const auto written = write_kernel_file(concat(directory, "/", file), value);
  if (!written.ok()) {
    return with_context(concat("failed to write ", go_quoted(value)), Error(written.error()));
  }
  return {};
}

bool cgroup_file_exists(const std::string& directory, const std::string& file) {
  return ::access(concat(directory, "/", file).c_str(), F_OK) == 0;
}

std::string read_cgroup_file(const std::string& directory, const std::string& file) {
  auto content = read_file(concat(directory, "/", file), kCgroupFileMax);
  if (!content.ok()) return "";
  while (!content->empty() && content->back() == '\n') content->pop_back();
  return std::move(content).value();
}

std::optional<std::uint64_t> read_cgroup_number(const std::string& directory, const std::string& file) {
  return parse_u64(read_cgroup_file(directory, file));
}

std::vector<std::pair<std::string, std::uint64_t>> read_cgroup_pairs(const std::string& directory,
                                                                     const std::string& file) {
  std::vector<std::pair<std::string, std::uint64_t>> pairs;
  for (const auto& line : split(read_cgroup_file(directory, file), '\n')) {
    const auto parts = split_once(line, ' ');
    if (!parts) continue;
    if (const auto number = parse_u64(parts->second)) pairs.emplace_back(parts->first, *number);
  }
  return pairs;
}

std::uint64_t value_of(const std::vector<std::pair<std::string, std::uint64_t>>& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return value;
  }
  return 0;
}

namespace {

std::vector<std::string> child_directories(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = ::opendir(directory.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(concat(directory, "/", name));
  }
  ::closedir(stream);
  return names;
}

void collect_tree(const std::string& directory, std::size_t depth, std::vector<std::string>& out) {
  if (depth < kTreeDepthMax) {
    for (const auto& child : child_directories(directory)) collect_tree(child, depth + 1, out);
  }
  out.push_back(directory);
}

}  // namespace

std::vector<std::string> cgroup_tree(const std::string& directory) {
  std::vector<std::string> tree;
  collect_tree(directory, 0, tree);
  return tree;
}

std::vector<std::int64_t> cgroup_processes(const std::string& directory) {
  std::vector<std::int64_t> pids;
  for (const auto& group : cgroup_tree(directory)) {
    for (const auto& line : split(read_cgroup_file(group, "cgroup.procs"), '\n')) {
      // Zero: a process of a pid namespace that we cannot see.
      if (const auto pid = parse_i64(line); pid && *pid > 0) pids.push_back(*pid);
    }
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

void kill_cgroup_processes(const std::string& directory, std::int64_t deadline_ns) {
  for (;;) {
    const auto pids = cgroup_processes(directory);
    if (pids.empty() || monotonic_clock_ns() > deadline_ns) return;
    if (!write_kernel_file(concat(directory, "/cgroup.kill"), "1").ok()) {
      for (const auto pid : pids) ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    sleep_ns(kKillPauseNs);
  }
}

Result<void> remove_cgroup_tree(const std::string& directory) {
  if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
  for (int tries = 0;; ++tries) {
    int code = 0;
    for (const auto& group : cgroup_tree(directory)) {
      if (::rmdir(group.c_str()) < 0 && errno != ENOENT) code = errno;
    }
    if (code == 0) return {};
    errno = code;
    if (code != EBUSY || tries == kRemoveTriesMax) return Error(last_error("rmdir", directory));
    sleep_ns(kRemovePauseNs);
  }
}

void sleep_ns(std::int64_t ns) {
  const timespec pause{ns / kNanosPerSecond, ns % kNanosPerSecond};
  ::nanosleep(&pause, nullptr);
}

}  // namespace drydock::native
