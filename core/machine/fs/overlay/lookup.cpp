// overlayfs: names. A layer hides what the layers below it have by a file of the same name, a whiteout (a character
// device 0/0), or by being an opaque directory.
//
// A directory lists every name at the place that the lowest layer which has it gives it, so that copying up and
// whiteouts, made while somebody reads it, move nothing.

#include <algorithm>

#include "machine/abi/file.h"
#include "machine/fs/overlay/overlay.h"
#include "machine/vfs/dcache.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kLayerShift = 40;  // a cookie is the layer's number (the lowest is 0) and the cookie in it

bool is_whiteout(const Attributes& attributes) {
  return (attributes.mode & abi::s_ifmt) == abi::s_ifchr && attributes.rdev_major == 0 && attributes.rdev_minor == 0;
}

bool is_opaque(const Caller& caller, DentryId directory, const OverlaySuperblock& superblock) {
  const auto value = inode_of(caller, directory).xattr(caller, superblock.xattr_name("opaque"));
  return value.ok() && *value == "y";
}

/// What one layer has of that name; none is no error.
Result<DentryId, Errno> in_layer(const Caller& caller, DentryId directory, std::string_view name) {
  const auto found = lookup_child(caller, directory, name);
  if (found.ok()) return *found;
  if (found.error() == Errno::enoent || found.error() == Errno::enotdir) return DentryId{};
  return found.error();
}

}  // namespace

Result<LayerEntry, Errno> OverlayInode::find(const Caller& caller, std::string_view wanted) const {
  const OverlaySuperblock& mounted = owner(caller.kernel);
  LayerEntry entry;
  if (layers.upper) {
    const DentryId found = TRY(in_layer(caller, layers.upper, wanted));
    if (found) {
      const Attributes attributes = TRY(inode_of(caller, found).attributes(caller));
      if (is_whiteout(attributes)) return entry;
      entry.upper = found;
      entry.directory = abi::is_directory(attributes.mode);
      if (!entry.directory || is_opaque(caller, found, mounted)) return entry;
    }
  }
  for (const DentryId layer : layers.lowers) {
    const DentryId found = TRY(in_layer(caller, layer, wanted));
    if (!found) continue;
    const Attributes attributes = TRY(inode_of(caller, found).attributes(caller));
    const bool is_directory = abi::is_directory(attributes.mode);
    if (is_whiteout(attributes) || (entry && !is_directory)) return entry;
    entry.lowers.push_back(found);
    entry.directory = is_directory;
    if (!is_directory || is_opaque(caller, found, mounted)) return entry;
  }
  return entry;
}

bool OverlayInode::lower_has(const Caller& caller, std::string_view wanted) const {
  for (const DentryId layer : layers.lowers) {
    const auto found = in_layer(caller, layer, wanted);
    if (!found.ok() || !*found) continue;
    const auto attributes = inode_of(caller, *found).attributes(caller);
    return attributes.ok() && !is_whiteout(*attributes);
  }
  return false;
}

Result<InodeId, Errno> OverlayInode::inode_for(const Caller& caller, const LayerEntry& entry, std::string_view its) {
  Kernel& kernel = caller.kernel;
  OverlaySuperblock& mounted = owner(kernel);
  const DentryId top = entry.upper ? entry.upper : entry.lowers.front();
  const InodeId real_id = kernel.dentries[top].inode;
  // Names of one upper file are one file here too; those of a lower one are as many, as the first copying up parts
  // them.
  if (const auto known = mounted.by_real.find(real_id); known != mounted.by_real.end() && entry.upper) {
    auto* here = static_cast<OverlayInode*>(kernel.inodes.find(known->second));
    if (here != nullptr && here->layers.upper && kernel.dentries[here->layers.upper].inode == real_id &&
        here->layers.directory == entry.directory) {
      here->layers = entry;
      return known->second;
    }
  }
  auto fresh = std::make_unique<OverlayInode>();
  fresh->superblock = superblock;
  fresh->layers = entry;
  fresh->parent = id;
  fresh->name = std::string(its);
  fresh->number = std::as_const(kernel.inodes)[real_id].number;
  if (entry.directory && !entry.lowers.empty())
    fresh->number = std::as_const(kernel.inodes)[kernel.dentries[entry.lowers.front()].inode].number;
  if (!entry.directory && entry.upper) {
    const auto origin = kernel.inodes[real_id].xattr(caller, mounted.xattr_name("origin"));
    if (origin.ok() && origin->size() == 8) {
      fresh->number = 0;
      for (std::size_t at = 8; at-- > 0;) fresh->number = fresh->number << 8 | static_cast<std::uint8_t>((*origin)[at]);
    }
  }
  if (entry.directory && !mounted.one_filesystem) fresh->number = mounted.next_number++;
  const InodeId made = add_inode(kernel, std::move(fresh));
  if (mounted.by_real.size() % 1024 == 1023)  // those that were swept meanwhile
    std::erase_if(mounted.by_real, [&](const auto& pair) { return kernel.inodes.find(pair.second) == nullptr; });
  if (entry.upper) mounted.by_real[real_id] = made;
  return made;
}

Result<InodeId, Errno> OverlayInode::lookup(const Caller& caller, std::string_view wanted) {
  if (!layers.directory) return Errno::enotdir;
  const LayerEntry entry = TRY(find(caller, wanted));
  if (!entry) return Errno::enoent;
  return inode_for(caller, entry, wanted);
}

Result<std::vector<DirectoryItem>, Errno> OverlayInode::list(const Caller& caller, std::uint64_t cookie,
                                                             std::size_t count_max) {
  if (!layers.directory) return Errno::enotdir;
  Kernel& kernel = caller.kernel;
  std::vector<DentryId> stack = layers.lowers;  // to be the lowest first
  std::reverse(stack.begin(), stack.end());
  if (layers.upper) stack.push_back(layers.upper);
  std::vector<DirectoryItem> items;
  for (std::uint64_t layer = cookie >> kLayerShift; layer < stack.size() && items.size() < count_max; ++layer) {
    std::uint64_t within = layer == cookie >> kLayerShift ? cookie & ((std::uint64_t{1} << kLayerShift) - 1) : 0;
    while (items.size() < count_max) {
      const auto part = TRY(inode_of(caller, stack[layer]).list(caller, within, count_max));
      if (part.empty()) break;
      for (const DirectoryItem& item : part) {
        within = item.next_cookie;
        if (items.size() == count_max) break;
        bool listed_below = false;
        for (std::uint64_t below = 0; below < layer && !listed_below; ++below)
          listed_below = static_cast<bool>(TRY(in_layer(caller, stack[below], item.name)));
        if (listed_below) continue;
        const LayerEntry entry = TRY(find(caller, item.name));
        if (!entry) continue;
        const DentryId top = entry.upper ? entry.upper : entry.lowers.front();
        const Attributes attributes = TRY(inode_of(caller, top).attributes(caller));
        const std::uint64_t number = std::as_const(kernel.inodes)[kernel.dentries[top].inode].number;
        items.push_back({item.name, number, static_cast<std::uint8_t>(attributes.mode >> 12),
                         layer << kLayerShift | item.next_cookie});
      }
    }
  }
  return items;
}

Result<bool, Errno> OverlayInode::is_empty(const Caller& caller) {
  return TRY(list(caller, 0, 1)).empty();
}

}  // namespace drydock::machine
