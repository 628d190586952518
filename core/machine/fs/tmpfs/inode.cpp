// tmpfs(5): names, attributes and extended attributes. Directories list the newest entry first, as Linux does; a
// cookie is an entry's own number, so that listing goes on rightly whatever is removed meanwhile.

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/fs/dev/device.h"
#include "machine/fs/pipe/pipe.h"
#include "machine/fs/tmpfs/tmpfs.h"
#include "machine/kernel/capabilities.h"
#include "machine/vfs/garbage.h"
#include "machine/vfs/regular_file.h"

namespace drydock::machine {
namespace {

constexpr std::uint32_t kEntryBytes = 20;  // what a name adds to a directory's size in Linux's tmpfs (BOGO_DIRENT_SIZE)
constexpr std::size_t kXattrBytesMax = 65536;                   // of one file
constexpr std::uint64_t kXattrBytesPerMountMax = 64 * 1048576;  // of all
constexpr std::uint32_t kLinksMax = 0x7fffffff;

bool known_xattr(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("trusted.") || name.starts_with("security.");
}

}  // namespace

TmpfsSuperblock* TmpfsInode::owner(Kernel& kernel) const {
  return static_cast<TmpfsSuperblock*>(kernel.superblocks.find(superblock));
}

void TmpfsInode::touch_modified(Kernel& kernel) {
  attributes_.mtime_ns = attributes_.ctime_ns = kernel.wall_ns();
}

Result<Attributes, Errno> TmpfsInode::attributes(const Caller&) {
  Attributes all = attributes_;
  if (abi::is_directory(all.mode)) all.size = entries_.empty() && forgotten_ ? 0 : (entries_.size() + 2) * kEntryBytes;
  all.blocks = data_.size() * (kPageBytes / 512);
  return all;
}

Result<void, Errno> TmpfsInode::change(const Caller& caller, const AttributeChange& change) {
  Kernel& kernel = caller.kernel;
  if (change.permissions) attributes_.mode = (attributes_.mode & abi::s_ifmt) | (*change.permissions & 07777);
  if (change.uid) attributes_.uid = *change.uid;
  if (change.gid) attributes_.gid = *change.gid;
  if (change.size) {
    if (!abi::is_regular(attributes_.mode)) return Errno::einval;
    set_size(kernel, *change.size);
    if (!change.mtime_ns) attributes_.mtime_ns = kernel.wall_ns();
  }
  if (change.atime_ns) attributes_.atime_ns = *change.atime_ns;
  if (change.mtime_ns) attributes_.mtime_ns = *change.mtime_ns;
  attributes_.ctime_ns = kernel.wall_ns();
  return {};
}

Result<InodeId, Errno> TmpfsInode::lookup(const Caller&, std::string_view name) {
  if (!abi::is_directory(attributes_.mode)) return Errno::enotdir;
  const auto at = entries_.find(name);
  if (at == entries_.end()) return Errno::enoent;
  return at->second.inode;
}

Result<void, Errno> TmpfsInode::add_entry(Kernel& kernel, std::string_view name, const TmpfsInode& child) {
  if (attributes_.links == 0) return Errno::enoent;  // removed, though somebody still stands in it
  Entry entry{child.id, next_cookie_--, static_cast<std::uint8_t>(child.attributes_.mode >> 12)};
  order_.emplace(entry.cookie, std::string(name));
  entries_.insert_or_assign(std::string(name), entry);
  touch_modified(kernel);
  return {};
}

void TmpfsInode::remove_entry(Kernel& kernel, std::string_view name) {
  const auto at = entries_.find(name);
  if (at == entries_.end()) return;
  order_.erase(at->second.cookie);
  entries_.erase(at);
  touch_modified(kernel);
}

Result<InodeId, Errno> TmpfsInode::create(const Caller& caller, std::string_view name, const NewNode& node) {
  Kernel& kernel = caller.kernel;
  if (!abi::is_directory(attributes_.mode)) return Errno::enotdir;
  if (attributes_.links == 0) return Errno::enoent;
  if (entries_.contains(name)) return Errno::eexist;
  const InodeId id = TRY(create_unnamed(caller, node));
  auto& child = static_cast<TmpfsInode&>(kernel.inodes[id]);
  child.attributes_.links = abi::is_directory(node.mode) ? 2 : 1;
  TRY(add_entry(kernel, name, child));
  if (abi::is_directory(node.mode)) ++attributes_.links;
  return id;
}

Result<InodeId, Errno> TmpfsInode::create_unnamed(const Caller& caller, const NewNode& node) {
  Kernel& kernel = caller.kernel;
  TmpfsSuperblock* mounted = owner(kernel);
  if (mounted == nullptr) return Errno::enoent;
  if (mounted->inodes >= mounted->inodes_max.value_or(kernel.limits.inodes_max)) return Errno::enospc;
  if (kernel.inodes.size() >= kernel.limits.inodes_max) return Errno::enospc;
  const InodeId child = add_tmpfs_inode(kernel, *mounted, superblock, node);
  static_cast<TmpfsInode&>(kernel.inodes[child]).attributes_.links = 0;
  return child;
}

Result<void, Errno> TmpfsInode::link(const Caller& caller, std::string_view name, InodeId target) {
  if (!abi::is_directory(attributes_.mode)) return Errno::enotdir;
  if (entries_.contains(name)) return Errno::eexist;
  auto& child = static_cast<TmpfsInode&>(caller.kernel.inodes[target]);
  if (child.attributes_.links >= kLinksMax) return Errno::emlink;
  // Names cost memory too: all but a file's first count as an inode, as in Linux's tmpfs.
  TmpfsSuperblock* mounted = owner(caller.kernel);
  const bool first_name = child.attributes_.links == 0;
  if (mounted == nullptr) return Errno::enoent;
  if (!first_name && mounted->inodes >= mounted->inodes_max.value_or(caller.kernel.limits.inodes_max))
    return Errno::enospc;
  TRY(add_entry(caller.kernel, name, child));
  if (!first_name) ++mounted->inodes;
  ++child.attributes_.links;
  child.attributes_.ctime_ns = caller.kernel.wall_ns();
  return {};
}

Result<void, Errno> TmpfsInode::unlink(const Caller& caller, std::string_view name) {
  const InodeId id = TRY(lookup(caller, name));
  auto& child = static_cast<TmpfsInode&>(caller.kernel.inodes[id]);
  if (abi::is_directory(child.attributes_.mode)) return Errno::eisdir;
  remove_entry(caller.kernel, name);
  --child.attributes_.links;
  TmpfsSuperblock* mounted = owner(caller.kernel);
  if (child.attributes_.links > 0 && mounted != nullptr && mounted->inodes > 0) --mounted->inodes;
  child.attributes_.ctime_ns = caller.kernel.wall_ns();
  return {};
}

Result<void, Errno> TmpfsInode::rmdir(const Caller& caller, std::string_view name) {
  const InodeId id = TRY(lookup(caller, name));
  auto& child = static_cast<TmpfsInode&>(caller.kernel.inodes[id]);
  if (!abi::is_directory(child.attributes_.mode)) return Errno::enotdir;
  if (!child.entries_.empty()) return Errno::enotempty;
  remove_entry(caller.kernel, name);
  child.attributes_.links = 0;
  child.attributes_.ctime_ns = caller.kernel.wall_ns();
  --attributes_.links;
  return {};
}

Result<void, Errno> TmpfsInode::rename(const Caller& caller, std::string_view name, InodeId to_directory,
                                       std::string_view to_name, std::uint32_t flags) {
  Kernel& kernel = caller.kernel;
  auto& to = static_cast<TmpfsInode&>(kernel.inodes[to_directory]);
  auto& moved = static_cast<TmpfsInode&>(kernel.inodes[TRY(lookup(caller, name))]);
  const bool directory = abi::is_directory(moved.attributes_.mode);
  const auto found = to.lookup(caller, to_name);
  if ((flags & abi::rename_exchange) != 0) {
    if (!found.ok()) return Errno::enoent;
    auto& other = static_cast<TmpfsInode&>(kernel.inodes[*found]);
    const bool other_directory = abi::is_directory(other.attributes_.mode);
    if (directory != other_directory && &to != this) {
      attributes_.links += other_directory ? 1U : ~std::uint32_t{0};
      to.attributes_.links += directory ? 1U : ~std::uint32_t{0};
    }
    remove_entry(kernel, name);
    to.remove_entry(kernel, to_name);
    TRY(to.add_entry(kernel, to_name, moved));
    TRY(add_entry(kernel, name, other));
    moved.attributes_.ctime_ns = other.attributes_.ctime_ns = kernel.wall_ns();
    return {};
  }
  NewNode whiteout;
  whiteout.mode = abi::s_ifchr;
  InodeId left_behind;
  if ((flags & abi::rename_whiteout) != 0) left_behind = TRY(create_unnamed(caller, whiteout));
  if (found.ok()) {
    if ((flags & abi::rename_noreplace) != 0) return Errno::eexist;
    const bool other_directory = abi::is_directory(kernel.inodes[*found].attributes(caller)->mode);
    TRY(other_directory ? to.rmdir(caller, to_name) : to.unlink(caller, to_name));
  }
  if (to.attributes_.links == 0) return Errno::enoent;
  remove_entry(kernel, name);
  TRY(to.add_entry(kernel, to_name, moved));
  if (directory && &to != this) {
    --attributes_.links;
    ++to.attributes_.links;
  }
  moved.attributes_.ctime_ns = kernel.wall_ns();
  if (left_behind) {
    auto& node = static_cast<TmpfsInode&>(kernel.inodes[left_behind]);
    node.attributes_.links = 1;
    TRY(add_entry(kernel, name, node));
  }
  return {};
}

Result<std::vector<DirectoryItem>, Errno> TmpfsInode::list(const Caller& caller, std::uint64_t cookie,
                                                           std::size_t count_max) {
  if (!abi::is_directory(attributes_.mode)) return Errno::enotdir;
  std::vector<DirectoryItem> items;
  for (auto at = order_.upper_bound(cookie); at != order_.end() && items.size() < count_max; ++at) {
    const Entry& entry = entries_.find(at->second)->second;
    items.push_back({at->second, std::as_const(caller.kernel.inodes)[entry.inode].number, entry.type, at->first});
  }
  return items;
}

Result<std::string, Errno> TmpfsInode::readlink(const Caller&) {
  if (!abi::is_symlink(attributes_.mode)) return Errno::einval;
  return link_target_;
}

Result<std::vector<std::string>, Errno> TmpfsInode::xattr_names(const Caller&) {
  std::vector<std::string> names;
  for (const auto& item : xattrs_) names.push_back(item.first);
  return names;
}

Result<std::string, Errno> TmpfsInode::xattr(const Caller&, std::string_view name) {
  if (!known_xattr(name)) return Errno::eopnotsupp;
  const auto at = xattrs_.find(name);
  if (at == xattrs_.end()) return Errno::enodata;
  return at->second;
}

Result<void, Errno> TmpfsInode::set_xattr(const Caller& caller, std::string_view name, std::string_view value,
                                          std::uint32_t flags) {
  if (!known_xattr(name)) return Errno::eopnotsupp;
  const auto at = xattrs_.find(name);
  if (at != xattrs_.end() && (flags & abi::xattr_create) != 0) return Errno::eexist;
  if (at == xattrs_.end() && (flags & abi::xattr_replace) != 0) return Errno::enodata;
  std::size_t bytes = name.size() + value.size();
  for (const auto& item : xattrs_)
    if (item.first != name) bytes += item.first.size() + item.second.size();
  if (bytes > kXattrBytesMax) return Errno::enospc;
  TmpfsSuperblock* mounted = owner(caller.kernel);
  const std::uint64_t before = at != xattrs_.end() ? name.size() + at->second.size() : 0;
  const std::uint64_t after = name.size() + value.size();
  if (mounted == nullptr || mounted->xattr_bytes - before + after > kXattrBytesPerMountMax) return Errno::enospc;
  mounted->xattr_bytes += after - before;
  xattrs_.insert_or_assign(std::string(name), std::string(value));
  attributes_.ctime_ns = caller.kernel.wall_ns();
  return {};
}

Result<void, Errno> TmpfsInode::remove_xattr(const Caller& caller, std::string_view name) {
  if (!known_xattr(name)) return Errno::eopnotsupp;
  const auto at = xattrs_.find(name);
  if (at == xattrs_.end()) return Errno::enodata;
  if (TmpfsSuperblock* mounted = owner(caller.kernel)) mounted->xattr_bytes -= name.size() + at->second.size();
  xattrs_.erase(at);
  attributes_.ctime_ns = caller.kernel.wall_ns();
  return {};
}

Result<std::unique_ptr<File>, Errno> TmpfsInode::open(const Caller& caller, const Path& path, std::uint32_t flags) {
  switch (attributes_.mode & abi::s_ifmt) {
    case abi::s_ifreg:
      return std::unique_ptr<File>(std::make_unique<RegularFile>());
    case abi::s_ifdir:
      return std::unique_ptr<File>(std::make_unique<DirectoryFile>());
    case abi::s_ififo:
      return open_fifo(caller, *this, flags);
    case abi::s_ifchr:
    case abi::s_ifblk:
      return open_device(caller, path, attributes_.mode, attributes_.rdev_major, attributes_.rdev_minor, flags);
    case abi::s_ifsock:
      return Errno::enxio;
    default:
      return Errno::eloop;
  }
}

Outcome TmpfsInode::before_open(const Caller& caller, std::uint32_t flags) {
  if ((attributes_.mode & abi::s_ifmt) != abi::s_ififo) return done();
  return before_open_fifo(caller, *this, flags);
}

void TmpfsInode::mark(Marker& marker) const {
  for (const auto& item : entries_) marker.inode(item.second.inode);
}

}  // namespace drydock::machine
