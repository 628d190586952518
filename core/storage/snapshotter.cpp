#include "storage/snapshotter.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "storage/tree_copy.h"

namespace drydock::storage {

namespace {

constexpr std::string_view kSnapshots = "snapshots";
constexpr std::string_view kTemporaryPrefix = "new-";
constexpr std::string_view kEmptyInit = "init";  // for roots without layers
constexpr std::uint64_t kSnapshotJsonMax = 64 * 1024;
constexpr std::size_t kSnapshotIdMax = 128;

std::string directory_of(std::string_view id) {
  return concat(kSnapshots, "/", id);
}

std::string holder_of(std::string_view id) {
  return concat("container:", id);
}

bool is_valid_id(std::string_view id) {
  const bool characters = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  });
  return characters && !id.empty() && id.size() <= kSnapshotIdMax && id.front() != '.' &&
         !id.starts_with(kTemporaryPrefix);
}

std::string to_snapshot_json(const Snapshot& snapshot) {
  Json json = Json::object();
  json["id"] = snapshot.id;
  if (snapshot.chain) json["chain"] = snapshot.chain->str();
  json["kind"] = snapshot.kind == SnapshotKind::overlay ? "overlay" : "copy";
  return to_json_text(json);
}

Result<Snapshot> parse_snapshot_json(std::string_view text) {
  const Json json = TRY(parse_json(text));
  if (!json.is_object()) return fail(ErrorKind::invalid_argument, "snapshot.json is no object");
  Snapshot snapshot;
  snapshot.id = TRY(get_string(json, "id"));
  const std::string chain = TRY(get_string(json, "chain"));
  if (!chain.empty()) snapshot.chain = TRY(archive::Digest::parse(chain));
  const std::string kind = TRY(get_string(json, "kind"));
  if (kind != "overlay" && kind != "copy") return fail(ErrorKind::corrupt, "unknown kind ", go_quoted(kind));
  snapshot.kind = kind == "overlay" ? SnapshotKind::overlay : SnapshotKind::copy;
  return snapshot;
}

Result<Metadata> root_owned(const HostFs& fs, const IdMaps& ids, std::uint32_t mode) {
  Metadata metadata;
  metadata.mode = mode;
  if (!fs.features().chown) return metadata;
  metadata.uid = ids.uids.to_host(0);
  metadata.gid = ids.gids.to_host(0);
  if (!metadata.uid || !metadata.gid) {
    return fail(ErrorKind::invalid_argument, "Container ID 0 cannot be mapped to a host ID");
  }
  return metadata;
}

Result<void> make_owned_directory(HostFs& fs, const std::string& path, const Metadata& metadata) {
  NodeSpec spec;
  spec.mode = metadata.mode.value_or(0755);
  TRY(fs.make_node(path, spec));
  TRY(fs.set_metadata(path, metadata));
  return {};
}

}  // namespace

Result<OverlayData> overlay_data(const RootMounts& mounts) {
  const auto data_with = [&](const std::string& base) {
    std::vector<std::string> lower;
    for (const std::string& directory : mounts.lower) lower.push_back(base + directory);
    std::string data =
        concat("lowerdir=", join(lower, ":"), ",upperdir=", base, mounts.upper, ",workdir=", base, mounts.work);
    for (const std::string& option : mounts.options) data += "," + option;
    return data;
  };
  // A ':' or ',' in the data root's own path would be taken apart by the kernel.
  const bool plain = mounts.base.find_first_of(":,\\") == std::string::npos;
  OverlayData absolute{data_with(mounts.base == "/" ? "/" : mounts.base + "/"), false};
  if (plain && absolute.data.size() <= kMountDataMax) return absolute;
  OverlayData relative{data_with(""), true};
  if (relative.data.size() <= kMountDataMax) return relative;
  return fail(ErrorKind::invalid_argument,
              "cannot mount layers, mount data for mount is too large: ", relative.data.size());
}

Result<std::unique_ptr<Snapshotter>> Snapshotter::open(LayerStore& layers, SnapshotterOptions options) {
  HostFs& fs = layers.fs();
  TRY(make_directories(fs, kSnapshots, 0711));
  const SnapshotKind probed = options.kind            ? *options.kind
                              : fs.features().overlay ? SnapshotKind::overlay
                                                      : SnapshotKind::copy;
  auto snapshotter = std::unique_ptr<Snapshotter>(new Snapshotter(layers, probed));
  TRY(snapshotter->load());
  return snapshotter;
}

Result<void> Snapshotter::load() {
  HostFs& fs = layers_.fs();
  const std::vector<DirectoryEntry> entries = TRY(fs.list(kSnapshots));
  for (const DirectoryEntry& entry : entries) {
    const std::string directory = directory_of(entry.name);
    if (entry.name.starts_with(kTemporaryPrefix)) {
      TRY(fs.remove_tree(directory));
      continue;
    }
    auto text = read_file(fs, directory + "/snapshot.json", kSnapshotJsonMax);
    auto snapshot = text.ok() ? parse_snapshot_json(*text) : Result<Snapshot>(Error(text.error()));
    if (snapshot.ok() && snapshot->id != entry.name) {
      snapshot = make_error(ErrorKind::corrupt, "is another container's");
    }
    if (!snapshot.ok()) {
      damage_.push_back(concat("snapshot ", entry.name, ": ", snapshot.error().message));
      continue;
    }
    if (snapshot->chain) {
      auto held = layers_.hold(*snapshot->chain, holder_of(entry.name));
      // Known all the same, so that it can be removed.
      if (!held.ok()) damage_.push_back(concat("snapshot ", entry.name, ": ", held.error().message));
    }
    snapshots_.emplace(entry.name, std::move(snapshot).value());
  }
  return {};
}

Result<void> Snapshotter::prepare(std::string_view id, std::optional<ChainId> chain) {
  if (!is_valid_id(id)) return fail(ErrorKind::invalid_argument, "invalid snapshot id ", go_quoted(id));
  if (chain && chain->empty()) chain.reset();
  if (find(id) != nullptr) return fail(ErrorKind::conflict, "snapshot ", id, " already exists");
  HostFs& fs = layers_.fs();
  const std::string temporary = concat(kSnapshots, "/", kTemporaryPrefix, id);
  // Damaged ones lie under their name still.
  TRY(fs.remove_tree(temporary));
  TRY(fs.remove_tree(directory_of(id)));
  const std::vector<std::string> lower = TRY(lower_directories(chain));
  Snapshot snapshot{std::string(id), std::move(chain), kind_};
  NodeSpec directory;
  directory.mode = 0710;
  TRY(fs.make_node(temporary, directory));
  TRY(fs.set_metadata(temporary, TRY(root_owned(fs, layers_.ids(), 0710))));
  auto filled = kind_ == SnapshotKind::overlay ? fill_overlay(temporary, lower) : fill_copy(temporary, lower);
  if (!filled.ok()) {
    static_cast<void>(fs.remove_tree(temporary).ok());
    return filled;
  }
  TRY(fs.write_atomic(temporary + "/snapshot.json", to_snapshot_json(snapshot), 0600));
  TRY(fs.rename(temporary, directory_of(id)));
  if (snapshot.chain) TRY(layers_.hold(*snapshot.chain, holder_of(id)));
  snapshots_.emplace(std::string(id), std::move(snapshot));
  return {};
}

Result<void> Snapshotter::fill_overlay(const std::string& directory, const std::vector<std::string>&) {
  HostFs& fs = layers_.fs();
  const Metadata metadata = TRY(root_owned(fs, layers_.ids(), 0755));
  TRY(make_owned_directory(fs, directory + "/upper", metadata));
  TRY(make_owned_directory(fs, directory + "/work", TRY(root_owned(fs, layers_.ids(), 0700))));
  // Where the overlay is mounted, in the container's own mount namespace: always empty as the host sees it.
  TRY(make_owned_directory(fs, directory + "/merged", TRY(root_owned(fs, layers_.ids(), 0755))));
  return {};
}

Result<void> Snapshotter::fill_copy(const std::string& directory, const std::vector<std::string>& lower) {
  HostFs& fs = layers_.fs();
  TRY(make_owned_directory(fs, directory + "/root", TRY(root_owned(fs, layers_.ids(), 0755))));
  const MergedTree tree = TRY(MergedTree::open(fs, lower));
  auto target = TRY(fs.subtree(directory + "/root"));
  return copy_tree(tree, *target);
}

/// Below the data root, the topmost first.
Result<std::vector<std::string>> Snapshotter::lower_directories(const std::optional<ChainId>& chain) {
  std::vector<std::string> lower{TRY(init_directory(chain))};
  if (!chain) return lower;
  const std::vector<const Layer*> layers = TRY(layers_.chain(*chain));
  for (const Layer* layer : layers) lower.push_back(layer->diff_directory());
  return lower;
}

Result<std::string> Snapshotter::init_directory(const std::optional<ChainId>& chain) {
  HostFs& fs = layers_.fs();
  std::string directory(kEmptyInit);
  std::vector<std::string> lower;
  std::string link;
  if (chain) {
    const std::vector<const Layer*> layers = TRY(layers_.chain(*chain));
    directory = layers.front()->directory() + "/init";
    link = concat("l/", layers.front()->link, "-i");
    for (const Layer* layer : layers) lower.push_back(layer->diff_directory());
  }
  if (fs.stat(directory).ok()) return directory;
  const std::string temporary = directory + ".new";
  TRY(fs.remove_tree(temporary));
  TRY(make_owned_directory(fs, temporary, TRY(root_owned(fs, layers_.ids(), 0755))));
  const MergedTree below = TRY(MergedTree::open(fs, lower));
  auto target = TRY(fs.subtree(temporary));
  TRY(make_init_layer(below, *target, TRY(root_owned(fs, layers_.ids(), 0755))));
  if (!link.empty()) {
    TRY(fs.remove_tree(link));
    NodeSpec spec;
    spec.type = FileType::symlink;
    spec.link_target = "../" + directory;
    TRY(fs.make_node(link, spec));
  }
  TRY(fs.rename(temporary, directory));
  return directory;
}

Result<const Snapshot*> Snapshotter::get(std::string_view id) const {
  const Snapshot* snapshot = find(id);
  if (snapshot == nullptr) return fail(ErrorKind::not_found, "snapshot ", id, " does not exist");
  return snapshot;
}

Result<RootMounts> Snapshotter::mounts(std::string_view id) {
  const Snapshot* snapshot = TRY(get(id));
  RootMounts mounts;
  mounts.kind = snapshot->kind;
  mounts.base = layers_.fs().host_path("");
  const std::string directory = directory_of(id);
  if (snapshot->kind == SnapshotKind::copy) {
    mounts.directory = directory + "/root";
    return mounts;
  }
  mounts.upper = directory + "/upper";
  mounts.work = directory + "/work";
  const std::string init = TRY(init_directory(snapshot->chain));
  if (snapshot->chain) {
    const std::vector<const Layer*> layers = TRY(layers_.chain(*snapshot->chain));
    mounts.lower.push_back(concat("l/", layers.front()->link, "-i"));
    for (const Layer* layer : layers) mounts.lower.push_back(concat("l/", layer->link));
  } else {
    mounts.lower.push_back(init);
  }
  // What the kernel may have as its defaults would make upper directories that nobody else understands.
  mounts.options = {"index=off", "redirect_dir=off", "metacopy=off"};
  if (!layers_.fs().features().trusted_xattrs) mounts.options = {"userxattr"};
  return mounts;
}

Result<void> Snapshotter::remove(std::string_view id) {
  if (!is_valid_id(id)) return {};
  HostFs& fs = layers_.fs();
  const std::string directory = directory_of(id);
  const std::string temporary = concat(kSnapshots, "/", kTemporaryPrefix, id);
  TRY(fs.remove_tree(temporary));
  // Renamed first: a daemon killed meanwhile leaves no half snapshot under its name.
  auto renamed = fs.rename(directory, temporary);
  if (!renamed.ok() && renamed.error().code != Errno::enoent) return Error(renamed.error());
  if (const auto at = snapshots_.find(id); at != snapshots_.end()) {
    const std::optional<ChainId> chain = at->second.chain;
    snapshots_.erase(at);
    if (chain) TRY(layers_.release(*chain, holder_of(id)));
  }
  TRY(fs.remove_tree(temporary));
  return {};
}

const Snapshot* Snapshotter::find(std::string_view id) const {
  const auto at = snapshots_.find(id);
  return at == snapshots_.end() ? nullptr : &at->second;
}

std::vector<std::string> Snapshotter::list() const {
  std::vector<std::string> ids;
  for (const auto& [id, snapshot] : snapshots_) ids.push_back(id);
  return ids;
}

Result<MergedTree> Snapshotter::lower_tree(const Snapshot& snapshot) {
  return MergedTree::open(layers_.fs(), TRY(lower_directories(snapshot.chain)));
}

Result<MergedTree> Snapshotter::tree(std::string_view id) {
  const Snapshot* snapshot = TRY(get(id));
  const std::string directory = directory_of(id);
  if (snapshot->kind == SnapshotKind::copy) return MergedTree::open(layers_.fs(), {directory + "/root"});
  std::vector<std::string> directories = TRY(lower_directories(snapshot->chain));
  directories.insert(directories.begin(), directory + "/upper");
  return MergedTree::open(layers_.fs(), directories);
}

Result<std::vector<Change>> Snapshotter::changes(std::string_view id) {
  const Snapshot* snapshot = TRY(get(id));
  const MergedTree lower = TRY(lower_tree(*snapshot));
  if (snapshot->kind == SnapshotKind::copy) {
    const MergedTree upper = TRY(tree(id));
    return tree_changes(upper, lower);
  }
  auto upper = TRY(layers_.fs().subtree(directory_of(id) + "/upper"));
  return overlay_changes(*upper, lower);
}

Result<std::uint64_t> Snapshotter::usage(std::string_view id) {
  const Snapshot* snapshot = TRY(get(id));
  if (snapshot->kind == SnapshotKind::overlay) {
    return TRY(tree_size(layers_.fs(), directory_of(id) + "/upper"));
  }
  const MergedTree whole = TRY(tree(id));
  const std::vector<Change> changed = TRY(changes(id));
  std::uint64_t size = 0;
  for (const Change& change : changed) {
    if (change.kind == ChangeKind::deleted) continue;
    auto info = whole.stat(change.path);
    if (info.ok() && info->type == FileType::regular) size += info->size;
  }
  return size;
}

Result<std::unique_ptr<ByteSource>> Snapshotter::open_diff_tar(std::string_view id) {
  const Snapshot* snapshot = TRY(get(id));
  std::vector<Change> changed = TRY(changes(id));
  const char* written = snapshot->kind == SnapshotKind::overlay ? "/upper" : "/root";
  MergedTree tree = TRY(MergedTree::open(layers_.fs(), {directory_of(id) + written}));
  return make_changes_tar(std::move(tree), std::move(changed), layers_.ids());
}

Result<std::unique_ptr<ByteSource>> Snapshotter::open_tree_tar(std::string_view id) {
  return make_tree_tar(TRY(tree(id)), layers_.ids());
}

}  // namespace drydock::storage
