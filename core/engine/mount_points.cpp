#include "engine/mount_points.h"

#include <set>

#include "base/text.h"
#include "engine/containers.h"
#include "engine/volumes.h"

namespace drydock::engine {

namespace {

Failure<Error> invalid_mount(std::string_view type, std::string_view why) {
  return fail(ErrorKind::invalid_argument, "invalid mount config for type \"", type, "\": ", why);
}

bool is_propagation(std::string_view word) {
  for (const std::string_view known : {"private", "rprivate", "slave", "rslave", "shared", "rshared"})
    if (word == known) return true;
  return false;
}

/// Each kind of option at most once.
bool read_mode(std::string_view mode, MountPoint& point) {
  int access = 0, label = 0, propagation = 0, copying = 0, consistency = 0;
  if (mode.empty()) return true;
  for (const std::string& word : split(mode, ',')) {
    if (word == "ro" || word == "rw") {
      ++access;
      point.read_write = word == "rw";
    } else if (word == "z" || word == "Z") {
      ++label;
    } else if (word == "nocopy") {
      ++copying;
      point.copy_up = false;
    } else if (word == "consistent" || word == "cached" || word == "delegated") {
      ++consistency;
    } else if (is_propagation(word)) {
      ++propagation;
      point.propagation = word;
    } else {
      return false;
    }
  }
  return access < 2 && label < 2 && propagation < 2 && copying < 2 && consistency < 2;
}

Result<std::string> check_destination(std::string_view path) {
  if (!path.starts_with('/'))
    return fail(ErrorKind::invalid_argument, "invalid mount path: '", path, "' mount path must be absolute");
  std::string clean = clean_absolute(path);
  if (clean == "/") return fail(ErrorKind::invalid_argument, "invalid specification: destination can't be '/'");
  return clean;
}

}  // namespace

std::string clean_absolute(std::string_view path) {
  std::vector<std::string> kept;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      kept.push_back(std::move(part));
    else if (!kept.empty())
      kept.pop_back();
  }
  return "/" + join(kept, "/");
}

Result<MountPoint> parse_bind(std::string_view spec) {
  const auto invalid = [spec] { return fail(ErrorKind::malformed, "invalid volume specification: '", spec, "'"); };
  const std::vector<std::string> parts = split(spec, ':');
  MountPoint point;
  if (parts.size() > 3) return invalid();
  for (std::size_t i = 0; i < parts.size() && i < 2; ++i)
    if (parts[i].empty()) return invalid();
  const std::string& source = parts[0];
  const bool alone = parts.size() == 1;
  if (parts.size() == 2) {
    MountPoint ignored;
    if (read_mode(parts[1], ignored)) return invalid();  // "/a:ro": a volume without a name takes no mode
  }
  if (parts.size() == 3) {
    point.mode = parts[2];
    if (!read_mode(parts[2], point)) return fail(ErrorKind::malformed, "invalid mode: ", parts[2]);
  }
  point.kind = !alone && source.starts_with('/') ? MountPoint::Kind::bind : MountPoint::Kind::volume;
  const std::string_view type = point.kind == MountPoint::Kind::bind ? "bind" : "volume";
  auto destination = check_destination(alone ? source : parts[1]);
  if (!destination.ok())
    return fail(ErrorKind::malformed, "invalid volume specification: '", spec, "': invalid mount config for type \"",
                type, "\": ", destination.error().message);
  point.destination = *destination;
  if (point.kind == MountPoint::Kind::bind) {
    point.source = clean_absolute(source);
    point.create_source = true;
    if (point.propagation.empty()) point.propagation = "rprivate";
  } else {
    point.anonymous = alone;
    if (!alone) point.volume = source;
    point.driver = "local";
    if (!alone && parts.size() < 3) point.mode = "z";
  }
  return point;
}

namespace {

Result<void> read_bind_mount(Daemon& daemon, const MountConfig& mount, MountPoint& point) {
  if (mount.source.empty()) return invalid_mount("bind", "field Source must not be empty");
  if (mount.volume_options) return invalid_mount("bind", "field VolumeOptions must not be specified");
  if (mount.tmpfs_options) return invalid_mount("bind", "field TmpfsOptions must not be specified");
  if (!mount.source.starts_with('/'))
    return invalid_mount("bind", concat("invalid mount path: '", mount.source, "' mount path must be absolute"));
  point.kind = MountPoint::Kind::bind;
  point.source = clean_absolute(mount.source);
  point.propagation = "rprivate";
  if (mount.bind_options) {
    const BindOptions& options = *mount.bind_options;
    if (!options.propagation.empty() && !is_propagation(options.propagation))
      return invalid_mount("bind", concat("invalid propagation mode: ", options.propagation));
    if (!options.propagation.empty()) point.propagation = options.propagation;
    point.non_recursive = options.non_recursive;
    point.recursive_read_only = options.read_only_force_recursive;
    point.create_source = options.create_mountpoint;
  }
  if (!point.create_source && !daemon.host.root.stat(point.source).ok())
    return invalid_mount("bind", concat("bind source path does not exist: ", point.source));
  return {};
}

Result<void> read_volume_mount(const MountConfig& mount, MountPoint& point) {
  if (mount.bind_options) return invalid_mount("volume", "field BindOptions must not be specified");
  if (mount.tmpfs_options) return invalid_mount("volume", "field TmpfsOptions must not be specified");
  point.kind = MountPoint::Kind::volume;
  point.driver = "local";
  point.volume = mount.source;
  point.anonymous = mount.source.empty();
  point.mode = "z";
  if (mount.volume_options) {
    point.copy_up = !mount.volume_options->no_copy;
    const auto& driver = mount.volume_options->driver_config;
    if (driver && !driver->name.empty()) point.driver = driver->name;
    if (!mount.volume_options->subpath.empty())
      return fail(ErrorKind::not_implemented, "VolumeOptions.Subpath is not implemented");
  }
  return {};
}

std::string tmpfs_text(const MountConfig& mount) {
  Strings options;
  if (mount.read_only) options.push_back("ro");
  if (mount.tmpfs_options && mount.tmpfs_options->mode != 0) {
    std::string octal;
    for (std::int64_t rest = mount.tmpfs_options->mode; rest > 0; rest /= 8)
      octal.insert(octal.begin(), static_cast<char>('0' + rest % 8));
    options.push_back("mode=" + octal);
  }
  if (mount.tmpfs_options && mount.tmpfs_options->size_bytes > 0)
    options.push_back(concat("size=", mount.tmpfs_options->size_bytes));
  return join(options, ",");
}

}  // namespace

Result<MountPoint> parse_mount_config(Daemon& daemon, const MountConfig& mount) {
  if (mount.type != "bind" && mount.type != "volume" && mount.type != "tmpfs")
    return invalid_mount(mount.type, "mount type unknown");
  if (mount.target.empty()) return invalid_mount(mount.type, "field Target must not be empty");
  MountPoint point;
  point.from_mounts = true;
  auto destination = check_destination(mount.target);
  if (!destination.ok()) return invalid_mount(mount.type, destination.error().message);
  point.destination = *destination;
  point.read_write = !mount.read_only;
  if (mount.type == "bind") TRY(read_bind_mount(daemon, mount, point));
  if (mount.type == "volume") TRY(read_volume_mount(mount, point));
  if (mount.type == "tmpfs") {
    if (!mount.source.empty()) return invalid_mount("tmpfs", "field Source must not be specified");
    if (mount.bind_options) return invalid_mount("tmpfs", "field BindOptions must not be specified");
    if (mount.volume_options) return invalid_mount("tmpfs", "field VolumeOptions must not be specified");
    point.kind = MountPoint::Kind::tmpfs;
    point.tmpfs_options = tmpfs_text(mount);
  }
  return point;
}

namespace {

class Planner {
 public:
  Planner(Daemon& daemon, Strings& made) : daemon_(daemon), made_(made) {}

  Result<void> volumes_from(const HostConfig& host) {
    for (const std::string& text : host.volumes_from.value_or(Strings{})) {
      const auto parts = split(text, ':');
      MountPoint access;
      if (parts.size() > 2 || parts[0].empty())
        return fail(ErrorKind::invalid_argument, "invalid volumes-from specification: ", text);
      if (parts.size() == 2 && !read_mode(parts[1], access))
        return fail(ErrorKind::invalid_argument, "invalid mode: ", parts[1]);
      auto donor = daemon_.containers->find(parts[0]);
      if (!donor.ok()) return fail(ErrorKind::invalid_argument, donor.error().message);
      for (MountPoint point : (*donor)->mounts) {
        if (point.kind == MountPoint::Kind::tmpfs) continue;
        point.read_write = point.read_write && access.read_write;
        point.anonymous = false;
        points_[point.destination] = std::move(point);
      }
    }
    return {};
  }
  Result<void> take(MountPoint point, const StringMap* labels, std::string_view driver) {
    if (!own_.insert(point.destination).second)
      return fail(ErrorKind::invalid_argument, "Duplicate mount point: ", point.destination);
    TRY(provide(point, labels, driver));
    points_[point.destination] = std::move(point);
    return {};
  }
  Result<void> image_volume(std::string_view path) {
    const std::string destination = clean_absolute(path);
    if (destination == "/" || points_.contains(destination)) return {};
    MountPoint point;
    point.kind = MountPoint::Kind::volume;
    point.destination = destination;
    point.driver = "local";
    point.anonymous = true;
    TRY(provide(point, nullptr, "local"));
    points_[destination] = std::move(point);
    return {};
  }
  std::vector<MountPoint> finish() {
    std::vector<MountPoint> all;
    for (auto& item : points_) all.push_back(std::move(item.second));
    return all;
  }

 private:
  Result<void> provide(MountPoint& point, const StringMap* labels, std::string_view driver) {
    if (point.kind != MountPoint::Kind::volume) return {};
    if (point.volume.empty()) point.volume = daemon_.host.random.hex_id(32);
    if (driver != "local" && !driver.empty())
      return fail(ErrorKind::not_found, "create ", point.volume, ": error looking up volume plugin ", driver,
                  ": plugin \"", driver, "\" not found");
    if (daemon_.volumes->find(point.volume) == nullptr) made_.push_back(point.volume);
    const Volume* volume =
        TRY(daemon_.volumes->create(point.volume, labels == nullptr ? std::nullopt : std::optional(*labels),
                                    std::nullopt, point.anonymous, daemon_.host.clock.now()));
    if (!made_.empty() && made_.back() == point.volume)
      emit_event(daemon_, "volume", "create", point.volume, {{"driver", "local"}});
    point.source = volume->mountpoint;
    return {};
  }

  Daemon& daemon_;
  Strings& made_;
  std::set<std::string> own_;
  std::map<std::string, MountPoint> points_;
};

}  // namespace

Result<std::vector<MountPoint>> plan_mount_points(Daemon& daemon, const ContainerConfig& config, const HostConfig& host,
                                                  Strings& made_volumes) {
  Planner planner(daemon, made_volumes);
  TRY(planner.volumes_from(host));
  for (const std::string& bind : host.binds.value_or(Strings{})) {
    MountPoint point = TRY(parse_bind(bind));
    const bool is_volume = point.kind == MountPoint::Kind::volume;
    TRY(planner.take(std::move(point), nullptr, is_volume ? std::string_view(host.volume_driver) : "local"));
  }
  for (const MountConfig& mount : host.mounts.value_or(std::vector<MountConfig>{})) {
    MountPoint point = TRY(parse_mount_config(daemon, mount));
    const StringMap* labels =
        mount.volume_options && mount.volume_options->labels ? &*mount.volume_options->labels : nullptr;
    const std::string driver = point.driver;
    TRY(planner.take(std::move(point), labels, driver));
  }
  for (const auto& tmpfs : host.tmpfs.value_or(StringMap{})) {
    MountPoint point;
    point.kind = MountPoint::Kind::tmpfs;
    point.destination = TRY(check_destination(tmpfs.first));
    point.tmpfs_options = tmpfs.second;
    TRY(planner.take(std::move(point), nullptr, ""));
  }
  if (config.volumes)
    for (const auto& volume : *config.volumes) TRY(planner.image_volume(volume.first));
  return planner.finish();
}

}  // namespace drydock::engine
