#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "archive/tar_writer.h"
#include "storage/layer_diff.h"

namespace drydock::storage {

using archive::TarEntry;
using archive::TarType;

namespace {

constexpr std::size_t kReadStep = 128 * 1024;
constexpr std::string_view kWhiteoutPrefix = ".wh.";

/// What to write next: paths in `tree`, or names that were deleted.
class PathWalk {
 public:
  virtual ~PathWalk() = default;
  virtual Result<std::optional<Change>> next() = 0;
};

class ChangeWalk final : public PathWalk {
 public:
  explicit ChangeWalk(std::vector<Change> changes) : changes_(std::move(changes)) {}
  Result<std::optional<Change>> next() override {
    if (at_ == changes_.size()) return std::optional<Change>();
    return std::optional<Change>(changes_[at_++]);
  }

 private:
  std::vector<Change> changes_;
  std::size_t at_ = 0;
};

/// Every path of a tree, directories before what is in them.
class TreeWalk final : public PathWalk {
 public:
  explicit TreeWalk(const MergedTree& tree) : tree_(tree) {}

  Result<std::optional<Change>> next() override {
    if (!started_) {
      started_ = true;
      TRY(push(""));
    }
    if (pending_.empty()) return std::optional<Change>();
    const Pending item = std::move(pending_.back());
    pending_.pop_back();
    if (item.is_directory) TRY(push(item.path));
    return std::optional<Change>(Change{"/" + item.path, ChangeKind::added});
  }

 private:
  struct Pending {
    std::string path;
    bool is_directory;
  };

  Result<void> push(const std::string& directory) {
    auto entries = tree_.list(directory);
    // A container that runs may remove it meanwhile.
    if (!entries.ok() && entries.error().code == Errno::enoent) return {};
    if (!entries.ok()) return Error(entries.error());
    for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) {
      pending_.push_back({directory.empty() ? entry->name : concat(directory, "/", entry->name),
                          entry->info.type == FileType::directory});
    }
    return {};
  }

  const MergedTree& tree_;
  std::vector<Pending> pending_;
  bool started_ = false;
};

TarType tar_type_of(FileType type) {
  switch (type) {
    case FileType::directory:
      return TarType::directory;
    case FileType::symlink:
      return TarType::symlink;
    case FileType::character_device:
      return TarType::character_device;
    case FileType::block_device:
      return TarType::block_device;
    case FileType::fifo:
      return TarType::fifo;
    case FileType::regular:
    case FileType::socket:
      break;
  }
  return TarType::regular;
}

class TreeTar final : public ByteSource {
 public:
  TreeTar(MergedTree tree, IdMaps ids) : tree_(std::move(tree)), ids_(std::move(ids)) {}

  void walk_changes(std::vector<Change> changes) { walk_ = std::make_unique<ChangeWalk>(std::move(changes)); }
  void walk_tree() { walk_ = std::make_unique<TreeWalk>(tree_); }

  bool ended() const override { return finished_ && at_ == buffer_.size(); }

  Result<std::size_t> read(std::span<char> out) override {
    std::size_t given = 0;
    while (given < out.size()) {
      if (at_ == buffer_.size()) {
        if (finished_) break;
        buffer_.clear();
        at_ = 0;
        TRY(produce());
        continue;
      }
      const std::size_t count = std::min(out.size() - given, buffer_.size() - at_);
      std::memcpy(out.data() + given, buffer_.data() + at_, count);
      at_ += count;
      given += count;
    }
    return given;
  }

 private:
  Result<void> produce() {
    if (file_) return produce_content();
    const std::optional<Change> change = TRY(walk_->next());
    if (!change) {
      finished_ = true;
      return writer_.finish(buffer_);
    }
    const std::string path = change->path.substr(1);
    return change->kind == ChangeKind::deleted ? add_whiteout(path) : add_path(path);
  }

  Result<void> produce_content() {
    std::string bytes(static_cast<std::size_t>(std::min<std::uint64_t>(kReadStep, writer_.left())), '\0');
    const std::size_t got = bytes.empty() ? 0 : TRY(file_->read_at(offset_, bytes));
    // A file that became shorter meanwhile is filled up with the zeros that are there already: the size is written.
    static_cast<void>(got);
    offset_ += bytes.size();
    TRY(writer_.write(bytes, buffer_));
    if (writer_.left() == 0) file_.reset();
    return {};
  }

  Result<void> add_whiteout(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    TarEntry entry;
    entry.name = slash == std::string::npos
                     ? concat(kWhiteoutPrefix, path)
                     : concat(path.substr(0, slash + 1), kWhiteoutPrefix, path.substr(slash + 1));
    return writer_.begin(entry, buffer_);
  }

  Result<void> add_path(const std::string& path) {
    auto found = tree_.stat(path);
    if (!found.ok() && found.error().code == Errno::enoent) return {};  // removed meanwhile
    const FileInfo info = TRY(std::move(found));
    if (info.type == FileType::socket) return {};  // tar has none; dockerd leaves them out too
    TarEntry entry = TRY(entry_of(path, info));
    if (info.type != FileType::directory && info.links > 1) {
      const auto [first, is_new] = names_.insert({{info.filesystem, info.inode}, path});
      if (!is_new) {
        entry.type = TarType::hard_link;
        entry.link_name = first->second;
        entry.size = 0;
        entry.xattrs.clear();
        return writer_.begin(entry, buffer_);
      }
    }
    if (info.type == FileType::regular && info.size > 0) {
      file_ = TRY(tree_.open_read(path));
      offset_ = 0;
    }
    return writer_.begin(entry, buffer_);
  }

  Result<TarEntry> entry_of(const std::string& path, const FileInfo& info) const {
    TarEntry entry;
    entry.name = path;
    entry.type = tar_type_of(info.type);
    entry.mode = info.type == FileType::symlink ? 0777 : info.mode;
    entry.uid = ids_.uids.to_container(info.uid).value_or(0);
    entry.gid = ids_.gids.to_container(info.gid).value_or(0);
    entry.size = info.type == FileType::regular ? info.size : 0;
    entry.mtime_ns = info.mtime_ns;
    entry.device_major = info.device_major;
    entry.device_minor = info.device_minor;
    entry.link_name = info.link_target;
    const Xattrs xattrs = TRY(tree_.xattrs(path));
    for (const auto& xattr : xattrs) {
      // The others (security.selinux, system.posix_acl_access, trusted.*) belong to the host.
      if (xattr.first == "security.capability" || xattr.first.starts_with("user.")) entry.xattrs.push_back(xattr);
    }
    return entry;
  }

  MergedTree tree_;
  IdMaps ids_;
  std::unique_ptr<PathWalk> walk_;
  archive::TarWriter writer_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> names_;  // of files with several
  std::unique_ptr<FileReader> file_;                                      // being written
  std::uint64_t offset_ = 0;
  std::string buffer_;
  std::size_t at_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> make_changes_tar(MergedTree tree, std::vector<Change> changes, IdMaps ids) {
  auto tar = std::make_unique<TreeTar>(std::move(tree), std::move(ids));
  tar->walk_changes(std::move(changes));
  return std::unique_ptr<ByteSource>(std::move(tar));
}

Result<std::unique_ptr<ByteSource>> make_tree_tar(MergedTree tree, IdMaps ids) {
  auto tar = std::make_unique<TreeTar>(std::move(tree), std::move(ids));
  tar->walk_tree();
  return std::unique_ptr<ByteSource>(std::move(tar));
}

}  // namespace drydock::storage
