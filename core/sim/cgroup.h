#pragma once
// A container's control group on the simulated host: files of its cgroup v2 file system, written by the daemon.

#include <string>
#include <vector>

#include "runtime/init_plan.h"
#include "runtime/runtime.h"
#include "sim/hosted_task.h"

namespace drydock::sim {

inline constexpr std::string_view kCgroupMount = "/sys/fs/cgroup";

/// The controllers that limits can be set with; nothing is mounted: none.
std::vector<std::string> probe_cgroup_controllers(const HostedTask& daemon);

class SimCgroup {
 public:
  SimCgroup(HostedTask daemon, std::string path);

  /// Makes the directories and sets the limits. What exists already is taken over.
  Result<void> create(const runtime::Resources& resources);
  Result<void> apply(const runtime::Resources& resources);
  Result<void> add(std::int64_t pid);
  Result<void> set_frozen(bool frozen);
  bool frozen() const;
  Result<runtime::ContainerStats> stats() const;
  /// Of the group and those below it, ascending.
  std::vector<std::int64_t> processes() const;
  /// SIGKILL to all that is in it, thawed first.
  void kill_all();
  /// Removes the directories, those below included. Fine if there are none.
  Result<void> remove();
  std::uint64_t oom_kills() const;

 private:
  std::string file(std::string_view name) const;
  std::string read(std::string_view name) const;
  Result<void> write(const std::string& directory, std::string_view name, std::string_view value) const;
  void add_processes(const std::string& directory, std::vector<std::int64_t>& pids) const;
  void remove_tree(const std::string& directory) const;

  HostedTask daemon_;
  std::string path_;
  std::string directory_;  // empty: there are no cgroups
};

}  // namespace drydock::sim
