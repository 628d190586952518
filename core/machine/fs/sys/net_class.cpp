// Interfaces in sysfs. Linux's ABI/testing/sysfs-class-net.

#include "machine/fs/sys/net_class.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace drydock::machine {

namespace {

using net::Interface;
using net::InterfaceKind;

constexpr std::uint64_t kFirstNumber = 0x100000, kNumbersPerInterface = 256;

const NetNamespace* space_of(const Kernel& kernel, SuperblockId superblock) {
  return kernel.net_namespaces.find(net_of_sysfs(kernel, superblock));
}

const Interface* interface_at(const Kernel& kernel, SuperblockId superblock, std::uint32_t index) {
  const NetNamespace* space = space_of(kernel, superblock);
  if (space == nullptr) return nullptr;
  const auto found = space->interfaces.find(index);
  return found != space->interfaces.end() ? &found->second : nullptr;
}

std::uint32_t flags_of(const Interface& interface) {
  constexpr std::uint32_t kUp = 1, kBroadcast = 2, kLoopback = 8, kMulticast = 0x1000;
  const std::uint32_t kind = interface.kind == InterfaceKind::loopback ? kLoopback : kBroadcast | kMulticast;
  return (interface.up ? kUp : 0) | kind | interface.extra_flags;
}

std::string hex(std::uint32_t value) {
  std::string text;
  do {
    text.insert(text.begin(), "0123456789abcdef"[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + text + "\n";
}

struct Attribute {
  std::string_view name;
  std::string (*text)(const Interface&);
};
constexpr std::array<Attribute, 18> kAttributes{{
    {"address", [](const Interface& i) { return i.mac.str() + "\n"; }},
    {"addr_len", [](const Interface&) { return std::string("6\n"); }},
    {"broadcast",
     [](const Interface& i) {
       return std::string(i.kind == InterfaceKind::loopback ? "00:00:00:00:00:00\n" : "ff:ff:ff:ff:ff:ff\n");
     }},
    {"carrier", [](const Interface& i) { return std::string(i.up ? "1\n" : "0\n"); }},
    {"dormant", [](const Interface&) { return std::string("0\n"); }},
    {"flags", [](const Interface& i) { return hex(flags_of(i)); }},
    {"ifalias", [](const Interface& i) { return i.alias.empty() ? std::string() : i.alias + "\n"; }},
    {"ifindex", [](const Interface& i) { return concat(i.index, "\n"); }},
    {"iflink", [](const Interface& i) { return concat(i.peer_link != 0 ? i.peer_link : i.index, "\n"); }},
    {"mtu", [](const Interface& i) { return concat(i.mtu, "\n"); }},
    {"operstate",
     [](const Interface& i) {
       return std::string(i.kind == InterfaceKind::loopback ? (i.up ? "unknown\n" : "down\n")
                          : i.up                            ? "up\n"
                                                            : "down\n");
     }},
    {"speed", [](const Interface&) { return std::string("10000\n"); }},
    {"tx_queue_len", [](const Interface& i) { return concat(i.queue_length, "\n"); }},
    {"type", [](const Interface& i) { return std::string(i.kind == InterfaceKind::loopback ? "772\n" : "1\n"); }},
    {"rx_bytes", [](const Interface& i) { return concat(i.received.bytes, "\n"); }},
    {"rx_packets", [](const Interface& i) { return concat(i.received.packets, "\n"); }},
    {"tx_bytes", [](const Interface& i) { return concat(i.sent.bytes, "\n"); }},
    {"tx_packets", [](const Interface& i) { return concat(i.sent.packets, "\n"); }},
}};
constexpr std::size_t kFirstStatistic = 14;  // of kAttributes: those in statistics/

class InterfaceFile final : public TextInode {
 public:
  InterfaceFile(std::uint32_t index, const Attribute& attribute) : index_(index), attribute_(&attribute) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<InterfaceFile>(*this); }
  bool still_valid(const Caller& caller) const override {
    return interface_at(caller.kernel, superblock, index_) != nullptr;
  }
  Result<std::string, Errno> text(const Caller& caller) override {
    const Interface* interface = interface_at(caller.kernel, superblock, index_);
    if (interface == nullptr) return Errno::enodev;
    return attribute_->text(*interface);
  }

 private:
  std::uint32_t index_;
  const Attribute* attribute_;
};

/// devices/virtual/net/NAME and its statistics/.
class InterfaceDirectory final : public PseudoInode {
 public:
  InterfaceDirectory(std::uint32_t index, bool statistics) : index_(index), statistics_(statistics) {
    mode = abi::s_ifdir | 0755;
    links = 2;
    number = kFirstNumber + index * kNumbersPerInterface + (statistics ? 1 : 0);
  }
  std::unique_ptr<Inode> clone() const override { return std::make_unique<InterfaceDirectory>(*this); }
  bool still_valid(const Caller& caller) const override {
    return interface_at(caller.kernel, superblock, index_) != nullptr;
  }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    if (!still_valid(caller)) return Errno::enoent;
    if (!statistics_ && name == "statistics")
      return add_inode(caller.kernel, superblock, std::make_unique<InterfaceDirectory>(index_, true));
    for (std::size_t at = first(); at < last(); ++at) {
      if (kAttributes[at].name != name) continue;
      auto file = std::make_unique<InterfaceFile>(index_, kAttributes[at]);
      file->mode = abi::s_ifreg | 0444;
      file->size = 4096;
      file->number = kFirstNumber + index_ * kNumbersPerInterface + 2 + at;
      file->time_ns = caller.kernel.boot_time_ns;
      return add_inode(caller.kernel, superblock, std::move(file));
    }
    return Errno::enoent;
  }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller&, std::uint64_t cookie, std::size_t count_max) override {
    std::vector<DirectoryItem> items;
    for (std::size_t at = std::max<std::size_t>(first(), cookie); at < last() && items.size() < count_max; ++at)
      items.push_back({std::string(kAttributes[at].name), kFirstNumber + index_ * kNumbersPerInterface + 2 + at,
                       abi::s_ifreg >> 12, at + 1});
    constexpr std::uint64_t kStatisticsCookie = 1000;
    if (!statistics_ && cookie < kStatisticsCookie && items.size() < count_max)
      items.push_back(
          {"statistics", kFirstNumber + index_ * kNumbersPerInterface + 1, abi::s_ifdir >> 12, kStatisticsCookie});
    return items;
  }

 private:
  std::size_t first() const { return statistics_ ? kFirstStatistic : 0; }
  std::size_t last() const { return statistics_ ? kAttributes.size() : kFirstStatistic; }
  std::uint32_t index_;
  bool statistics_;
};

class InterfaceLink final : public PseudoInode {
 public:
  explicit InterfaceLink(std::uint32_t index) : index_(index) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<InterfaceLink>(*this); }
  bool still_valid(const Caller& caller) const override {
    return interface_at(caller.kernel, superblock, index_) != nullptr;
  }
  Result<std::string, Errno> readlink(const Caller& caller) override {
    const Interface* interface = interface_at(caller.kernel, superblock, index_);
    if (interface == nullptr) return Errno::enoent;
    return "../../devices/virtual/net/" + interface->name;
  }

 private:
  std::uint32_t index_;
};

class NetClass final : public PseudoInode {
 public:
  explicit NetClass(bool links_only) : links_only_(links_only) {
    mode = abi::s_ifdir | 0755;
    links = 2;
  }
  std::unique_ptr<Inode> clone() const override { return std::make_unique<NetClass>(*this); }
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    const NetNamespace* space = space_of(caller.kernel, superblock);
    if (space == nullptr) return Errno::enoent;
    for (const auto& [index, interface] : space->interfaces) {
      if (interface.name != name) continue;
      if (!links_only_) return add_inode(caller.kernel, superblock, std::make_unique<InterfaceDirectory>(index, false));
      auto link = std::make_unique<InterfaceLink>(index);
      link->mode = abi::s_iflnk | 0777;
      link->number = kFirstNumber + index * kNumbersPerInterface + 200;
      return add_inode(caller.kernel, superblock, std::move(link));
    }
    return Errno::enoent;
  }
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    std::vector<DirectoryItem> items;
    const NetNamespace* space = space_of(caller.kernel, superblock);
    if (space == nullptr) return items;
    for (const auto& [index, interface] : space->interfaces)
      if (index > cookie && items.size() < count_max)
        items.push_back({interface.name, kFirstNumber + index * kNumbersPerInterface + (links_only_ ? 200 : 0),
                         static_cast<std::uint8_t>((links_only_ ? abi::s_iflnk : abi::s_ifdir) >> 12), index});
    return items;
  }

 private:
  bool links_only_;
};

}  // namespace

std::unique_ptr<PseudoInode> make_net_class(const Caller&) {
  return std::make_unique<NetClass>(true);
}
std::unique_ptr<PseudoInode> make_net_devices(const Caller&) {
  return std::make_unique<NetClass>(false);
}

}  // namespace drydock::machine
