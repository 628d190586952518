#include "storage/tree_copy.h"

#include <algorithm>
#include <array>
#include <map>

namespace drydock::storage {

namespace {

constexpr std::size_t kReadStep = 256 * 1024;

std::string below(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : concat(directory, "/", name);
}

Result<void> copy_content(const MergedTree& tree, const std::string& path, FileWriter& writer) {
  auto reader = TRY(tree.open_read(path));
  std::string buffer(static_cast<std::size_t>(std::min<std::uint64_t>(kReadStep, reader->size() + 1)), '\0');
  for (std::uint64_t offset = 0;;) {
    const std::size_t got = TRY(reader->read_at(offset, buffer));
    if (got == 0) return {};
    TRY(writer.write(std::string_view(buffer).substr(0, got)));
    offset += got;
  }
}

class TreeCopy {
 public:
  TreeCopy(const MergedTree& tree, HostFs& target) : tree_(tree), target_(target), chown_(target.features().chown) {}

  Result<void> run() {
    std::vector<std::string> pending{""};
    while (!pending.empty()) {
      const std::string directory = std::move(pending.back());
      pending.pop_back();
      const std::vector<DirectoryEntry> entries = TRY(tree_.list(directory));
      for (const DirectoryEntry& entry : entries) {
        const std::string path = below(directory, entry.name);
        TRY(copy(path, entry.info));
        if (entry.info.type == FileType::directory) pending.push_back(path);
      }
    }
    // Last, since every file made in a directory changes its time.
    for (const auto& [path, mtime_ns] : directory_times_) {
      Metadata metadata;
      metadata.mtime_ns = mtime_ns;
      TRY(target_.set_metadata(path, metadata));
    }
    return {};
  }

 private:
  Result<void> copy(const std::string& path, const FileInfo& info) {
    if (info.type == FileType::socket) return {};
    if (info.type != FileType::directory && info.links > 1) {
      const auto [first, is_new] = copied_.insert({{info.filesystem, info.inode}, path});
      if (!is_new) {
        TRY(target_.make_hard_link(first->second, path));
        return {};
      }
    }
    const Metadata metadata = TRY(metadata_of(path, info));
    if (info.type == FileType::regular) {
      auto writer = TRY(target_.open_write(path, WriteMode::create_new, 0600));
      TRY(copy_content(tree_, path, *writer));
      TRY(writer->set_metadata(metadata));
      return {};
    }
    NodeSpec spec;
    spec.type = info.type;
    spec.mode = info.mode;
    spec.device_major = info.device_major;
    spec.device_minor = info.device_minor;
    spec.link_target = info.link_target;
    TRY(target_.make_node(path, spec));
    TRY(target_.set_metadata(path, metadata));
    if (info.type == FileType::directory) directory_times_.emplace_back(path, info.mtime_ns);
    return {};
  }

  Result<Metadata> metadata_of(const std::string& path, const FileInfo& info) const {
    Metadata metadata;
    if (chown_) {
      metadata.uid = info.uid;
      metadata.gid = info.gid;
    }
    if (info.type != FileType::symlink) metadata.mode = info.mode;
    metadata.mtime_ns = info.mtime_ns;
    metadata.xattrs = TRY(tree_.xattrs(path));
    return metadata;
  }

  const MergedTree& tree_;
  HostFs& target_;
  bool chown_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> copied_;  // files with several names
  std::vector<std::pair<std::string, std::int64_t>> directory_times_;
};

struct InitEntry {
  std::string_view path;
  FileType type;
  std::string_view target;
};

// What dockerd's init layer has. /dev/console is a file: the terminal is mounted onto it.
constexpr std::array<InitEntry, 10> kInitEntries{{
    {"dev/pts", FileType::directory, ""},
    {"dev/shm", FileType::directory, ""},
    {"proc", FileType::directory, ""},
    {"sys", FileType::directory, ""},
    {".dockerenv", FileType::regular, ""},
    {"etc/resolv.conf", FileType::regular, ""},
    {"etc/hosts", FileType::regular, ""},
    {"etc/hostname", FileType::regular, ""},
    {"dev/console", FileType::regular, ""},
    {"etc/mtab", FileType::symlink, "/proc/mounts"},
}};

class InitLayer {
 public:
  InitLayer(const MergedTree& lower, HostFs& target, const Metadata& metadata)
      : lower_(lower), target_(target), metadata_(metadata) {}

  Result<void> add(const InitEntry& entry) {
    // Links on the way are followed, so that the files appear where the container will look for them.
    const std::size_t slash = entry.path.rfind('/');
    const std::string_view parent = slash == std::string_view::npos ? "" : entry.path.substr(0, slash);
    const std::string_view name = slash == std::string_view::npos ? entry.path : entry.path.substr(slash + 1);
    auto resolved = lower_.resolve(parent);
    if (!resolved.ok()) return {};  // an image with a file there, or links in a circle: its own business
    const std::string path = below(*resolved, name);
    if (lower_.stat(path).ok()) return {};
    if (auto there = lower_.stat(*resolved); there.ok() && there->type != FileType::directory) return {};
    TRY(lead_to(*resolved));
    if (entry.type == FileType::regular) {
      TRY(TRY(target_.open_write(path, WriteMode::create_new, 0755))->set_metadata(metadata_));
      return {};
    }
    if (entry.type == FileType::directory) return make(path, metadata_);
    NodeSpec spec;
    spec.type = FileType::symlink;
    spec.link_target = entry.target;
    TRY(target_.make_node(path, spec));
    return {};
  }

  Result<void> restore_times() {
    for (const auto& [path, mtime_ns] : times_) {
      Metadata metadata;
      metadata.mtime_ns = mtime_ns;
      TRY(target_.set_metadata(path, metadata));
    }
    return {};
  }

 private:
  Result<void> lead_to(const std::string& directory) {
    for (std::size_t end = 0; end < directory.size();) {
      end = std::min(directory.find('/', end + 1), directory.size());
      const std::string path = directory.substr(0, end);
      if (target_.stat(path).ok()) continue;
      auto there = lower_.stat(path);
      if (!there.ok()) {
        TRY(make(path, metadata_));
        continue;
      }
      Metadata same = metadata_;
      same.mode = there->mode;
      if (metadata_.uid) same.uid = there->uid;
      if (metadata_.gid) same.gid = there->gid;
      same.xattrs = TRY(lower_.xattrs(path));
      TRY(make(path, same));
      times_.emplace_back(path, there->mtime_ns);
    }
    return {};
  }

  Result<void> make(const std::string& path, const Metadata& metadata) {
    NodeSpec spec;
    spec.mode = metadata.mode.value_or(0755);
    auto made = target_.make_node(path, spec);
    if (!made.ok() && made.error().code == Errno::eexist) return {};
    if (!made.ok()) return Error(made.error());
    TRY(target_.set_metadata(path, metadata));
    return {};
  }

  const MergedTree& lower_;
  HostFs& target_;
  const Metadata& metadata_;
  std::vector<std::pair<std::string, std::int64_t>> times_;
};

}  // namespace

Result<void> copy_tree(const MergedTree& tree, HostFs& target) {
  return TreeCopy(tree, target).run();
}

Result<void> make_init_layer(const MergedTree& lower, HostFs& target, const Metadata& metadata) {
  InitLayer layer(lower, target, metadata);
  for (const InitEntry& entry : kInitEntries) TRY(layer.add(entry));
  return layer.restore_times();
}

}  // namespace drydock::storage
