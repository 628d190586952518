#pragma once

#include "native/runtime/cgroup.h"

namespace drydock::native {

/// A group in each of several hierarchies; in a hybrid layout also in the unified one, which then has few or no
/// controllers but can kill.
class CgroupV1 final : public Cgroup {
 public:
  CgroupV1(const CgroupLayout& layout, const std::string& path);

  Result<void> create(const runtime::Resources& resources) override;
  Result<void> apply(const runtime::Resources& resources) override;
  Result<std::vector<Fd>> entries() override;
  Result<void> freeze() override;
  Result<void> thaw() override;
  bool frozen() override;
  Fd watch_oom() override;
  std::uint64_t oom_kills() override;
  Result<runtime::ContainerStats> stats() override;
  std::vector<std::int64_t> processes() override;
  void kill_all(std::int64_t timeout_ns) override;
  Result<void> remove() override;

 private:
  struct Group {
    CgroupHierarchy hierarchy;
    std::string directory;
  };
  /// The group's directory in the hierarchy of this controller; empty if it is not mounted.
  std::string directory_of(std::string_view controller) const;
  Result<std::string> needed(std::string_view controller, std::string_view what) const;
  Result<void> make_directory(const Group& group) const;
  Result<void> inherit_cpuset(const std::string& mount_point) const;
  Result<void> apply_memory(const runtime::Resources& resources);
  Result<void> apply_cpu(const runtime::Resources& resources);
  Result<void> apply_block_io(const runtime::Resources& resources);
  Result<void> apply_devices(const std::vector<runtime::DeviceRule>& rules);
  void add_memory_stats(runtime::ContainerStats& stats) const;
  void add_block_io_stats(runtime::ContainerStats& stats) const;

  std::string path_;
  std::vector<Group> groups_;
};

}  // namespace drydock::native
