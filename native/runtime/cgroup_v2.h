#pragma once

#include "native/runtime/cgroup.h"

namespace drydock::native {

/// A group in the unified hierarchy.
class CgroupV2 final : public Cgroup {
 public:
  CgroupV2(const CgroupLayout& layout, const std::string& path);

  Result<void> create(const runtime::Resources& resources) override;
  Result<void> apply(const runtime::Resources& resources) override;
  Result<std::vector<Fd>> entries() override;
  Result<Fd> birth_directory() override;
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
  Result<void> enable_controllers(const std::string& directory) const;
  Result<void> write_limit(const std::string& controller, const std::string& file, const std::string& value) const;
  Result<void> apply_memory(const runtime::Resources& resources);
  Result<void> apply_cpu(const runtime::Resources& resources);
  Result<void> apply_io(const runtime::Resources& resources);
  Result<void> set_frozen(bool frozen);

  std::string root_;
  std::string path_;
  std::string directory_;
  std::vector<std::string> controllers_;
};

}  // namespace drydock::native
