#include "engine/rename.h"

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"

namespace drydock::engine {

Result<void> rename_container(Daemon& daemon, Container& container, std::string_view name) {
  const std::string bare(name.starts_with('/') ? name.substr(1) : name);
  if (bare.empty()) return fail(ErrorKind::invalid_argument, "Neither old nor new names may be empty");
  if (bare == container.name)
    return fail(ErrorKind::invalid_argument, "Renaming a container with the same name as its current name");
  if (auto checked = daemon.containers->check_name("/" + bare); !checked.ok())
    return with_context("Error when allocating new name", checked.error());
  const std::string old_name = container.name;
  daemon.containers->rename(container, bare);
  if (auto saved = daemon.containers->save(container); !saved.ok()) {
    daemon.containers->rename(container, old_name);
    return saved.error();
  }
  emit_container_event(daemon, container, "rename", {{"oldName", "/" + old_name}});
  return {};
}

}  // namespace drydock::engine
