// Directories and files of the cgroup file systems.

#include "machine/fs/cgroup/cgroupfs.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "machine/fs/cgroup/cgroup_path.h"
#include "machine/fs/cgroup/control_file.h"
#include "machine/fs/pseudo/pseudo_inode.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kCgroup1Magic = 0x27e0eb, kCgroup2Magic = 0x63677270;
constexpr std::size_t kCgroupsMax = 65536;
constexpr std::uint64_t kNumbersPerGroup = 256;

class CgroupSuperblock final : public Superblock {
 public:
  std::size_t hierarchy = 0;
  CgroupId top;
  std::string options;
  std::unique_ptr<Superblock> clone() const override { return std::make_unique<CgroupSuperblock>(*this); }
  FileSystemUse use(const Caller& caller) override {
    FileSystemUse all;
    all.magic = caller.kernel.cgroup_hierarchies[hierarchy].unified ? kCgroup2Magic : kCgroup1Magic;
    return all;
  }
  std::string show_options(const Caller&) const override { return options; }
  Result<void, Errno> remount(const Caller&, std::string_view) override { return {}; }
};

std::uint64_t group_number(CgroupId group) {
  return group.value * kNumbersPerGroup;
}

std::uint32_t default_permissions(const ControlRow& row) {
  if (row.permissions != 0) return row.permissions;
  return row.store != nullptr ? 0644 : 0444;
}

std::span<const ControlRow> rows_of(const Kernel& kernel, CgroupId group) {
  return kernel.cgroup_hierarchies[kernel.cgroups[group].hierarchy].unified ? unified_rows() : legacy_rows();
}

bool is_shown(const Kernel& kernel, CgroupId id, const ControlRow& row) {
  const Cgroup& group = kernel.cgroups[id];
  const bool root = !group.parent;
  if (row.where == ControlRow::Where::below_root && root) return false;
  if (row.where == ControlRow::Where::root_only && !root) return false;
  if (row.controller.empty()) return true;
  const CgroupHierarchy& hierarchy = kernel.cgroup_hierarchies[group.hierarchy];
  const std::vector<std::string> all = hierarchy.unified ? available_controllers(kernel, id) : hierarchy.controllers;
  return std::find(all.begin(), all.end(), row.controller) != all.end();
}

/// Owner and permissions, as made or as chown(2) and chmod(2) have left them.
void apply_owner(const Kernel& kernel, CgroupId id, std::string_view file, Attributes& attributes) {
  const Cgroup* group = kernel.cgroups.find(id);
  if (group == nullptr) return;
  const auto owner = group->owners.find(file);
  if (owner == group->owners.end()) return;
  attributes.uid = owner->second.uid;
  attributes.gid = owner->second.gid;
  attributes.mode = (attributes.mode & abi::s_ifmt) | owner->second.permissions;
}

Result<void, Errno> keep_owner(const Caller& caller, CgroupId id, std::string_view file, const Attributes& before,
                               const AttributeChange& change) {
  Cgroup* group = caller.kernel.cgroups.find(id);
  if (group == nullptr) return Errno::enodev;
  if (!change.permissions && !change.uid && !change.gid) return {};
  CgroupFileOwner& owner = group->owners[std::string(file)];
  owner.permissions = change.permissions.value_or(before.mode & 07777);
  owner.uid = change.uid.value_or(before.uid);
  owner.gid = change.gid.value_or(before.gid);
  return {};
}

class ControlFile final : public TextInode {
 public:
  ControlFile(CgroupId group, const ControlRow& row) : group_(group), row_(&row) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<ControlFile>(*this); }
  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(TextInode::attributes(caller));
    apply_owner(caller.kernel, group_, row_->name, all);
    return all;
  }
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override {
    return keep_owner(caller, group_, row_->name, TRY(attributes(caller)), change);
  }
  bool still_valid(const Caller& caller) const override {
    return std::as_const(caller.kernel.cgroups).find(group_) != nullptr && is_shown(caller.kernel, group_, *row_);
  }
  Result<std::string, Errno> text(const Caller& caller) override {
    const Cgroup* group = std::as_const(caller.kernel.cgroups).find(group_);
    if (group == nullptr) return Errno::enodev;
    if (row_->text != nullptr) return row_->text(caller, group_);
    return row_->store != nullptr ? Result<std::string, Errno>(Errno::einval) : kept(*group, row_->name, row_->initial);
  }
  Result<void, Errno> store(const Caller& caller, std::string_view text) override {
    Cgroup* group = caller.kernel.cgroups.find(group_);
    if (group == nullptr) return Errno::enodev;
    if (row_->store != nullptr) return row_->store(caller, group_, text);
    if ((default_permissions(*row_) & 0200) == 0) return Errno::einval;
    group->settings[std::string(row_->name)] = concat(trim(text), "\n");
    return {};
  }

 private:
  CgroupId group_;
  const ControlRow* row_;
};

class CgroupDirectory final : public PseudoInode {
 public:
  explicit CgroupDirectory(CgroupId group) : group_(group) {
    mode = abi::s_ifdir | 0755;
    number = group_number(group);
  }
  std::unique_ptr<Inode> clone() const override { return std::make_unique<CgroupDirectory>(*this); }
  CgroupId group() const { return group_; }

  Result<Attributes, Errno> attributes(const Caller& caller) override {
    Attributes all = TRY(PseudoInode::attributes(caller));
    if (const Cgroup* group = std::as_const(caller.kernel.cgroups).find(group_))
      all.links = 2 + static_cast<std::uint32_t>(group->children.size());
    apply_owner(caller.kernel, group_, "", all);
    return all;
  }
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override {
    return keep_owner(caller, group_, "", TRY(attributes(caller)), change);
  }
  bool still_valid(const Caller& caller) const override {
    return std::as_const(caller.kernel.cgroups).find(group_) != nullptr;
  }

  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override {
    Kernel& kernel = caller.kernel;
    const Cgroup* group = std::as_const(kernel.cgroups).find(group_);
    if (group == nullptr) return Errno::enoent;
    if (const auto child = group->children.find(name); child != group->children.end())
      return add_child(caller, child->second);
    const std::span<const ControlRow> rows = rows_of(kernel, group_);
    for (std::size_t at = 0; at < rows.size(); ++at) {
      if (rows[at].name != name || !is_shown(kernel, group_, rows[at])) continue;
      auto file = std::make_unique<ControlFile>(group_, rows[at]);
      file->mode = abi::s_ifreg | default_permissions(rows[at]);
      file->number = group_number(group_) + 1 + at;
      file->time_ns = time_ns;
      return add_inode(kernel, superblock, std::move(file));
    }
    return Errno::enoent;
  }

  /// mkdir(2). All other nodes are refused.
  Result<InodeId, Errno> create(const Caller& caller, std::string_view name, const NewNode& node) override {
    if (!abi::is_directory(node.mode)) return PseudoInode::create(caller, name, node);
    const CgroupId made = TRY(make_cgroup(caller.kernel, group_, name));
    if (node.uid != 0 || node.gid != 0) delegate(caller.kernel, made, node);
    return add_child(caller, made);
  }
  Result<void, Errno> unlink(const Caller&, std::string_view) override { return Errno::eperm; }
  Result<void, Errno> rmdir(const Caller& caller, std::string_view name) override {
    return remove_cgroup(caller.kernel, group_, name);
  }

  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override {
    const Kernel& kernel = caller.kernel;
    const Cgroup* group = kernel.cgroups.find(group_);
    if (group == nullptr) return Errno::enoent;
    std::vector<DirectoryItem> items;
    const std::span<const ControlRow> rows = rows_of(kernel, group_);
    for (std::size_t at = cookie; at < rows.size() && items.size() < count_max; ++at)
      if (is_shown(kernel, group_, rows[at]))
        items.push_back({std::string(rows[at].name), group_number(group_) + 1 + at, abi::s_ifreg >> 12, at + 1});
    // Children by id, so that one that is removed meanwhile does not move the others.
    std::vector<std::pair<CgroupId, std::string>> children;
    for (const auto& [name, child] : group->children) children.emplace_back(child, name);
    std::sort(children.begin(), children.end());
    for (const auto& [child, name] : children)
      if (child.value + kFirstChild > cookie && items.size() < count_max)
        items.push_back({name, group_number(child), abi::s_ifdir >> 12, child.value + kFirstChild});
    return items;
  }

 private:
  static constexpr std::uint64_t kFirstChild = 1000;

  InodeId add_child(const Caller& caller, CgroupId child) const {
    auto directory = std::make_unique<CgroupDirectory>(child);
    directory->time_ns = caller.kernel.wall_ns();
    return add_inode(caller.kernel, superblock, std::move(directory));
  }
  /// Who makes a group owns its files.
  static void delegate(Kernel& kernel, CgroupId made, const NewNode& node) {
    Cgroup& group = kernel.cgroups[made];
    group.owners[""] = {node.uid, node.gid, node.mode & 07777};
    for (const ControlRow& row : rows_of(kernel, made))
      group.owners[std::string(row.name)] = {node.uid, node.gid, default_permissions(row)};
  }
  CgroupId group_;
};

Result<SuperblockId, Errno> show_hierarchy(const Caller& caller, std::size_t hierarchy, std::string_view type,
                                           std::string options) {
  Kernel& kernel = caller.kernel;
  const CgroupId top = cgroup_namespace_root(caller, hierarchy);
  for (const SuperblockId id : kernel.superblocks.ids()) {
    const auto* known = dynamic_cast<const CgroupSuperblock*>(std::as_const(kernel.superblocks).find(id));
    if (known != nullptr && known->mounts > 0 && known->hierarchy == hierarchy && known->top == top) return id;
  }
  auto superblock = std::make_unique<CgroupSuperblock>();
  superblock->type = std::string(type);
  superblock->hierarchy = hierarchy;
  superblock->top = top;
  superblock->options = std::move(options);
  superblock->user_namespace = kernel.initial_user_namespace;
  auto root = std::make_unique<CgroupDirectory>(top);
  root->time_ns = kernel.wall_ns();
  return add_superblock(kernel, std::move(superblock), std::move(root));
}

/// cgroup.max.depth and cgroup.max.descendants of the groups above: EAGAIN.
bool may_have_child(const Kernel& kernel, CgroupId parent) {
  std::uint64_t depth = 1;
  for (CgroupId id = parent; id; id = kernel.cgroups[id].parent, ++depth) {
    const Cgroup& group = kernel.cgroups[id];
    const auto limit = [&](std::string_view file) {
      return parse_u64(trim(kept(group, file, "max"))).value_or(std::numeric_limits<std::uint64_t>::max());
    };
    if (depth > limit("cgroup.max.depth") || descendants(kernel, id) >= limit("cgroup.max.descendants")) return false;
  }
  return true;
}

}  // namespace

Result<CgroupId, Errno> make_cgroup(Kernel& kernel, CgroupId parent, std::string_view name) {
  const Cgroup* above = std::as_const(kernel.cgroups).find(parent);
  if (above == nullptr) return Errno::enoent;
  if (name.find('\n') != std::string_view::npos) return Errno::einval;
  const auto taken = [&](const ControlRow& row) { return row.name == name; };
  const std::span<const ControlRow> rows = rows_of(kernel, parent);
  if (above->children.count(name) != 0 || std::any_of(rows.begin(), rows.end(), taken)) return Errno::eexist;
  if (kernel.cgroups.size() >= kCgroupsMax || !may_have_child(kernel, parent)) return Errno::eagain;
  Cgroup group;
  group.parent = parent;
  group.hierarchy = above->hierarchy;
  group.name = std::string(name);
  group.frozen_effective = above->frozen_effective;
  for (const std::string_view inherited : {"devices.default", "devices.exceptions"})
    if (const auto found = above->settings.find(inherited); found != above->settings.end())
      group.settings.insert(*found);
  const CgroupId id = kernel.cgroups.emplace(std::move(group));
  kernel.cgroups[parent].children[std::string(name)] = id;
  return id;
}

Result<void, Errno> remove_cgroup(Kernel& kernel, CgroupId parent, std::string_view name) {
  Cgroup* above = kernel.cgroups.find(parent);
  if (above == nullptr) return Errno::enoent;
  const auto found = above->children.find(name);
  if (found == above->children.end()) return Errno::eperm;  // a file
  const CgroupId id = found->second;
  const Cgroup& group = kernel.cgroups[id];
  if (group.processes > 0 || !group.children.empty()) return Errno::ebusy;
  above->children.erase(found);
  // Pages that its processes left behind stay counted above.
  kernel.cgroups.erase(id);
  return {};
}

Result<SuperblockId, Errno> mount_cgroup2(const Caller& caller, std::string_view, std::uint64_t,
                                          std::string_view data) {
  constexpr std::array<std::string_view, 5> kKnown{"nsdelegate", "memory_localevents", "memory_recursiveprot",
                                                   "favordynmods", "memory_hugetlb_accounting"};
  std::string options;
  for (const MountOption& option : parse_options(data)) {
    if (std::find(kKnown.begin(), kKnown.end(), option.name) == kKnown.end()) return Errno::einval;
    options += concat(',', option.name);
  }
  for (std::size_t at = 0; at < caller.kernel.cgroup_hierarchies.size(); ++at) {
    const CgroupHierarchy& hierarchy = caller.kernel.cgroup_hierarchies[at];
    if (!hierarchy.unified) continue;
    // Who mounts it from within a cgroup namespace does not change how all of it behaves.
    if (options.find("nsdelegate") != std::string::npos && cgroup_namespace_root(caller, at) == hierarchy.root)
      caller.kernel.cgroups[hierarchy.root].settings["nsdelegate"] = "1";
    return show_hierarchy(caller, at, "cgroup2", options);
  }
  return Errno::enodev;
}

Result<SuperblockId, Errno> mount_cgroup1(const Caller& caller, std::string_view, std::uint64_t,
                                          std::string_view data) {
  std::vector<std::string> wanted;
  std::string name;
  for (const MountOption& option : parse_options(data)) {
    if (option.name == "name")
      name = concat("name=", option.value);
    else if (option.name != "none" && option.name != "xattr" && option.name != "clone_children")
      wanted.emplace_back(option.name);
  }
  if (wanted.empty() && name.empty()) return Errno::einval;
  std::sort(wanted.begin(), wanted.end());
  for (std::size_t at = 0; at < caller.kernel.cgroup_hierarchies.size(); ++at) {
    const CgroupHierarchy& hierarchy = caller.kernel.cgroup_hierarchies[at];
    std::vector<std::string> has = hierarchy.controllers;
    std::sort(has.begin(), has.end());
    if (hierarchy.unified || has != wanted || (wanted.empty() && hierarchy.name != name)) continue;
    return show_hierarchy(caller, at, "cgroup", concat(',', hierarchy.name));
  }
  return Errno::ebusy;
}

}  // namespace drydock::machine
