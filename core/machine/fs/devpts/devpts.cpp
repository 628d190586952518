// devpts. Options: uid, gid, mode, ptmxmode, max; newinstance is taken and has no effect, as in Linux since 4.7.

#include "machine/fs/devpts/devpts.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/text.h"
#include "machine/fs/pseudo/pseudo_inode.h"
#include "machine/kernel/capabilities.h"
#include "machine/tty/job_control.h"
#include "machine/tty/terminal_file.h"
#include "machine/vfs/dcache.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kDevptsMagic = 0x1cd1;
constexpr std::uint32_t kPtsMajor = 136, kInstanceMax = 1048576;

struct Options {
  std::optional<std::uint32_t> uid, gid;  // kernel ids
  std::uint32_t mode = 0600, ptmx_mode = 0, max = kInstanceMax;
};

Result<Options, Errno> parse(const Caller& caller, std::string_view data) {
  Options options;
  const UserNamespaceId space = caller.credentials().user_namespace;
  for (const MountOption& option : parse_options(data)) {
    const bool octal = option.name == "mode" || option.name == "ptmxmode";
    if (option.name == "newinstance") continue;
    const auto value = octal ? parse_unsigned(option.value, 8) : parse_u64(option.value);
    if (!value || *value > 0xffffffff) return Errno::einval;
    const auto number = static_cast<std::uint32_t>(*value);
    if (option.name == "uid") {
      options.uid = uid_from(caller.kernel, space, number);
      if (!options.uid) return Errno::einval;
    } else if (option.name == "gid") {
      options.gid = gid_from(caller.kernel, space, number);
      if (!options.gid) return Errno::einval;
    } else if (option.name == "mode") {
      options.mode = number & 07777;
    } else if (option.name == "ptmxmode") {
      options.ptmx_mode = number & 07777;
    } else if (option.name == "max" && number <= kInstanceMax) {
      options.max = number;
    } else {
      return Errno::einval;
    }
  }
  return options;
}

std::string octal3(std::uint32_t mode) {
  std::string text;
  for (int shift = mode > 0777 ? 9 : 6; shift >= 0; shift -= 3) text += static_cast<char>('0' + (mode >> shift & 7));
  return text;
}

class DevptsSuperblock final : public Superblock {
 public:
  Options options;
  std::unique_ptr<Superblock> clone() const override { return std::make_unique<DevptsSuperblock>(*this); }
  FileSystemUse use(const Caller&) override {
    FileSystemUse all;
    all.magic = kDevptsMagic;
    return all;
  }
  std::string show_options(const Caller& caller) const override {
    const UserNamespaceId space = caller.credentials().user_namespace;
    std::string text;
    if (options.uid) text += concat(",uid=", uid_into(caller.kernel, space, *options.uid).value_or(kOverflowId));
    if (options.gid) text += concat(",gid=", gid_into(caller.kernel, space, *options.gid).value_or(kOverflowId));
    text += concat(",mode=", octal3(options.mode), ",ptmxmode=", octal3(options.ptmx_mode));
    if (options.max < kInstanceMax) text += concat(",max=", options.max);
    return text;
  }
  Result<void, Errno> remount(const Caller& caller, std::string_view data) override {
    options = TRY(parse(caller, data));
    return {};
  }
};

DevptsSuperblock* devpts_of(Kernel& kernel, SuperblockId id) {
  return dynamic_cast<DevptsSuperblock*>(kernel.superblocks.find(id));
}

/// /dev/pts/N.
class SlaveInode final : public PseudoInode {
 public:
  explicit SlaveInode(std::uint32_t terminal) : terminal_(terminal) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<SlaveInode>(*this); }

  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all;
    all.mode = abi::s_ifchr | 0600;
    if (const Terminal* terminal = find_terminal(caller.kernel, terminal_); terminal != nullptr) {
      all.mode = abi::s_ifchr | terminal->mode;
      all.uid = terminal->uid;
      all.gid = terminal->gid;
      all.rdev_major = kPtsMajor + (terminal->index >> 8);
      all.rdev_minor = terminal->index & 0xff;
      all.atime_ns = terminal->atime_ns;
      all.mtime_ns = terminal->mtime_ns;
      all.ctime_ns = terminal->ctime_ns;
    }
    all.block_size = 1024;
    return all;
  }
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override {
    Terminal* terminal = find_terminal(caller.kernel, terminal_);
    if (terminal == nullptr) return Errno::eio;
    terminal->mode = change.permissions.value_or(terminal->mode);
    terminal->uid = change.uid.value_or(terminal->uid);
    terminal->gid = change.gid.value_or(terminal->gid);
    terminal->atime_ns = change.atime_ns.value_or(terminal->atime_ns);
    terminal->mtime_ns = change.mtime_ns.value_or(terminal->mtime_ns);
    terminal->ctime_ns = caller.kernel.wall_ns();
    return {};
  }
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path&, std::uint32_t flags) override {
    return open_slave(caller, terminal_, flags);
  }
  bool still_valid(const Caller& caller) const override {
    const Terminal* terminal = find_terminal(caller.kernel, terminal_);
    return terminal != nullptr && terminal->masters > 0;
  }

 private:
  std::uint32_t terminal_;
};

/// /dev/pts/ptmx.
class PtmxInode final : public PseudoInode {
 public:
  std::unique_ptr<Inode> clone() const override { return std::make_unique<PtmxInode>(*this); }
  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(PseudoInode::attributes(caller));
    if (const DevptsSuperblock* devpts = devpts_of(caller.kernel, superblock); devpts != nullptr)
      all.mode = abi::s_ifchr | devpts->options.ptmx_mode;
    all.rdev_major = 5;
    all.rdev_minor = 2;
    return all;
  }
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override {
    DevptsSuperblock* devpts = devpts_of(caller.kernel, superblock);
    if (devpts != nullptr && change.permissions) devpts->options.ptmx_mode = *change.permissions;
    uid = change.uid.value_or(uid);
    gid = change.gid.value_or(gid);
    return {};
  }
  Result<std::unique_ptr<File>, Errno> open(const Caller& caller, const Path& path, std::uint32_t) override {
    return open_ptmx(caller, {path.mount, caller.kernel.superblocks[superblock].root});
  }
};

class DevptsRoot final : public PseudoInode {
 public:
  std::unique_ptr<Inode> clone() const override { return std::make_unique<DevptsRoot>(*this); }

  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    Kernel& kernel = caller.kernel;
    if (name == "ptmx") {
      auto ptmx = std::make_unique<PtmxInode>();
      ptmx->mode = abi::s_ifchr;
      ptmx->uid = uid;
      ptmx->gid = gid;
      ptmx->number = 2;
      ptmx->time_ns = time_ns;
      return add_inode(kernel, superblock, std::move(ptmx));
    }
    const auto index = parse_u64(name);
    if (!index || concat(*index) != name) return Errno::enoent;
    for (const auto& [number_of, terminal] : kernel.terminals) {
      if (terminal.devpts != superblock || terminal.index != *index || terminal.masters == 0) continue;
      auto slave = std::make_unique<SlaveInode>(number_of);
      slave->number = terminal.index + 3;
      return add_inode(kernel, superblock, std::move(slave));
    }
    return Errno::enoent;
  }

  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    std::set<std::uint32_t> indices;
    for (const auto& [number_of, terminal] : caller.kernel.terminals)
      if (terminal.devpts == superblock && terminal.masters > 0) indices.insert(terminal.index);
    std::vector<DirectoryItem> items;
    if (cookie == 0) items.push_back({"ptmx", 2, abi::s_ifchr >> 12, 1});
    for (const std::uint32_t index : indices)
      if (index + 2 > cookie && items.size() < count_max)
        items.push_back({concat(index), index + std::uint64_t{3}, abi::s_ifchr >> 12, index + std::uint64_t{2}});
    return items;
  }
};

}  // namespace

Result<SuperblockId, Errno> mount_devpts(const Caller& caller, std::string_view, std::uint64_t, std::string_view data) {
  auto superblock = std::make_unique<DevptsSuperblock>();
  superblock->type = "devpts";
  superblock->options = TRY(parse(caller, data));
  superblock->user_namespace = caller.credentials().user_namespace;
  auto root = std::make_unique<DevptsRoot>();
  root->mode = abi::s_ifdir | 0755;
  root->links = 2;
  root->number = 1;
  root->time_ns = caller.kernel.wall_ns();
  root->uid = uid_from(caller.kernel, superblock->user_namespace, 0).value_or(0);
  root->gid = gid_from(caller.kernel, superblock->user_namespace, 0).value_or(0);
  return add_superblock(caller.kernel, std::move(superblock), std::move(root));
}

Result<std::unique_ptr<File>, Errno> open_ptmx(const Caller& caller, const Path& root) {
  Kernel& kernel = caller.kernel;
  const SuperblockId id = kernel.dentries[root.dentry].superblock;
  const DevptsSuperblock* devpts = devpts_of(kernel, id);
  if (devpts == nullptr || devpts->root != root.dentry) return Errno::enodev;
  if (kernel.terminals.size() >= kTerminalsMax) return Errno::enospc;
  std::set<std::uint32_t> used;
  for (const auto& [number, terminal] : kernel.terminals)
    if (terminal.devpts == id) used.insert(terminal.index);
  std::uint32_t index = 0;
  while (used.count(index) != 0) ++index;
  if (index >= devpts->options.max) return Errno::enospc;
  Terminal& terminal = create_terminal(kernel, id, index);
  terminal.mode = devpts->options.mode;
  terminal.uid = devpts->options.uid.value_or(caller.credentials().fsuid);
  terminal.gid = devpts->options.gid.value_or(caller.credentials().fsgid);
  auto master = open_master(kernel, terminal.number);
  master->devpts_root = root;
  return std::unique_ptr<File>(std::move(master));
}

}  // namespace drydock::machine
