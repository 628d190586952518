#include "storage/tar_apply.h"

#include <algorithm>

namespace drydock::storage {

using archive::TarEntry;
using archive::TarEvent;
using archive::TarType;

namespace {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kWhiteoutMetaPrefix = ".wh..wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
constexpr int kLinksMax = 40;

std::string in_diff(std::string_view path) {
  return path.empty() ? std::string("diff") : concat("diff/", path);
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string below(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : concat(directory, "/", name);
}

/// Without ".", ".." and double slashes; nothing when it climbs above its start. A leading '/' means the start.
std::optional<std::vector<std::string>> clean_parts(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (!parts.empty()) {
      parts.pop_back();
    } else if (!absolute) {
      return std::nullopt;
    }
  }
  return parts;
}

Result<std::uint32_t> host_id(const IdMap& map, std::uint32_t id, std::string_view kind) {
  const auto mapped = map.to_host(id);
  if (!mapped) return fail(ErrorKind::invalid_argument, "Container ID ", id, " cannot be mapped to a host ", kind);
  return *mapped;
}

FileType type_of(TarType type) {
  switch (type) {
    case TarType::symlink:
      return FileType::symlink;
    case TarType::character_device:
      return FileType::character_device;
    case TarType::block_device:
      return FileType::block_device;
    case TarType::fifo:
      return FileType::fifo;
    case TarType::directory:
      return FileType::directory;
    case TarType::regular:
    case TarType::hard_link:
      break;
  }
  return FileType::regular;
}

/// Erases `path` and all paths below it.
template <class Map>
void forget_below(Map& map, const std::string& path) {
  map.erase(path);
  const std::string prefix = path + "/";
  auto end = map.lower_bound(prefix);
  const auto begin = end;
  while (end != map.end() && end->first.starts_with(prefix)) ++end;
  map.erase(begin, end);
}

/// What the file system cannot keep is left out, as dockerd does.
bool may_be_left_out(Errno code) {
  return code == Errno::eopnotsupp || code == Errno::eperm;
}

}  // namespace

TarApply::TarApply(HostFs& tree, TarHeaderRecorder recorder, const IdMaps& ids, OpenLower lower)
    : tree_(&tree),
      recorder_(std::move(recorder)),
      ids_(ids),
      open_lower_(std::move(lower)),
      features_(tree.features()) {}

Result<void> TarApply::prepare() {
  Metadata metadata;
  metadata.mode = 0755;
  if (features_.chown) {
    metadata.uid = TRY(host_id(ids_.uids, 0, "ID"));
    metadata.gid = TRY(host_id(ids_.gids, 0, "ID"));
  }
  TRY(tree_->set_metadata("diff", metadata));
  return {};
}

Result<void> TarApply::feed(std::string_view bytes) {
  if (ended_) return recorder_.add_bytes(bytes);
  reader_.feed(bytes);
  return run(bytes);
}

Result<void> TarApply::finish() {
  if (!ended_) {
    reader_.finish_input();
    TRY(run({}));
  }
  if (!ended_) return fail(ErrorKind::corrupt, "unexpected EOF");
  TRY(restore_times());
  return recorder_.finish();
}

/// Goes through one slice: what is no file's content goes to the recorder.
Result<void> TarApply::run(std::string_view slice) {
  std::size_t recorded = 0;
  for (;;) {
    switch (TRY(reader_.next())) {
      case TarEvent::need_input:
        return recorder_.add_bytes(slice.substr(recorded));
      case TarEvent::end:
        ended_ = true;
        return recorder_.add_bytes(slice.substr(recorded));
      case TarEvent::entry:
        TRY(begin_entry(reader_.entry()));
        break;
      case TarEvent::entry_end:
        TRY(end_entry());
        break;
      case TarEvent::hole: {
        const std::uint64_t size = reader_.hole_size();
        if (size > kLayerHolesMax - holes_) return fail(ErrorKind::too_large, "holes of sparse files are too large");
        holes_ += size;
        position_ += size;
        if (writer_) TRY(writer_->skip(size));
        break;
      }
      case TarEvent::data: {
        const std::string_view data = reader_.data();
        if (!writer_) break;  // of an entry that is left out: its bytes stay with the headers
        const auto at = static_cast<std::size_t>(data.data() - slice.data());
        TRY(recorder_.add_bytes(slice.substr(recorded, at - recorded)));
        TRY(recorder_.add_content(sequence_, path_, position_, data.size()));
        TRY(writer_->write(data));
        recorded = at + data.size();
        position_ += data.size();
        break;
      }
    }
  }
}

Result<void> TarApply::begin_entry(const TarEntry& entry) {
  if (++sequence_ > kLayerEntriesMax) return fail(ErrorKind::too_large, "layer has too many entries");
  position_ = 0;
  path_ = TRY(beneath(entry.name, entry));
  if (path_.empty()) return {};  // the root keeps its attributes, as in dockerd
  const std::string parent(parent_of(path_));
  const std::string name(name_of(path_));
  // AUFS' own bookkeeping, which old layers still have.
  if (name.starts_with(kWhiteoutMetaPrefix) && name != kOpaqueMarker) return {};
  TRY(ensure_directory(parent));
  if (name == kOpaqueMarker) return make_opaque(parent);
  if (name.starts_with(kWhiteoutPrefix)) return apply_whiteout(parent, std::string_view(name).substr(4));
  switch (entry.type) {
    case TarType::regular:
      return make_file(entry);
    case TarType::directory:
      return make_directory(entry);
    case TarType::hard_link:
      return make_link(entry);
    default:
      return make_special(entry);
  }
}

Result<void> TarApply::end_entry() {
  if (!writer_) return {};
  Metadata metadata = TRY(metadata_of(reader_.entry()));
  Xattrs xattrs = std::exchange(metadata.xattrs, {});
  const auto mtime = std::exchange(metadata.mtime_ns, std::nullopt);
  TRY(writer_->set_metadata(metadata));
  for (auto& xattr : xattrs) {
    Metadata one;
    one.xattrs = {std::move(xattr)};
    auto set = writer_->set_metadata(one);
    if (!set.ok() && !may_be_left_out(set.error().code)) return Error(set.error());
  }
  Metadata time;
  time.mtime_ns = mtime;
  TRY(writer_->set_metadata(time));
  writer_.reset();
  content_size_ += position_;
  return {};
}

/// Whiteouts are about the layers below: what this layer has under the name itself stays, and hides what is below.
Result<void> TarApply::apply_whiteout(const std::string& parent, std::string_view name) {
  if (name.empty() || name == "." || name == "..") {
    return fail(ErrorKind::invalid_argument, "invalid whiteout ", go_quoted(below(parent, concat(".wh.", name))));
  }
  const std::string path = below(parent, name);
  NodeSpec spec;
  spec.type = FileType::character_device;
  spec.mode = 0;
  auto made = tree_->make_node(in_diff(path), spec);
  if (made.ok()) return {};
  if (made.error().code != Errno::eexist) return Error(made.error());
  if (TRY(tree_->stat(in_diff(path))).type == FileType::directory) return make_opaque(path);
  return {};
}

Result<void> TarApply::make_opaque(const std::string& directory) {
  const bool trusted = features_.trusted_xattrs;
  Metadata metadata;
  metadata.xattrs = {{trusted ? "trusted.overlay.opaque" : "user.overlay.opaque", "y"}};
  TRY(tree_->set_metadata(in_diff(directory), metadata));
  return {};
}

/// Creates by `create_it`; what has the name already goes out of the way first.
template <class Create>
Result<void> TarApply::create(Create create_it) {
  auto created = create_it();
  if (!created.ok() && created.error().code == Errno::eexist) {
    TRY(clear_way());
    created = create_it();
  }
  if (!created.ok()) return Error(created.error());
  return {};
}

Result<void> TarApply::clear_way() {
  const std::string to = recorder_.displace(sequence_, path_);
  TRY(make_directories(*tree_, "displaced", 0700));
  TRY(tree_->rename(in_diff(path_), to));
  // Symlinks and times of what moved away mean nothing any more.
  forget_below(links_, path_);
  forget_below(directory_times_, path_);
  last_parent_.clear();
  return {};
}

Result<void> TarApply::make_file(const TarEntry&) {
  return create([this]() -> Result<void, SysError> {
    auto writer = tree_->open_write(in_diff(path_), WriteMode::create_new, 0600);
    if (!writer.ok()) return writer.error();
    writer_ = std::move(writer).value();
    return {};
  });
}

Result<void> TarApply::make_directory(const TarEntry& entry) {
  const Metadata metadata = TRY(metadata_of(entry));
  NodeSpec spec;
  spec.mode = entry.mode & 07777;
  bool was_whiteout = false;
  auto made = tree_->make_node(in_diff(path_), spec);
  if (!made.ok() && made.error().code == Errno::eexist) {
    const FileInfo there = TRY(tree_->stat(in_diff(path_)));
    was_whiteout = is_overlay_whiteout(there);
    if (there.type != FileType::directory) {
      TRY(clear_way());
      made = tree_->make_node(in_diff(path_), spec);
    } else {
      made = {};  // merged
    }
  }
  if (!made.ok()) return Error(made.error());
  // Deleted and made anew by this layer: nothing of the one below shows.
  if (was_whiteout) TRY(make_opaque(path_));
  TRY(set_metadata(path_, metadata));
  directory_times_[path_] = entry.mtime_ns;
  return {};
}

Result<void> TarApply::make_special(const TarEntry& entry) {
  const bool device = entry.type == TarType::character_device || entry.type == TarType::block_device;
  if (device && !features_.device_nodes) return {};  // as dockerd in a user namespace
  NodeSpec spec;
  spec.type = type_of(entry.type);
  spec.mode = entry.mode & 07777;
  spec.device_major = entry.device_major;
  spec.device_minor = entry.device_minor;
  spec.link_target = entry.link_name;
  TRY(create([&]() { return tree_->make_node(in_diff(path_), spec); }));
  if (entry.type == TarType::symlink) links_[path_] = entry.link_name;
  Metadata metadata = TRY(metadata_of(entry));
  if (entry.type == TarType::symlink) metadata.mode.reset();
  return set_metadata(path_, metadata);
}

Result<void> TarApply::make_link(const TarEntry& entry) {
  const auto parts = clean_parts(entry.link_name);
  if (!parts || parts->empty()) {
    return fail(ErrorKind::invalid_argument, "invalid hardlink ", go_quoted(entry.name), " -> ",
                go_quoted(entry.link_name));
  }
  const std::string joined = join(*parts, "/");
  const std::string target = below(TRY(canonical(parent_of(joined))), name_of(joined));
  if (target == path_) return {};
  TRY(create([&]() { return tree_->make_hard_link(in_diff(target), in_diff(path_)); }));
  // A link to a symlink is one.
  if (const auto link = links_.find(target); link != links_.end()) links_[path_] = link->second;
  return {};
}

/// Where the entry goes, below diff/: links that this tar made are followed inside the layer, except the last.
Result<std::string> TarApply::beneath(std::string_view name, const TarEntry& entry) const {
  const auto parts = clean_parts(name);
  if (!parts) return fail(ErrorKind::invalid_argument, go_quoted(entry.name), " is outside of \"/\"");
  if (parts->size() > kTreeDepthMax) return fail(ErrorKind::too_large, "path of an entry has too many parts");
  if (parts->empty()) return std::string();
  const std::string joined = join(*parts, "/");
  if (links_.empty()) return joined;
  return below(TRY(canonical(parent_of(joined))), name_of(joined));
}

Result<std::string> TarApply::canonical(std::string_view path) const {
  std::vector<std::string> todo = split(path, '/');
  std::reverse(todo.begin(), todo.end());
  std::string at;
  int links = 0;
  while (!todo.empty()) {
    const std::string part = std::move(todo.back());
    todo.pop_back();
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      at = parent_of(at);
      continue;
    }
    const std::string next = below(at, part);
    const auto link = links_.find(next);
    if (link == links_.end()) {
      at = next;
      continue;
    }
    if (++links > kLinksMax) return Error(SysError{Errno::eloop, "openat2", std::string(path)});
    if (link->second.starts_with('/')) at.clear();
    const std::vector<std::string> target = split(link->second, '/');
    todo.insert(todo.end(), target.rbegin(), target.rend());
  }
  return at;
}

Result<void> TarApply::ensure_directory(const std::string& path) {
  if (path.empty() || path == last_parent_) return {};
  // Mostly it is there.
  if (auto info = tree_->stat(in_diff(path)); info.ok() && info->type == FileType::directory) {
    last_parent_ = path;
    return {};
  }
  for (std::size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const std::string prefix = path.substr(0, end);
    auto info = tree_->stat(in_diff(prefix));
    if (info.ok() && info->type == FileType::directory) continue;
    if (info.ok() && is_overlay_whiteout(*info)) {
      // A file in a directory that this layer deleted before: it is made anew.
      const std::string entry_path = std::exchange(path_, prefix);
      TRY(clear_way());
      path_ = entry_path;
      TRY(make_implied_directory(prefix));
      TRY(make_opaque(prefix));
      continue;
    }
    if (info.ok()) return Error(SysError{Errno::enotdir, "mkdir", prefix});
    if (info.error().code != Errno::enoent) return Error(info.error());
    TRY(make_implied_directory(prefix));
  }
  last_parent_ = path;
  return {};
}

/// A directory that the tar does not name: it must not change the one below, so it looks the same.
Result<void> TarApply::make_implied_directory(const std::string& path) {
  if (!lower_) lower_ = TRY(open_lower_());
  NodeSpec spec;
  Metadata metadata;
  metadata.mode = 0755;
  if (features_.chown) {
    metadata.uid = TRY(host_id(ids_.uids, 0, "ID"));
    metadata.gid = TRY(host_id(ids_.gids, 0, "ID"));
  }
  auto there = lower_->stat(path);
  const bool copies = there.ok() && there->type == FileType::directory;
  if (copies) {
    metadata.mode = there->mode;
    if (features_.chown) {
      metadata.uid = there->uid;
      metadata.gid = there->gid;
    }
    metadata.xattrs = TRY(lower_->xattrs(path));
  }
  spec.mode = *metadata.mode;
  TRY(tree_->make_node(in_diff(path), spec));
  if (copies) directory_times_[path] = there->mtime_ns;
  return set_metadata(path, metadata);
}

Result<Metadata> TarApply::metadata_of(const TarEntry& entry) const {
  Metadata metadata;
  metadata.mode = entry.mode & 07777;
  metadata.mtime_ns = entry.mtime_ns;
  if (features_.chown) {
    metadata.uid = TRY(host_id(ids_.uids, entry.uid, "ID"));
    metadata.gid = TRY(host_id(ids_.gids, entry.gid, "ID"));
  }
  for (const auto& xattr : entry.xattrs) {
    // These would let a layer hide or redirect what lies below it behind every check made here.
    if (!is_overlay_xattr(xattr.first)) metadata.xattrs.push_back(xattr);
  }
  return metadata;
}

Result<void> TarApply::set_metadata(const std::string& path, const Metadata& metadata) {
  Metadata plain = metadata;
  plain.xattrs.clear();
  TRY(tree_->set_metadata(in_diff(path), plain));
  for (const auto& xattr : metadata.xattrs) {
    Metadata one;
    one.xattrs = {xattr};
    auto set = tree_->set_metadata(in_diff(path), one);
    if (!set.ok() && !may_be_left_out(set.error().code)) return Error(set.error());
  }
  return {};
}

/// At the end, since every file made in a directory changes its time.
Result<void> TarApply::restore_times() {
  for (const auto& [path, mtime_ns] : directory_times_) {
    Metadata metadata;
    metadata.mtime_ns = mtime_ns;
    TRY(tree_->set_metadata(in_diff(path), metadata));
  }
  directory_times_.clear();
  return {};
}

}  // namespace drydock::storage
