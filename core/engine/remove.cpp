#include "engine/remove.h"

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/exit.h"
#include "engine/images.h"
#include "engine/volumes.h"

namespace drydock::engine {

namespace {

void remove_anonymous_volumes(Daemon& daemon, const Container& container) {
  for (const MountPoint& point : container.mounts) {
    if (point.kind != MountPoint::Kind::volume || !point.anonymous) continue;
    const auto users = volume_users(daemon, point.volume);
    if (users.size() > 1 || (users.size() == 1 && users.front() != container.id)) continue;
    if (daemon.volumes->remove(point.volume).ok())
      emit_event(daemon, "volume", "destroy", point.volume, {{"driver", "local"}});
  }
}

}  // namespace

Result<void> remove_container(Daemon& daemon, Container& container, RemoveOptions options) {
  if (container.is_running() || container.is_restarting()) {
    if (container.state.status == Status::paused)
      return fail(ErrorKind::conflict, "You cannot remove a paused container ", container.id,
                  ". Unpause and then stop the container before attempting removal or force remove");
    return fail(ErrorKind::conflict, "You cannot remove a ", to_string(container.state.status), " container ",
                container.id, ". Stop the container before attempting removal or force remove");
  }
  const auto next = next_status(container.state.status, Trigger::begin_remove);
  if (!next) return fail(ErrorKind::conflict, "removal of container ", container.id, " is already in progress");
  settle_exit(daemon, container);
  container.state.status = *next;
  for (const auto& attachment : container.live.attachments) attachment->over = true;

  auto removed = daemon.images->snapshots().remove(container.id);
  if (removed.ok()) {
    auto files = daemon.host.data.remove_tree(container.directory());
    if (!files.ok()) removed = Error(files.error());
  }
  if (!removed.ok()) {
    container.state.status = *next_status(Status::removing, Trigger::fail_remove);
    container.state.error = removed.error().message;
    static_cast<void>(daemon.containers->save(container));
    return fail(ErrorKind::internal, "container ", container.id,
                ": driver \"overlay2\" failed to remove root filesystem: ", removed.error().message);
  }
  if (options.volumes) remove_anonymous_volumes(daemon, container);
  emit_container_event(daemon, container, "destroy");
  daemon.containers->erase(container.id);
  return {};
}

}  // namespace drydock::engine
