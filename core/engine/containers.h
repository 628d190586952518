#pragma once
// The table of containers: by id, by name, by unambiguous prefix; and its files.
//
//   containers/<id>/config.json       everything that Container keeps, written at each change of state
//   containers/<id>/hostname, hosts, resolv.conf
//   containers/<id>/<id>-json.log     written by the runtime's monitor
//   containers/<id>/mounts/shm        of a shareable IPC namespace

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "engine/container.h"
#include "storage/host_fs.h"

namespace drydock::engine {

/// Told when a container is gone for good: waiters need its last exit code.
struct RemovedContainer {
  int exit_code = 0;
};

class Containers {
 public:
  /// The ports outlive the table.
  Containers(storage::HostFs& data, Random& random) : data_(data), random_(random) {}

  /// Reads every container's file. Folders without a readable one were half made, or are damaged: they are removed,
  /// and named in the answer.
  Result<std::vector<std::string>> load();

  /// By full name, full id or unambiguous prefix of an id. Errors: not_found "No such container: x",
  /// conflict "Multiple IDs found with provided prefix: x".
  Result<Container*> find(std::string_view name_or_id);
  /// By full id; null if there is none.
  Container* by_id(std::string_view id);
  const Container* by_name(std::string_view name) const;
  /// Newest first, as `docker ps` lists them.
  std::vector<Container*> list();
  std::size_t size() const { return by_id_.size(); }

  /// "Conflict. The container name "/x" is already in use ...", "Invalid container name (x) ...".
  Result<void> check_name(std::string_view name) const;
  /// An unused adjective_surname.
  std::string generate_name();

  /// Takes it into the table; its name is free. Not saved yet.
  Container& add(std::unique_ptr<Container> container);
  Result<void> save(const Container& container);
  void rename(Container& container, std::string_view name);
  /// Out of the table; its files are the caller's matter. Ids and exit codes of the last ones are remembered.
  void erase(const std::string& id);
  /// Of a container that was removed lately.
  const RemovedContainer* removed(const std::string& id) const;

  storage::HostFs& data() { return data_; }

 private:
  storage::HostFs& data_;
  Random& random_;
  std::map<std::string, std::unique_ptr<Container>, std::less<>> by_id_;
  std::map<std::string, std::string, std::less<>> by_name_;  // name → id
  std::map<std::string, RemovedContainer, std::less<>> removed_;
  std::vector<std::string> removed_order_;
};

}  // namespace drydock::engine
