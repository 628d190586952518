#include "storage/layer_diff.h"

#include <algorithm>
#include <optional>
#include <set>

namespace drydock::storage {

namespace {

std::string below(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : concat(directory, "/", name);
}

bool is_missing(const SysError& error) {
  return error.code == Errno::enoent || error.code == Errno::enotdir;
}

/// Nothing where there is nothing.
Result<std::optional<FileInfo>> look(const MergedTree& tree, std::string_view path) {
  auto info = tree.stat(path);
  if (info.ok()) return std::optional<FileInfo>(std::move(info).value());
  if (is_missing(info.error())) return std::optional<FileInfo>();
  return Error(info.error());
}

/// As dockerd's statDifferent: contents are not compared, their size and time are.
bool differ(const FileInfo& a, const FileInfo& b) {
  if (a.type != b.type || a.mode != b.mode || a.uid != b.uid || a.gid != b.gid) return true;
  if (a.device_major != b.device_major || a.device_minor != b.device_minor) return true;
  if (a.type == FileType::directory) return false;
  return a.mtime_ns != b.mtime_ns || a.size != b.size || a.link_target != b.link_target;
}

/// A directory that was copied up only because something in it changed is a change where its own attributes or its
/// time show one.
bool directories_differ(const FileInfo& a, const FileInfo& b) {
  return differ(a, b) || a.mtime_ns != b.mtime_ns;
}

/// Collects changes; directories in which something was added or deleted are changed themselves.
class ChangeList {
 public:
  void add(const std::string& path, ChangeKind kind) {
    changes_.push_back({"/" + path, kind});
    named_.insert(path);
    if (kind != ChangeKind::modified) mark_parent(path);
  }

  Result<std::vector<Change>> sorted() && {
    for (const std::string& parent : parents_) {
      if (!named_.contains(parent)) changes_.push_back({"/" + parent, ChangeKind::modified});
    }
    std::sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) { return a.path < b.path; });
    return std::move(changes_);
  }

 private:
  void mark_parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string::npos) parents_.insert(path.substr(0, slash));
  }

  std::vector<Change> changes_;
  std::set<std::string> named_;
  std::set<std::string> parents_;
};

/// What `lower` has in `directory` and `upper` has not: for a directory that hides everything below it.
Result<void> add_hidden(const std::vector<DirectoryEntry>& upper, const MergedTree& lower, const std::string& directory,
                        ChangeList& changes) {
  const std::vector<DirectoryEntry> entries = TRY(lower.list(directory));
  for (const DirectoryEntry& entry : entries) {
    const bool kept =
        std::any_of(upper.begin(), upper.end(), [&](const DirectoryEntry& other) { return other.name == entry.name; });
    if (!kept) changes.add(below(directory, entry.name), ChangeKind::deleted);
  }
  return {};
}

}  // namespace

Result<std::vector<Change>> overlay_changes(HostFs& upper, const MergedTree& lower) {
  struct Directory {
    std::string path;
    bool has_lower;  // a directory that shows through
  };
  ChangeList changes;
  std::vector<Directory> pending{{"", true}};
  while (!pending.empty()) {
    const Directory directory = std::move(pending.back());
    pending.pop_back();
    const std::vector<DirectoryEntry> entries = TRY(upper.list(directory.path));
    if (directory.has_lower && is_opaque(TRY(upper.xattrs(directory.path)))) {
      TRY(add_hidden(entries, lower, directory.path, changes));
    }
    for (const DirectoryEntry& entry : entries) {
      const std::string path = below(directory.path, entry.name);
      std::optional<FileInfo> there;
      if (directory.has_lower) there = TRY(look(lower, path));
      if (is_overlay_whiteout(entry.info)) {
        if (there) changes.add(path, ChangeKind::deleted);
        continue;
      }
      const bool is_directory = entry.info.type == FileType::directory;
      const bool merges = is_directory && there && there->type == FileType::directory;
      if (!there) {
        changes.add(path, ChangeKind::added);
      } else if (!merges || directories_differ(entry.info, *there)) {
        changes.add(path, ChangeKind::modified);
      }
      if (is_directory) pending.push_back({path, merges});
    }
  }
  return std::move(changes).sorted();
}

Result<std::vector<Change>> tree_changes(const MergedTree& upper, const MergedTree& lower) {
  struct Directory {
    std::string path;
    bool has_lower;
  };
  ChangeList changes;
  std::vector<Directory> pending{{"", true}};
  while (!pending.empty()) {
    const Directory directory = std::move(pending.back());
    pending.pop_back();
    const std::vector<DirectoryEntry> entries = TRY(upper.list(directory.path));
    std::vector<DirectoryEntry> old;
    if (directory.has_lower) old = TRY(lower.list(directory.path));
    auto other = old.begin();
    for (const DirectoryEntry& entry : entries) {
      // Both lists are sorted.
      for (; other != old.end() && other->name < entry.name; ++other) {
        changes.add(below(directory.path, other->name), ChangeKind::deleted);
      }
      const bool there = other != old.end() && other->name == entry.name;
      const std::string path = below(directory.path, entry.name);
      const bool is_directory = entry.info.type == FileType::directory;
      const bool merges = is_directory && there && other->info.type == FileType::directory;
      if (!there) {
        changes.add(path, ChangeKind::added);
      } else if (merges ? directories_differ(entry.info, other->info) : differ(entry.info, other->info)) {
        changes.add(path, ChangeKind::modified);
      }
      if (is_directory) pending.push_back({path, merges});
      if (there) ++other;
    }
    for (; other != old.end(); ++other) changes.add(below(directory.path, other->name), ChangeKind::deleted);
  }
  return std::move(changes).sorted();
}

}  // namespace drydock::storage
