// tmpfs(5): mount options, limits and use. Not modelled: huge=, mpol=, swap, noswap, quotas (taken where Linux takes
// them: huge= is; the others are EINVAL).

#include <algorithm>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/fs/tmpfs/tmpfs.h"
#include "machine/kernel/capabilities.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/regular_file.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kTmpfsMagic = 0x01021994, kRamfsMagic = 0x858458f6;

/// "64m", "50%" (of the machine's memory), "4096".
std::optional<std::uint64_t> parse_size(std::string_view text, std::uint64_t total_bytes) {
  if (text.empty()) return std::nullopt;
  std::uint64_t unit = 1;
  const char last = text.back();
  if (last == '%') {
    const auto percent = parse_u64(text.substr(0, text.size() - 1));
    if (!percent || *percent > 100000) return std::nullopt;
    return total_bytes / 100 * *percent;
  }
  if (last == 'k' || last == 'K') unit = std::uint64_t{1} << 10;
  if (last == 'm' || last == 'M') unit = std::uint64_t{1} << 20;
  if (last == 'g' || last == 'G') unit = std::uint64_t{1} << 30;
  if (last == 't' || last == 'T') unit = std::uint64_t{1} << 40;
  if (unit > 1) text.remove_suffix(1);
  const auto number = parse_u64(text);
  if (!number || *number > (std::uint64_t{1} << 62) / unit) return std::nullopt;
  return *number * unit;
}

void limit(std::optional<std::uint64_t>& place, std::uint64_t value) {
  if (value == 0)
    place.reset();
  else
    place = value;
}

}  // namespace

Result<void, Errno> TmpfsSuperblock::parse(const Caller& caller, std::string_view data) {
  const std::uint64_t total = caller.kernel.limits.memory_pages_max * kPageBytes;
  const UserNamespaceId space = caller.credentials().user_namespace;
  for (const std::string& option : split(data, ',')) {
    if (option.empty()) continue;
    const auto parts = split_once(option, '=');
    const std::string name(parts ? parts->first : std::string_view(option));
    const std::string value(parts ? parts->second : std::string_view());
    if (name == "size" || name == "nr_blocks" || name == "nr_inodes") {
      const auto amount = parse_size(value, name == "size" ? total : 0);
      if (!amount) return Errno::einval;
      if (name == "nr_inodes") {
        limit(inodes_max, *amount);
        inodes_given = true;
      } else {
        limit(pages_max, name == "size" ? (*amount + kPageBytes - 1) / kPageBytes : *amount);
        size_given = true;
      }
    } else if (name == "mode") {
      const auto mode = parse_unsigned(value, 8);
      if (!mode) return Errno::einval;
      root_mode = static_cast<std::uint32_t>(*mode) & 07777;
    } else if (name == "uid" || name == "gid") {
      const auto number = parse_u64(value);
      if (!number || *number >= ~std::uint32_t{0}) return Errno::einval;
      const auto id = name == "uid" ? uid_from(caller.kernel, space, static_cast<std::uint32_t>(*number))
                                    : gid_from(caller.kernel, space, static_cast<std::uint32_t>(*number));
      if (!id) return Errno::einval;
      (name == "uid" ? root_uid : root_gid) = *id;
    } else if (name != "huge" && name != "inode64" && name != "inode32") {
      return Errno::einval;
    }
  }
  return {};
}

Result<void, Errno> TmpfsSuperblock::remount(const Caller& caller, std::string_view data) {
  if (type == "ramfs") return {};
  TmpfsSuperblock changed = *this;
  TRY(changed.parse(caller, data));
  if (changed.pages_max && pages > *changed.pages_max) return Errno::einval;
  if (changed.inodes_max && inodes > *changed.inodes_max) return Errno::einval;
  if (changed.size_given && changed.pages_max && !pages_max) return Errno::einval;  // from no limit to one
  pages_max = changed.pages_max;
  inodes_max = changed.inodes_max;
  size_given = changed.size_given;
  inodes_given = changed.inodes_given;
  return {};
}

FileSystemUse TmpfsSuperblock::use(const Caller&) {
  FileSystemUse use;
  use.magic = type == "ramfs" ? kRamfsMagic : kTmpfsMagic;
  if (pages_max) {
    use.blocks = *pages_max;
    use.blocks_free = use.blocks_available = *pages_max - std::min(pages, *pages_max);
  }
  if (inodes_max) {
    use.files = *inodes_max;
    use.files_free = *inodes_max - std::min(inodes, *inodes_max);
  }
  return use;
}

std::string TmpfsSuperblock::show_options(const Caller& caller) const {
  if (type == "ramfs") return "";
  std::string text;
  if (size_given) text += concat(",size=", pages_max.value_or(0) * (kPageBytes / 1024), "k");
  if (inodes_given) text += concat(",nr_inodes=", inodes_max.value_or(0));
  if (root_mode != 01777) {
    std::string octal;
    for (std::uint32_t rest = root_mode; rest != 0; rest >>= 3)
      octal.insert(octal.begin(), static_cast<char>('0' + (rest & 7)));
    text += concat(",mode=", octal.empty() ? "0" : octal);
  }
  if (root_uid != 0) text += concat(",uid=", uid_shown(caller, root_uid));
  if (root_gid != 0) text += concat(",gid=", gid_shown(caller, root_gid));
  return text + ",inode64";
}

void TmpfsSuperblock::shut_down(Kernel& kernel) {
  kernel.file_pages -= std::min(kernel.file_pages, pages);
  pages = 0;
}

InodeId add_tmpfs_inode(Kernel& kernel, TmpfsSuperblock& superblock, SuperblockId id, const NewNode& node) {
  auto inode = std::make_unique<TmpfsInode>();
  inode->superblock = id;
  inode->number = superblock.next_number++;
  Attributes& all = inode->attributes_;
  all.mode = node.mode;
  all.uid = node.uid;
  all.gid = node.gid;
  all.rdev_major = node.rdev_major;
  all.rdev_minor = node.rdev_minor;
  all.links = abi::is_directory(node.mode) ? 2 : 1;
  all.atime_ns = all.mtime_ns = all.ctime_ns = all.btime_ns = kernel.wall_ns();
  inode->link_target_ = node.link_target;
  if (abi::is_symlink(node.mode)) all.size = node.link_target.size();
  ++superblock.inodes;
  return add_inode(kernel, std::move(inode));
}

namespace {

SuperblockId add_superblock_with_root(Kernel& kernel, std::unique_ptr<TmpfsSuperblock> fresh) {
  fresh->device = kernel.take_device();
  NewNode root;
  root.mode = abi::s_ifdir | fresh->root_mode;
  root.uid = fresh->root_uid;
  root.gid = fresh->root_gid;
  const SuperblockId id = kernel.superblocks.insert(std::move(fresh));
  auto& superblock = static_cast<TmpfsSuperblock&>(kernel.superblocks[id]);
  add_root_dentry(kernel, id, add_tmpfs_inode(kernel, superblock, id, root));
  return id;
}

}  // namespace

SuperblockId add_tmpfs(Kernel& kernel, std::uint32_t root_mode) {
  auto fresh = std::make_unique<TmpfsSuperblock>();
  fresh->type = "tmpfs";
  fresh->user_namespace = kernel.initial_user_namespace;
  fresh->root_mode = root_mode;
  return add_superblock_with_root(kernel, std::move(fresh));
}

Result<SuperblockId, Errno> mount_tmpfs(const Caller& caller, std::string_view, std::uint64_t flags,
                                        std::string_view data) {
  Kernel& kernel = caller.kernel;
  auto fresh = std::make_unique<TmpfsSuperblock>();
  fresh->type = "tmpfs";
  fresh->user_namespace = caller.credentials().user_namespace;
  fresh->read_only = (flags & abi::ms_rdonly) != 0;
  fresh->pages_max = kernel.limits.memory_pages_max / 2;
  fresh->inodes_max = kernel.limits.memory_pages_max / 2;
  fresh->root_uid = caller.credentials().fsuid;
  fresh->root_gid = caller.credentials().fsgid;
  TRY(fresh->parse(caller, data));
  return add_superblock_with_root(kernel, std::move(fresh));
}

Result<SuperblockId, Errno> mount_ramfs(const Caller& caller, std::string_view, std::uint64_t flags, std::string_view) {
  auto fresh = std::make_unique<TmpfsSuperblock>();
  fresh->type = "ramfs";
  fresh->user_namespace = caller.credentials().user_namespace;
  fresh->read_only = (flags & abi::ms_rdonly) != 0;
  fresh->root_mode = 0755;
  return add_superblock_with_root(caller.kernel, std::move(fresh));
}

Result<FileId, Errno> open_shared_memory(const Caller& caller, std::string name, std::uint64_t bytes) {
  Kernel& kernel = caller.kernel;
  if (!kernel.shared_memory) kernel.shared_memory = add_tmpfs(kernel, 01777);
  auto& superblock = static_cast<TmpfsSuperblock&>(kernel.superblocks[kernel.shared_memory]);
  NewNode node;
  node.mode = abi::s_ifreg | 0777;
  node.uid = caller.credentials().fsuid;
  node.gid = caller.credentials().fsgid;
  const InodeId id = add_tmpfs_inode(kernel, superblock, kernel.shared_memory, node);
  auto& inode = static_cast<TmpfsInode&>(kernel.inodes[id]);
  inode.set_nameless();
  AttributeChange size;
  size.size = bytes;
  TRY(inode.change(caller, size));
  auto file = std::make_unique<RegularFile>();
  file->inode = id;
  file->flags = abi::o_rdwr;
  file->path = nameless_path(kernel, id, std::move(name));
  kernel.dentries[file->path.dentry].unlinked = true;
  return open_file(kernel, std::move(file));
}

}  // namespace drydock::machine
