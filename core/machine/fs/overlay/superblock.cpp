// overlayfs: mount options. Not modelled: redirect_dir=on, metacopy=on, index=on, nfs_export=on, data-only layers
// (lowerdir=a::b), xino=on; they are EINVAL, but "off" is taken.

#include <algorithm>

#include "base/text.h"
#include "machine/abi/file.h"
#include "machine/fs/overlay/overlay.h"
#include "machine/kernel/tracer.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/garbage.h"
#include "machine/vfs/mount_tree.h"
#include "machine/vfs/operations.h"

namespace drydock::machine {
namespace {

constexpr std::uint64_t kOverlayMagic = 0x794c7630;

/// Splits at `separator`, where a backslash does not say otherwise; "\:" and "\\" are undone when `undo` is set.
std::vector<std::string> split_escaped(std::string_view text, char separator, bool undo) {
  std::vector<std::string> parts(1);
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\' && at + 1 < text.size()) {
      if (!undo) parts.back() += c;
      parts.back() += text[++at];
    } else if (c == separator) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

struct Options {
  std::string lower, upper, work, extra;
  bool user_xattrs = false;
};

Result<Options, Errno> parse(const Caller& caller, std::string_view data) {
  Options options;
  for (const std::string& option : split_escaped(data, ',', false)) {
    if (option.empty()) continue;
    const auto parts = split_once(option, '=');
    const std::string_view name = parts ? parts->first : std::string_view(option);
    const std::string_view value = parts ? parts->second : std::string_view();
    if (name == "lowerdir")
      options.lower = value;
    else if (name == "upperdir")
      options.upper = value;
    else if (name == "workdir")
      options.work = value;
    else if (name == "userxattr")
      options.user_xattrs = true;
    else if (name == "volatile")
      options.extra += ",volatile";
    else if ((name == "index" || name == "metacopy" || name == "nfs_export" || name == "xino") && value == "off")
      continue;
    else if (name == "redirect_dir" && (value == "off" || value == "nofollow"))
      continue;
    else {
      note_unimplemented(caller.kernel, caller.task, concat("overlay option ", option));
      return Errno::einval;
    }
  }
  return options;
}

/// A directory, for a layer.
Result<Path, Errno> layer_at(const Caller& caller, const std::string& path) {
  if (path.empty()) return Errno::einval;
  const Path place = TRY(walk(caller, kAtFdCwd, path));
  if (!abi::is_directory(TRY(attributes_of(caller, place)).mode)) return Errno::einval;
  return place;
}

std::string unescaped(const std::string& text) {
  return split_escaped(text, '\0', true).front();
}

/// upperdir and workdir: one mount, apart from each other. The work directory gets the "work" that Linux makes in it.
Result<void, Errno> take_upper(const Caller& caller, OverlaySuperblock& fresh) {
  if (fresh.upper_text.empty()) {
    fresh.read_only = true;
    return {};
  }
  if (fresh.work_text.empty()) return Errno::einval;
  fresh.upper = TRY(layer_at(caller, unescaped(fresh.upper_text)));
  const Path work = TRY(layer_at(caller, unescaped(fresh.work_text)));
  Kernel& kernel = caller.kernel;
  if (fresh.upper.mount != work.mount) return Errno::einval;
  if (is_below(kernel, work.dentry, fresh.upper.dentry) || is_below(kernel, fresh.upper.dentry, work.dentry))
    return Errno::einval;
  const SuperblockId below = inode_of(caller, fresh.upper).superblock;
  const Superblock* real = std::as_const(kernel.superblocks).find(below);
  if (real == nullptr || real->type == "overlay") return Errno::einval;
  if (real->read_only) return Errno::erofs;
  NewNode node;
  node.mode = abi::s_ifdir;
  if (!lookup_child(caller, work.dentry, "work").ok()) TRY(create_child(caller, work.dentry, "work", node));
  return {};
}

Result<void, Errno> take_lowers(const Caller& caller, OverlaySuperblock& fresh) {
  const std::vector<std::string> texts = split_escaped(fresh.lower_text, ':', true);
  if (texts.size() > kOverlayLayersMax) return Errno::einval;
  for (const std::string& text : texts) fresh.lowers.push_back(TRY(layer_at(caller, text)));
  return {};
}

/// Which file systems the layers are of.
Result<void, Errno> hold_layers(Kernel& kernel, OverlaySuperblock& fresh) {
  std::vector<Path> all = fresh.lowers;
  if (fresh.upper) all.push_back(fresh.upper);
  for (const Path& layer : all) {
    const SuperblockId id = kernel.dentries[layer.dentry].superblock;
    const Superblock* real = std::as_const(kernel.superblocks).find(id);
    if (real == nullptr) return Errno::einval;
    if (const auto* overlay = dynamic_cast<const OverlaySuperblock*>(real))
      fresh.stack_depth = std::max(fresh.stack_depth, overlay->stack_depth + 1);
    if (fresh.stack_depth > kOverlayStackMax) return Errno::einval;
    if (std::find(fresh.held.begin(), fresh.held.end(), id) == fresh.held.end()) fresh.held.push_back(id);
  }
  fresh.one_filesystem = fresh.held.size() == 1;
  for (const SuperblockId id : fresh.held) {
    ++kernel.superblocks[id].mounts;
    const bool is_upper = fresh.upper && kernel.dentries[fresh.upper.dentry].superblock == id;
    fresh.layer_devices[id] = is_upper ? kernel.superblocks[id].device : 0;
    if (!is_upper && !fresh.one_filesystem) fresh.layer_devices[id] = kernel.take_device();
  }
  return {};
}

}  // namespace

std::string OverlaySuperblock::xattr_name(std::string_view name) const {
  return concat(user_xattrs ? "user.overlay." : "trusted.overlay.", name);
}

FileSystemUse OverlaySuperblock::use(const Caller& caller) {
  const Path& top = upper ? upper : lowers.front();
  Superblock* real = caller.kernel.superblocks.find(caller.kernel.dentries[top.dentry].superblock);
  FileSystemUse all;
  if (real != nullptr) all = real->use(caller);
  all.magic = kOverlayMagic;
  return all;
}

std::string OverlaySuperblock::show_options(const Caller&) const {
  std::string text = concat(",lowerdir=", lower_text);
  if (!upper_text.empty()) text += concat(",upperdir=", upper_text, ",workdir=", work_text);
  if (user_xattrs) text += ",userxattr";
  return text + extra_options;
}

void OverlaySuperblock::shut_down(Kernel& kernel) {
  for (const SuperblockId id : std::exchange(held, {})) put_superblock(kernel, id);
}

void OverlaySuperblock::mark(Marker& marker) const {
  if (upper) marker.dentry(upper.dentry);
  for (const Path& layer : lowers) marker.dentry(layer.dentry);
}

Result<SuperblockId, Errno> mount_overlay(const Caller& caller, std::string_view, std::uint64_t flags,
                                          std::string_view data) {
  Kernel& kernel = caller.kernel;
  Options options = TRY(parse(caller, data));
  if (options.lower.empty()) return Errno::einval;
  auto fresh = std::make_unique<OverlaySuperblock>();
  fresh->type = "overlay";
  fresh->user_namespace = caller.credentials().user_namespace;
  fresh->lower_text = std::move(options.lower);
  fresh->upper_text = std::move(options.upper);
  fresh->work_text = std::move(options.work);
  fresh->extra_options = std::move(options.extra);
  fresh->user_xattrs = options.user_xattrs;
  TRY(take_upper(caller, *fresh));
  TRY(take_lowers(caller, *fresh));
  TRY(hold_layers(kernel, *fresh));
  if ((flags & abi::ms_rdonly) != 0) fresh->read_only = true;
  fresh->device = kernel.take_device();

  auto root = std::make_unique<OverlayInode>();
  root->layers.directory = true;
  if (fresh->upper) root->layers.upper = fresh->upper.dentry;
  for (const Path& layer : fresh->lowers) root->layers.lowers.push_back(layer.dentry);
  const SuperblockId id = kernel.superblocks.insert(std::move(fresh));
  root->superblock = id;
  root->number = std::as_const(kernel.inodes)[root->real(kernel)].number;
  add_root_dentry(kernel, id, add_inode(kernel, std::move(root)));
  return id;
}

}  // namespace drydock::machine
