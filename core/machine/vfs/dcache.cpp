// The dentry cache. Only names that exist are cached: what is not there is asked for again.

#include "machine/vfs/dcache.h"

#include "machine/abi/file.h"
#include "machine/vfs/mounts.h"

namespace drydock::machine {
namespace {

DentryId add_dentry(Kernel& kernel, DentryId parent, std::string_view name, InodeId inode) {
  auto dentry = std::make_unique<Dentry>();
  dentry->parent = parent;
  dentry->name = std::string(name);
  dentry->inode = inode;
  Inode& its = kernel.inodes[inode];
  its.id = inode;
  dentry->superblock = kernel.dentries[parent].superblock;
  const DentryId id = kernel.dentries.insert(std::move(dentry));
  kernel.dentries[parent].children.insert_or_assign(std::string(name), id);
  return id;
}

void detach_dentry(Kernel& kernel, DentryId id) {
  Dentry& dentry = kernel.dentries[id];
  dentry.unlinked = true;
  if (Dentry* parent = kernel.dentries.find(dentry.parent)) {
    const auto at = parent->children.find(dentry.name);
    if (at != parent->children.end() && at->second == id) parent->children.erase(at);
  }
  if (dentry.mounts > 0) detach_mounts_on(kernel, id);
}

/// The last name and the last open file: the data goes.
void forget_when_unused(const Caller& caller, InodeId id) {
  Inode* inode = caller.kernel.inodes.find(id);
  if (inode != nullptr && inode->opens == 0 && inode->is_nameless()) inode->forget_data(caller.kernel);
}

}  // namespace

DentryId add_root_dentry(Kernel& kernel, SuperblockId superblock, InodeId inode) {
  auto dentry = std::make_unique<Dentry>();
  dentry->name = "/";
  dentry->inode = inode;
  dentry->superblock = superblock;
  kernel.inodes[inode].id = inode;
  const DentryId id = kernel.dentries.insert(std::move(dentry));
  kernel.dentries[id].parent = id;
  kernel.superblocks[superblock].root = id;
  return id;
}

Path nameless_path(Kernel& kernel, InodeId inode, std::string name) {
  auto dentry = std::make_unique<Dentry>();
  dentry->name = std::move(name);
  dentry->inode = inode;
  kernel.inodes[inode].id = inode;
  const DentryId id = kernel.dentries.insert(std::move(dentry));
  kernel.dentries[id].parent = id;
  return Path{MountId{}, id};
}

Path path_of_file(Kernel& kernel, FileId id) {
  File& file = kernel.files[id];
  if (!file.path && file.inode) file.path = nameless_path(kernel, file.inode, file.nameless_text());
  return file.path;
}

Inode& inode_of(const Caller& caller, DentryId dentry) {
  return caller.kernel.inodes[caller.kernel.dentries[dentry].inode];
}
Inode& inode_of(const Caller& caller, const Path& path) {
  return inode_of(caller, path.dentry);
}

Result<DentryId, Errno> lookup_child(const Caller& caller, DentryId directory, std::string_view name) {
  Kernel& kernel = caller.kernel;
  if (name.size() > kNameBytesMax) return Errno::enametoolong;
  const Dentry& parent = kernel.dentries[directory];
  const auto cached = parent.children.find(name);
  if (cached != parent.children.end()) {
    const DentryId child = cached->second;
    const Inode* inode = kernel.inodes.find(kernel.dentries[child].inode);
    if (inode != nullptr && inode->still_valid(caller)) return child;
    detach_dentry(kernel, child);
  }
  if (kernel.dentries[directory].unlinked) return Errno::enoent;
  const InodeId inode = TRY(inode_of(caller, directory).lookup(caller, name));
  return add_dentry(kernel, directory, name, inode);
}

Result<DentryId, Errno> create_child(const Caller& caller, DentryId directory, std::string_view name,
                                     const NewNode& node) {
  if (name.size() > kNameBytesMax) return Errno::enametoolong;
  if (caller.kernel.dentries[directory].unlinked) return Errno::enoent;
  const InodeId inode = TRY(inode_of(caller, directory).create(caller, name, node));
  return add_dentry(caller.kernel, directory, name, inode);
}

Result<DentryId, Errno> link_child(const Caller& caller, DentryId directory, std::string_view name, InodeId target) {
  if (name.size() > kNameBytesMax) return Errno::enametoolong;
  if (caller.kernel.dentries[directory].unlinked) return Errno::enoent;
  TRY(inode_of(caller, directory).link(caller, name, target));
  return add_dentry(caller.kernel, directory, name, target);
}

Result<void, Errno> remove_child(const Caller& caller, DentryId directory, DentryId child) {
  Kernel& kernel = caller.kernel;
  const std::string name = kernel.dentries[child].name;
  const InodeId inode = kernel.dentries[child].inode;
  const bool is_directory = abi::is_directory(TRY(kernel.inodes[inode].attributes(caller)).mode);
  if (is_directory)
    TRY(inode_of(caller, directory).rmdir(caller, name));
  else
    TRY(inode_of(caller, directory).unlink(caller, name));
  detach_dentry(kernel, child);
  forget_when_unused(caller, inode);
  return {};
}

Result<void, Errno> rename_child(const Caller& caller, DentryId from_directory, DentryId child, DentryId to_directory,
                                 std::string_view to_name, std::uint32_t flags) {
  Kernel& kernel = caller.kernel;
  if (to_name.size() > kNameBytesMax) return Errno::enametoolong;
  if (kernel.dentries[to_directory].unlinked) return Errno::enoent;
  const std::string from_name = kernel.dentries[child].name;
  DentryId replaced;
  if (const auto found = lookup_child(caller, to_directory, to_name); found.ok()) replaced = *found;
  const InodeId to_inode = kernel.dentries[to_directory].inode;
  TRY(inode_of(caller, from_directory).rename(caller, from_name, to_inode, to_name, flags));

  kernel.dentries[from_directory].children.erase(from_name);
  if ((flags & abi::rename_exchange) != 0 && replaced) {
    kernel.dentries[to_directory].children.erase(std::string(to_name));
    Dentry& other = kernel.dentries[replaced];
    other.parent = from_directory;
    other.name = from_name;
    kernel.dentries[from_directory].children.insert_or_assign(from_name, replaced);
  } else if (replaced) {
    const InodeId inode = kernel.dentries[replaced].inode;
    detach_dentry(kernel, replaced);
    forget_when_unused(caller, inode);
  }
  Dentry& moved = kernel.dentries[child];
  moved.parent = to_directory;
  moved.name = std::string(to_name);
  kernel.dentries[to_directory].children.insert_or_assign(std::string(to_name), child);
  return {};
}

void forget_child(Kernel& kernel, DentryId directory, std::string_view name) {
  const auto& children = kernel.dentries[directory].children;
  const auto at = children.find(name);
  if (at != children.end()) detach_dentry(kernel, DentryId(at->second));
}

bool is_below(const Kernel& kernel, DentryId below, DentryId top) {
  for (DentryId at = below;;) {
    if (at == top) return true;
    const DentryId parent = kernel.dentries[at].parent;
    if (parent == at) return false;
    at = parent;
  }
}

}  // namespace drydock::machine
