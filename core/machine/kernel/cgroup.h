#pragma once
// cgroups(7): the tree of groups with their limits and what they use. The file system that shows it is fs/cgroupfs.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "machine/kernel/ids.h"

namespace drydock::machine {

/// Version 2 is one hierarchy with all controllers; version 1 is one per (group of) controllers.
struct CgroupHierarchy {
  bool unified = true;
  std::string name;                      // v1: "cpu,cpuacct", "name=systemd"
  std::vector<std::string> controllers;  // "memory", "cpu", "pids" ...
  CgroupId root;
};

/// What chown(2) and chmod(2) made of one of a group's files: delegation.
struct CgroupFileOwner {
  std::uint32_t uid = 0, gid = 0, permissions = 0;
};

class Cgroup {
 public:
  CgroupId parent;  // none: a hierarchy's root
  std::uint32_t hierarchy = 0;
  std::string name;
  std::map<std::string, CgroupId, std::less<>> children;
  std::uint32_t processes = 0;                                 // directly in it
  std::vector<std::string> subtree_control;                    // v2: controllers its children have
  std::map<std::string, CgroupFileOwner, std::less<>> owners;  // by file name; "": the directory

  // Usage counts the whole subtree; a limit of nothing is none.
  std::uint64_t memory_pages = 0, memory_pages_peak = 0, memory_failures = 0, oom_kills = 0;
  std::optional<std::uint64_t> memory_max_bytes, memory_high_bytes, memory_low_bytes, memory_min_bytes, swap_max_bytes;
  std::uint32_t pids = 0, pids_peak = 0, pids_failures = 0;
  std::optional<std::uint64_t> pids_max;
  std::uint64_t cpu_user_ns = 0, cpu_system_ns = 0;
  std::optional<std::uint64_t> cpu_quota_ns;
  std::uint64_t cpu_period_ns = 100'000'000, cpu_period_start_ns = 0, cpu_period_used_ns = 0;
  std::uint64_t cpu_periods = 0, cpu_throttled_periods = 0, cpu_throttled_ns = 0;
  std::uint32_t cpu_weight = 100;
  bool frozen = false;                                       // asked for here
  bool frozen_effective = false;                             // here or above
  std::map<std::string, std::string, std::less<>> settings;  // files that only keep what is written: "cpuset.cpus" ...
};

}  // namespace drydock::machine
