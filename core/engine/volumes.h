#pragma once
// Named and anonymous volumes of the local driver.
//
//   volumes/<name>/_data        what is mounted
//   volumes/<name>/opts.json    labels, options, time of creation

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/container_config.h"
#include "storage/host_fs.h"

namespace drydock::engine {

struct Daemon;

struct Volume {
  std::string name;
  std::string mountpoint;  // the host's path of _data
  Timestamp created;
  std::optional<StringMap> labels;
  std::optional<StringMap> options;
  bool anonymous = false;

  std::string data_directory() const { return "volumes/" + name + "/_data"; }
};

class Volumes {
 public:
  explicit Volumes(storage::HostFs& data) : data_(data) {}

  /// Reads what is on disk; folders without opts.json are an older daemon's, or half made: they count as volumes.
  Result<void> load();

  /// Makes it, or returns the one of that name. Errors: invalid_argument in Docker's words for a bad name.
  Result<const Volume*> create(const std::string& name, std::optional<StringMap> labels,
                               std::optional<StringMap> options, bool anonymous, Timestamp now);
  const Volume* find(std::string_view name) const;
  std::vector<const Volume*> list() const;
  /// Errors: not_found. That nobody uses it is the caller's matter.
  Result<void> remove(const std::string& name);

 private:
  Result<void> save(const Volume& volume);

  storage::HostFs& data_;
  std::map<std::string, Volume, std::less<>> volumes_;
};

/// The ids of the containers that mount it.
std::vector<std::string> volume_users(Daemon& daemon, std::string_view volume);

/// Docker's rule for volume names: invalid_argument 'create x!: "x!" includes invalid characters ...'.
Result<void> check_volume_name(std::string_view name);

}  // namespace drydock::engine
