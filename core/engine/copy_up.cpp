// An empty volume gets what the image has at its place, once, when the container is created: as Docker does.

#include "base/text.h"
#include "engine/images.h"
#include "engine/mount_points.h"
#include "engine/volumes.h"
#include "storage/merged_tree.h"

namespace drydock::engine {

namespace {

constexpr int kDepthMax = 1024;
constexpr std::size_t kPieceBytes = 64 * 1024;

class TreeCopy {
 public:
  TreeCopy(const storage::MergedTree& from, storage::HostFs& to) : from_(from), to_(to) {}

  Result<void> directory(const std::string& source, const std::string& target, int depth) {
    if (depth > kDepthMax) return fail(ErrorKind::too_large, "copy ", source, ": too many nested directories");
    for (const auto& entry : TRY(from_.list(source)))
      TRY(one(source + "/" + entry.name, target + "/" + entry.name, entry.info, depth));
    return {};
  }
  Result<void> metadata(const std::string& source, const std::string& target, const storage::FileInfo& info) {
    storage::Metadata metadata;
    metadata.uid = info.uid;
    metadata.gid = info.gid;
    if (info.type != storage::FileType::symlink) metadata.mode = info.mode;
    metadata.mtime_ns = info.mtime_ns;
    metadata.xattrs = TRY(from_.xattrs(source));
    TRY(to_.set_metadata(target, metadata));
    return {};
  }

 private:
  Result<void> one(const std::string& source, const std::string& target, const storage::FileInfo& info, int depth) {
    if (info.type == storage::FileType::socket) return {};
    if (info.type == storage::FileType::regular) {
      TRY(file(source, target, info));
    } else {
      storage::NodeSpec node;
      node.type = info.type;
      node.mode = info.mode;
      node.device_major = info.device_major;
      node.device_minor = info.device_minor;
      node.link_target = info.link_target;
      TRY(to_.make_node(target, node));
    }
    if (info.type == storage::FileType::directory) TRY(directory(source, target, depth + 1));
    return metadata(source, target, info);
  }
  Result<void> file(const std::string& source, const std::string& target, const storage::FileInfo& info) {
    auto reader = TRY(from_.open_read(source));
    auto writer = TRY(to_.open_write(target, storage::WriteMode::create_new, info.mode & 0777));
    std::string piece(kPieceBytes, '\0');
    for (std::uint64_t at = 0;;) {
      const std::size_t count = TRY(reader->read_at(at, piece));
      if (count == 0) return {};
      TRY(writer->write(std::string_view(piece).substr(0, count)));
      at += count;
    }
  }

  const storage::MergedTree& from_;
  storage::HostFs& to_;
};

}  // namespace

Result<void> copy_up_volumes(Daemon& daemon, const Container& container) {
  std::optional<storage::MergedTree> tree;
  for (const MountPoint& point : container.mounts) {
    if (point.kind != MountPoint::Kind::volume || !point.copy_up) continue;
    const Volume* volume = daemon.volumes->find(point.volume);
    if (volume == nullptr) continue;
    const std::string data = volume->data_directory();
    if (!TRY(daemon.host.data.list(data)).empty()) continue;
    if (!tree) tree = TRY(daemon.images->snapshots().tree(container.id));
    auto info = tree->stat(point.destination, storage::FollowLast::yes);
    if (!info.ok() || info->type != storage::FileType::directory) continue;
    const std::string source = TRY(tree->resolve(point.destination));
    TreeCopy copy(*tree, daemon.host.data);
    TRY(copy.directory(source, data, 0));
    TRY(copy.metadata(source, data, *info));
  }
  return {};
}

}  // namespace drydock::engine
