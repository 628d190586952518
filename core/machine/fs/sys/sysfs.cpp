// tidy: table
// sysfs. A table of what an otherwise empty virtual machine has; class/net and devices/virtual/net are made of the
// network namespace's interfaces. Nothing here can be set.

#include "machine/fs/sys/sysfs.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "machine/fs/pseudo/node_table.h"
#include "machine/fs/sys/net_class.h"
#include "machine/kernel/capabilities.h"

namespace drydock::machine {

namespace {

using Text = Result<std::string, Errno>;
constexpr std::uint64_t kSysfsMagic = 0x62656572;
constexpr std::uint32_t kDirectory = abi::s_ifdir | 0755, kLink = abi::s_iflnk | 0777, kSettable = 0644;

Text cpu_range(const Caller& caller) {
  const std::uint32_t cpus = caller.kernel.limits.cpus;
  return cpus > 1 ? concat("0-", cpus - 1, "\n") : std::string("0\n");
}
Text node_meminfo(const Caller& caller) {
  const std::uint64_t total = caller.kernel.limits.memory_pages_max * 4;
  const std::uint64_t used = (caller.kernel.charged_pages + caller.kernel.file_pages) * 4;
  return concat("Node 0 MemTotal:       ", total, " kB\nNode 0 MemFree:        ", total - std::min(total, used),
                " kB\n");
}

/// cpuN of devices/system/cpu, for as many as there are.
class CpuDirectory final : public PseudoInode {
 public:
  std::unique_ptr<Inode> clone() const override { return std::make_unique<CpuDirectory>(*this); }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller&, std::uint64_t, std::size_t) override {
    return std::vector<DirectoryItem>();
  }
  Result<InodeId, Errno> lookup(const Caller&, std::string_view) override { return Errno::enoent; }
};
template <std::uint32_t cpu>
std::unique_ptr<PseudoInode> make_cpu(const Caller& caller) {
  if (cpu >= caller.kernel.limits.cpus) return nullptr;
  auto directory = std::make_unique<CpuDirectory>();
  directory->mode = kDirectory;
  directory->links = 2;
  return directory;
}

constexpr std::array kRows{
    NodeRow{"block", kDirectory},
    NodeRow{"bus/pci/devices", kDirectory},
    NodeRow{"bus/usb/devices", kDirectory},
    NodeRow{"bus/cpu", kDirectory},
    NodeRow{"class/block", kDirectory},
    NodeRow{"class/mem/full", kLink, "../../devices/virtual/mem/full"},
    NodeRow{"class/mem/null", kLink, "../../devices/virtual/mem/null"},
    NodeRow{"class/mem/random", kLink, "../../devices/virtual/mem/random"},
    NodeRow{"class/mem/urandom", kLink, "../../devices/virtual/mem/urandom"},
    NodeRow{"class/mem/zero", kLink, "../../devices/virtual/mem/zero"},
    NodeRow{"class/net", kDirectory, "", nullptr, nullptr, make_net_class},
    NodeRow{"class/power_supply", kDirectory},
    NodeRow{"class/thermal", kDirectory},
    NodeRow{"class/tty/console", kLink, "../../devices/virtual/tty/console"},
    NodeRow{"class/tty/ptmx", kLink, "../../devices/virtual/tty/ptmx"},
    NodeRow{"class/tty/tty", kLink, "../../devices/virtual/tty/tty"},
    NodeRow{"dev/block", kDirectory},
    NodeRow{"dev/char/1:3", kLink, "../../devices/virtual/mem/null"},
    NodeRow{"dev/char/1:5", kLink, "../../devices/virtual/mem/zero"},
    NodeRow{"dev/char/1:7", kLink, "../../devices/virtual/mem/full"},
    NodeRow{"dev/char/1:8", kLink, "../../devices/virtual/mem/random"},
    NodeRow{"dev/char/1:9", kLink, "../../devices/virtual/mem/urandom"},
    NodeRow{"dev/char/5:0", kLink, "../../devices/virtual/tty/tty"},
    NodeRow{"dev/char/5:1", kLink, "../../devices/virtual/tty/console"},
    NodeRow{"dev/char/5:2", kLink, "../../devices/virtual/tty/ptmx"},
    NodeRow{"devices/system/clocksource/clocksource0/available_clocksource", kSettable, "tsc \n"},
    NodeRow{"devices/system/clocksource/clocksource0/current_clocksource", kSettable, "tsc\n"},
    NodeRow{"devices/system/cpu/cpu0", kDirectory, "", nullptr, nullptr, make_cpu<0>},
    NodeRow{"devices/system/cpu/cpu1", kDirectory, "", nullptr, nullptr, make_cpu<1>},
    NodeRow{"devices/system/cpu/cpu2", kDirectory, "", nullptr, nullptr, make_cpu<2>},
    NodeRow{"devices/system/cpu/cpu3", kDirectory, "", nullptr, nullptr, make_cpu<3>},
    NodeRow{"devices/system/cpu/isolated", 0, "\n"},
    NodeRow{"devices/system/cpu/kernel_max", 0, "8191\n"},
    NodeRow{"devices/system/cpu/offline", 0, "\n"},
    NodeRow{"devices/system/cpu/online", 0, "", cpu_range},
    NodeRow{"devices/system/cpu/possible", 0, "", cpu_range},
    NodeRow{"devices/system/cpu/present", 0, "", cpu_range},
    NodeRow{"devices/system/node/has_cpu", 0, "0\n"},
    NodeRow{"devices/system/node/has_memory", 0, "0\n"},
    NodeRow{"devices/system/node/has_normal_memory", 0, "0\n"},
    NodeRow{"devices/system/node/node0/cpulist", 0, "", cpu_range},
    NodeRow{"devices/system/node/node0/distance", 0, "10\n"},
    NodeRow{"devices/system/node/node0/meminfo", 0, "", node_meminfo},
    NodeRow{"devices/system/node/online", 0, "0\n"},
    NodeRow{"devices/system/node/possible", 0, "0\n"},
    NodeRow{"devices/virtual/mem/full/dev", 0, "1:7\n"},
    NodeRow{"devices/virtual/mem/full/uevent", kSettable, "MAJOR=1\nMINOR=7\nDEVNAME=full\nDEVMODE=0666\n"},
    NodeRow{"devices/virtual/mem/null/dev", 0, "1:3\n"},
    NodeRow{"devices/virtual/mem/null/uevent", kSettable, "MAJOR=1\nMINOR=3\nDEVNAME=null\nDEVMODE=0666\n"},
    NodeRow{"devices/virtual/mem/random/dev", 0, "1:8\n"},
    NodeRow{"devices/virtual/mem/random/uevent", kSettable, "MAJOR=1\nMINOR=8\nDEVNAME=random\nDEVMODE=0666\n"},
    NodeRow{"devices/virtual/mem/urandom/dev", 0, "1:9\n"},
    NodeRow{"devices/virtual/mem/urandom/uevent", kSettable, "MAJOR=1\nMINOR=9\nDEVNAME=urandom\nDEVMODE=0666\n"},
    NodeRow{"devices/virtual/mem/zero/dev", 0, "1:5\n"},
    NodeRow{"devices/virtual/mem/zero/uevent", kSettable, "MAJOR=1\nMINOR=5\nDEVNAME=zero\nDEVMODE=0666\n"},
    NodeRow{"devices/virtual/net", kDirectory, "", nullptr, nullptr, make_net_devices},
    NodeRow{"devices/virtual/tty/console/active", 0, "tty0\n"},
    NodeRow{"devices/virtual/tty/console/dev", 0, "5:1\n"},
    NodeRow{"devices/virtual/tty/ptmx/dev", 0, "5:2\n"},
    NodeRow{"devices/virtual/tty/tty/dev", 0, "5:0\n"},
    NodeRow{"firmware", kDirectory},
    NodeRow{"fs/cgroup", kDirectory},
    NodeRow{"fs/fuse/connections", kDirectory},
    NodeRow{"hypervisor", kDirectory},
    NodeRow{"kernel/mm/hugepages/hugepages-2048kB/free_hugepages", 0, "0\n"},
    NodeRow{"kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", kSettable, "0\n"},
    NodeRow{"kernel/mm/transparent_hugepage/defrag", kSettable, "always defer defer+madvise [madvise] never\n"},
    NodeRow{"kernel/mm/transparent_hugepage/enabled", kSettable, "always madvise [never]\n"},
    NodeRow{"kernel/mm/transparent_hugepage/hpage_pmd_size", 0, "2097152\n"},
    NodeRow{"kernel/debug", abi::s_ifdir | 0700},
    NodeRow{"kernel/config", kDirectory},
    NodeRow{"kernel/security", kDirectory},
    NodeRow{"kernel/tracing", abi::s_ifdir | 0700},
    NodeRow{"kernel/profiling", kSettable, "0\n"},
    NodeRow{"kernel/uevent_seqnum", 0, "0\n"},
    NodeRow{"module", kDirectory},
    NodeRow{"power/state", kSettable, "\n"},
};
constexpr NodeTable kTable{kRows, 0x1000, 4096, true};

class SysfsSuperblock final : public Superblock {
 public:
  std::unique_ptr<Superblock> clone() const override { return std::make_unique<SysfsSuperblock>(*this); }
  FileSystemUse use(const Caller&) override {
    FileSystemUse all;
    all.magic = kSysfsMagic;
    return all;
  }
  std::string show_options(const Caller&) const override { return ""; }
  Result<void, Errno> remount(const Caller&, std::string_view) override { return {}; }
  NetNamespaceId net;
};

}  // namespace

NetNamespaceId net_of_sysfs(const Kernel& kernel, SuperblockId id) {
  const auto* sysfs = dynamic_cast<const SysfsSuperblock*>(kernel.superblocks.find(id));
  return sysfs != nullptr ? sysfs->net : NetNamespaceId{};
}

Result<SuperblockId, Errno> mount_sysfs(const Caller& caller, std::string_view, std::uint64_t, std::string_view) {
  Kernel& kernel = caller.kernel;
  const NetNamespaceId net = caller.self().namespaces.net;
  const UserNamespaceId owner = kernel.net_namespaces[net].owner;
  if (!capable(caller, cap::sys_admin, owner)) return Errno::eperm;
  // One instance for each network namespace.
  for (const SuperblockId id : kernel.superblocks.ids()) {
    const auto* known = dynamic_cast<const SysfsSuperblock*>(std::as_const(kernel.superblocks).find(id));
    if (known != nullptr && known->mounts > 0 && known->net == net) return id;
  }
  auto superblock = std::make_unique<SysfsSuperblock>();
  superblock->type = "sysfs";
  superblock->net = net;
  superblock->user_namespace = owner;
  auto root = std::make_unique<TableDirectory>(kTable, "");
  root->time_ns = kernel.boot_time_ns;
  root->number = 1;
  return add_superblock(kernel, std::move(superblock), std::move(root));
}

}  // namespace drydock::machine
