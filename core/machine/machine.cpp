// Boot, and what is above the run loop.

#include "machine/machine.h"

#include <algorithm>

#include "machine/kernel/create_task.h"
#include "machine/kernel/schedule.h"
#include "machine/vfs/boot.h"

namespace drydock::machine {
namespace {

void add_hierarchy(Kernel& kernel, bool unified, std::string name, std::vector<std::string> controllers) {
  Cgroup root;
  root.hierarchy = static_cast<std::uint32_t>(kernel.cgroup_hierarchies.size());
  CgroupHierarchy hierarchy;
  hierarchy.unified = unified;
  hierarchy.name = std::move(name);
  hierarchy.controllers = std::move(controllers);
  hierarchy.root = kernel.cgroups.emplace(std::move(root));
  kernel.cgroup_hierarchies.push_back(std::move(hierarchy));
}

void make_cgroups(Kernel& kernel, CgroupLayout layout) {
  if (layout == CgroupLayout::unified) {
    add_hierarchy(kernel, true, "", {"cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc"});
    return;
  }
  add_hierarchy(kernel, false, "cpuset", {"cpuset"});
  add_hierarchy(kernel, false, "cpu,cpuacct", {"cpu", "cpuacct"});
  add_hierarchy(kernel, false, "blkio", {"blkio"});
  add_hierarchy(kernel, false, "memory", {"memory"});
  add_hierarchy(kernel, false, "devices", {"devices"});
  add_hierarchy(kernel, false, "freezer", {"freezer"});
  add_hierarchy(kernel, false, "pids", {"pids"});
  add_hierarchy(kernel, false, "name=systemd", {});
}

}  // namespace

Machine::Machine(const MachineConfig& config) {
  kernel_.limits = config.limits;
  kernel_.host_name = config.host_name;
  kernel_.boot_time_ns = config.boot_time_ns;
  kernel_.random = SeededRandom(config.seed);
  create_initial_namespaces(kernel_);
  make_cgroups(kernel_, config.cgroups);
  BootRoot root = boot_mounts(kernel_);
  init_ = create_first_task(kernel_, "init", root.fs, root.mount_namespace);
}

std::optional<std::uint64_t> Machine::next_deadline() const {
  return machine::next_deadline(kernel_);
}

void Machine::advance_clock(std::uint64_t to_ns) {
  kernel_.clock_ns = std::max(kernel_.clock_ns, to_ns);
  fire_due(kernel_);
}

void Machine::restore(const Kernel& snapshot) {
  kernel_ = snapshot;
  interpreter_.flush_tlb();
}

}  // namespace drydock::machine
