#pragma once
// Control groups: cgroups(7), Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst of Linux. What is mounted decides
// (probe_cgroups), nothing is assumed. As Docker's cgroupfs driver does, a container's group is at its path below each
// hierarchy's mount point. Not modelled: the systemd driver, real-time scheduling, rdma, hugetlb limits.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "native/kernel/fd.h"
#include "runtime/init_plan.h"
#include "runtime/runtime.h"

namespace drydock::native {

struct CgroupHierarchy {
  std::string mount_point;
  std::vector<std::string> controllers;  // "cpu", "cpuacct"; empty: named, or the unified one
  std::string options;                   // "cpu,cpuacct", "name=systemd"
  bool has(std::string_view controller) const;
};

struct CgroupLayout {
  runtime::KernelFeatures::Cgroup kind = runtime::KernelFeatures::Cgroup::none;
  std::vector<CgroupHierarchy> v1;       // writable ones
  std::string unified;                   // mount point of cgroup2 with our own part of it; empty: none
  std::vector<std::string> controllers;  // that limits can be set with; "memory.swap" where swap is accounted
};

/// Reads /proc/self/mountinfo and /proc/self/cgroup and tries what can be written.
CgroupLayout probe_cgroups();

/// The group of one container. An object only knows names: several may stand for one group.
class Cgroup {
 public:
  virtual ~Cgroup() = default;

  /// Makes the directories and sets the limits. What exists already is taken over.
  virtual Result<void> create(const runtime::Resources& resources) = 0;
  virtual Result<void> apply(const runtime::Resources& resources) = 0;
  /// A process enters by writing "0" to each of these (v1), or is born in the group (v2: birth_directory).
  virtual Result<std::vector<Fd>> entries() = 0;
  virtual Result<Fd> birth_directory() { return Fd(); }

  virtual Result<void> freeze() = 0;
  virtual Result<void> thaw() = 0;
  virtual bool frozen() = 0;

  /// A descriptor that becomes readable when the OOM killer may have come; invalid: cannot be watched.
  virtual Fd watch_oom() = 0;
  virtual std::uint64_t oom_kills() = 0;
  virtual Result<runtime::ContainerStats> stats() = 0;
  /// Of the group and those below it, ascending.
  virtual std::vector<std::int64_t> processes() = 0;

  /// SIGKILL to all that is in it, thawed first; returns when nothing is left or after `timeout_ns`.
  virtual void kill_all(std::int64_t timeout_ns) = 0;
  /// Removes the directories, those below included. Fine if there are none.
  virtual Result<void> remove() = 0;
};

/// Without a usable hierarchy: a group that holds nothing and refuses limits.
std::unique_ptr<Cgroup> make_cgroup(const CgroupLayout& layout, const std::string& path);

}  // namespace drydock::native
