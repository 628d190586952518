#include "storage/merged_tree.h"

#include <algorithm>
#include <map>
#include <set>

namespace drydock::storage {

namespace {

constexpr std::size_t kLinkedPathMax = 64 * 1024;  // of what is left to walk, links included

SysError sys_error(Errno code, const char* operation, std::string_view path) {
  return {code, operation, std::string(path)};
}

bool names_nothing(const SysError& error) {
  return error.code == Errno::enoent || error.code == Errno::enotdir;
}

std::string below(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : concat(directory, "/", name);
}

/// The parts in reverse order: the next one is at the back.
void push_parts(std::vector<std::string>& todo, std::string_view path) {
  const std::vector<std::string> parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") todo.push_back(*part);
  }
}

}  // namespace

/// For a directory: the layers that contribute to it, the topmost first. Else the one layer that has it.
struct MergedTree::Place {
  std::string path;
  FileInfo info;
  std::vector<HostFs*> layers;
};

bool is_overlay_whiteout(const FileInfo& info) {
  return info.type == FileType::character_device && info.device_major == 0 && info.device_minor == 0;
}

bool is_overlay_xattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

bool is_opaque(const Xattrs& xattrs) {
  return std::any_of(xattrs.begin(), xattrs.end(), [](const auto& xattr) {
    return (xattr.first == "trusted.overlay.opaque" || xattr.first == "user.overlay.opaque") && xattr.second == "y";
  });
}

Result<MergedTree> MergedTree::open(HostFs& fs, const std::vector<std::string>& directories) {
  MergedTree tree;
  for (const std::string& directory : directories) {
    tree.layers_.push_back(TRY(fs.subtree(directory)));
  }
  return tree;
}

Result<MergedTree::Place, SysError> MergedTree::root_place() const {
  Place root;
  root.info.type = FileType::directory;
  for (const auto& layer : layers_) {
    const FileInfo info = TRY(layer->stat(""));
    if (root.layers.empty()) root.info = info;
    root.layers.push_back(layer.get());
  }
  return root;
}

Result<MergedTree::Place, SysError> MergedTree::child(const Place& parent, std::string_view name) const {
  Place place;
  place.path = below(parent.path, name);
  if (parent.info.type != FileType::directory) return sys_error(Errno::enotdir, "lstat", place.path);
  for (HostFs* layer : parent.layers) {
    auto info = layer->stat(place.path);
    if (!info.ok() && names_nothing(info.error())) continue;
    if (!info.ok()) return info.error();
    if (is_overlay_whiteout(*info)) break;
    const bool is_directory = info->type == FileType::directory;
    if (place.layers.empty()) {
      place.info = *info;
    } else if (!is_directory) {
      break;  // a file below a directory is hidden by it, and hides what is below the file
    }
    place.layers.push_back(layer);
    if (!is_directory || is_opaque(TRY(layer->xattrs(place.path)))) break;
  }
  if (place.layers.empty()) return sys_error(Errno::enoent, "lstat", place.path);
  return place;
}

Result<std::string, SysError> MergedTree::resolve(std::string_view path, FollowLast follow) const {
  std::vector<std::string> todo;
  push_parts(todo, path);
  std::vector<Place> stack{TRY(root_place())};
  std::vector<std::string> missing;
  int links = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (name == "..") {
      if (!missing.empty()) {
        missing.pop_back();
      } else if (stack.size() > 1) {
        stack.pop_back();
      }
      continue;
    }
    auto next = missing.empty() ? child(stack.back(), name) : sys_error(Errno::enoent, "lstat", path);
    if (!next.ok() && next.error().code == Errno::enoent) {
      missing.push_back(name);
      continue;
    }
    if (!next.ok()) return next.error();
    if (next->info.type != FileType::symlink || (todo.empty() && follow == FollowLast::no)) {
      stack.push_back(std::move(next).value());
      continue;
    }
    const std::string& target = next->info.link_target;
    if (++links > kSymlinksMax || todo.size() + target.size() > kLinkedPathMax) {
      return sys_error(Errno::eloop, "lstat", path);
    }
    if (target.starts_with('/')) stack.resize(1);
    push_parts(todo, target);
  }
  std::string resolved = stack.back().path;
  for (const std::string& name : missing) resolved = below(resolved, name);
  return resolved;
}

Result<MergedTree::Place, SysError> MergedTree::find(std::string_view path, FollowLast follow) const {
  const std::string resolved = TRY(resolve(path, follow));
  Place place = TRY(root_place());
  if (resolved.empty()) return place;
  for (const std::string& name : split(resolved, '/')) {
    place = TRY(child(place, name));
  }
  return place;
}

Result<FileInfo, SysError> MergedTree::stat(std::string_view path, FollowLast follow) const {
  return TRY(find(path, follow)).info;
}

Result<std::vector<DirectoryEntry>, SysError> MergedTree::list(std::string_view path) const {
  const Place place = TRY(find(path, FollowLast::yes));
  if (place.info.type != FileType::directory) return sys_error(Errno::enotdir, "opendir", path);
  std::map<std::string, FileInfo> merged;
  std::set<std::string> hidden;
  for (HostFs* layer : place.layers) {
    std::vector<DirectoryEntry> entries = TRY(layer->list(place.path));
    for (DirectoryEntry& entry : entries) {
      if (hidden.contains(entry.name) || merged.contains(entry.name)) continue;
      if (is_overlay_whiteout(entry.info)) {
        hidden.insert(entry.name);
      } else {
        merged.emplace(std::move(entry.name), std::move(entry.info));
      }
    }
  }
  std::vector<DirectoryEntry> entries;
  for (auto& [name, info] : merged) entries.push_back({name, std::move(info)});
  return entries;
}

Result<std::unique_ptr<FileReader>, SysError> MergedTree::open_read(std::string_view path) const {
  const Place place = TRY(find(path, FollowLast::yes));
  if (place.info.type == FileType::directory) return sys_error(Errno::eisdir, "open", path);
  return place.layers.front()->open_read(place.path);
}

Result<Xattrs, SysError> MergedTree::xattrs(std::string_view path) const {
  const Place place = TRY(find(path, FollowLast::no));
  if (place.layers.empty()) return Xattrs{};
  Xattrs xattrs = TRY(place.layers.front()->xattrs(place.path));
  std::erase_if(xattrs, [](const auto& xattr) { return is_overlay_xattr(xattr.first); });
  return xattrs;
}

Result<std::string, SysError> MergedTree::read_file(std::string_view path, std::uint64_t size_max) const {
  const Place place = TRY(find(path, FollowLast::yes));
  if (place.info.type == FileType::directory) return sys_error(Errno::eisdir, "open", path);
  return storage::read_file(*place.layers.front(), place.path, size_max);
}

}  // namespace drydock::storage
