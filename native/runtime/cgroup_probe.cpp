#include <algorithm>

#include "native/kernel/mount_table.h"
#include "native/runtime/cgroup.h"
#include "native/runtime/cgroup_files.h"
#include "native/runtime/cgroup_v1.h"
#include "native/runtime/cgroup_v2.h"

namespace drydock::native {

namespace {

using Kind = runtime::KernelFeatures::Cgroup;

/// Options of a cgroup v1 superblock that are no controllers.
bool is_mount_option(std::string_view word) {
  return word == "rw" || word == "ro" || word == "xattr" || word == "clone_children" || word == "noprefix" ||
         word == "cpuset_v2_mode" || word == "seclabel" || word == "favordynmods" || word.starts_with("release_agent=");
}

CgroupHierarchy v1_hierarchy(const MountEntry& mount) {
  CgroupHierarchy hierarchy;
  hierarchy.mount_point = mount.mount_point;
  std::vector<std::string> words;
  for (const auto& word : split(mount.super_options, ',')) {
    if (is_mount_option(word)) continue;
    words.push_back(word);
    if (!word.starts_with("name=")) hierarchy.controllers.push_back(word);
  }
  hierarchy.options = join(words, ",");
  return hierarchy;
}

bool writable(const std::string& directory) {
  return ::access(directory.c_str(), W_OK) == 0;
}

/// Our own group's path in the unified hierarchy: the line "0::PATH".
std::string own_unified_path() {
  const auto text = read_file("/proc/self/cgroup");
  if (!text.ok()) return "/";
  for (const auto& line : split(*text, '\n')) {
    if (line.starts_with("0::")) return line.substr(3);
  }
  return "/";
}

/// The part of the unified hierarchy where groups can be made: its root, or what was delegated to us.
std::string usable_unified_part(const std::string& mount_point) {
  if (writable(mount_point)) return mount_point;
  std::string own = concat(mount_point, own_unified_path());
  while (own.size() > mount_point.size() && own.back() == '/') own.pop_back();
  // A session scope has processes of others in it; groups go beside it, which systemd delegates as well.
  const auto parent = own.substr(0, own.rfind('/'));
  if (parent.size() > mount_point.size() && writable(concat(parent, "/cgroup.procs")) && writable(parent))
    return parent;
  return writable(own) && writable(concat(own, "/cgroup.procs")) ? own : "";
}

void add_controllers(CgroupLayout& layout) {
  for (const auto& hierarchy : layout.v1) {
    for (const auto& controller : hierarchy.controllers) {
      layout.controllers.push_back(controller);
      if (controller == "memory" && cgroup_file_exists(hierarchy.mount_point, "memory.memsw.limit_in_bytes")) {
        layout.controllers.push_back("memory.swap");
      }
    }
  }
  if (layout.kind != Kind::v2) return;
  for (const auto& controller : split(read_cgroup_file(layout.unified, "cgroup.controllers"), ' ')) {
    if (!controller.empty()) layout.controllers.push_back(controller);
    // The root group has no memory.swap.max to look for; the kernel then says so by its list of swap areas' support.
    if (controller == "memory" && ::access("/proc/swaps", F_OK) == 0) layout.controllers.push_back("memory.swap");
  }
  layout.controllers.push_back("devices");
  layout.controllers.push_back("freezer");
}

/// Where nothing is mounted that could be written.
class NoCgroup final : public Cgroup {
 public:
  Result<void> create(const runtime::Resources& resources) override { return apply(resources); }
  Result<void> apply(const runtime::Resources& resources) override {
    const bool asks = resources.memory_limit || resources.pids_limit || resources.cpu_quota || resources.cpu_shares ||
                      !resources.cpuset_cpus.empty();
    if (asks) return fail(ErrorKind::invalid_argument, "cannot set limits: cgroups are not available");
    return {};
  }
  Result<std::vector<Fd>> entries() override { return std::vector<Fd>(); }
  Result<void> freeze() override { return fail(ErrorKind::not_implemented, "cannot pause without cgroups"); }
  Result<void> thaw() override { return fail(ErrorKind::not_implemented, "cannot resume without cgroups"); }
  bool frozen() override { return false; }
  Fd watch_oom() override { return Fd(); }
  std::uint64_t oom_kills() override { return 0; }
  Result<runtime::ContainerStats> stats() override { return runtime::ContainerStats(); }
  std::vector<std::int64_t> processes() override { return {}; }
  void kill_all(std::int64_t) override {}
  Result<void> remove() override { return {}; }
};

}  // namespace

bool CgroupHierarchy::has(std::string_view controller) const {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

CgroupLayout probe_cgroups() {
  CgroupLayout layout;
  const auto mounts = read_mount_table();
  if (!mounts.ok()) return layout;
  for (const auto& mount : *mounts) {
    if (mount.type == "cgroup") {
      const auto known = [&](const CgroupHierarchy& other) { return other.options == v1_hierarchy(mount).options; };
      const bool again = std::any_of(layout.v1.begin(), layout.v1.end(), known);
      if (!again && writable(mount.mount_point)) layout.v1.push_back(v1_hierarchy(mount));
    }
    if (mount.type == "cgroup2" && layout.unified.empty()) layout.unified = usable_unified_part(mount.mount_point);
  }
  if (!layout.v1.empty()) {
    layout.kind = layout.unified.empty() ? Kind::v1 : Kind::hybrid;
  } else if (!layout.unified.empty()) {
    layout.kind = Kind::v2;
  }
  add_controllers(layout);
  return layout;
}

std::unique_ptr<Cgroup> make_cgroup(const CgroupLayout& layout, const std::string& path) {
  if (layout.kind == Kind::none || path.empty()) return std::make_unique<NoCgroup>();
  if (layout.kind == Kind::v2) return std::make_unique<CgroupV2>(layout, path);
  return std::make_unique<CgroupV1>(layout, path);
}

}  // namespace drydock::native
