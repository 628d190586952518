#include "engine/lifecycle.h"

#include <algorithm>

#include "base/text.h"
#include "engine/containers.h"
#include "engine/exit.h"
#include "engine/images.h"
#include "engine/networks.h"
#include "engine/remove.h"
#include "engine/start.h"
#include "engine/stop.h"
#include "engine/volumes.h"

namespace drydock::engine {

namespace {

constexpr int kLostExitCode = 255;  // as dockerd's, for a container whose end nobody saw
constexpr std::uint64_t kIdFileMax = 256;

Result<std::string> load_id(Daemon& daemon) {
  auto text = storage::read_file(daemon.host.data, "engine-id", kIdFileMax);
  if (text.ok() && !trim(*text).empty()) return std::string(trim(*text));
  std::string id = daemon.host.random.hex_id(16);
  TRY(daemon.host.data.write_atomic("engine-id", id + "\n", 0600));
  return id;
}

storage::IdMap to_id_map(const std::vector<runtime::IdMapping>& mappings) {
  std::vector<storage::IdRange> ranges;
  for (const auto& mapping : mappings) ranges.push_back({mapping.container_id, mapping.host_id, mapping.size});
  return storage::IdMap(std::move(ranges));
}

Result<void> open_tables(Daemon& daemon) {
  const storage::IdMaps ids = {to_id_map(daemon.settings.uid_mappings), to_id_map(daemon.settings.gid_mappings)};
  daemon.images = TRY(Images::open(daemon.host.data, daemon.host.random, ids));
  daemon.volumes = std::make_unique<Volumes>(daemon.host.data);
  TRY(daemon.volumes->load());
  daemon.containers = std::make_unique<Containers>(daemon.host.data, daemon.host.random);
  for (const std::string& damage : TRY(daemon.containers->load()))
    emit_event(daemon, "daemon", "damage", daemon.id, {{"what", damage}});
  for (const std::string& damage : daemon.images->damage())
    emit_event(daemon, "daemon", "damage", daemon.id, {{"what", damage}});
  // A root that was prepared for a container which never came to be.
  for (const std::string& id : daemon.images->snapshots().list())
    if (daemon.containers->by_id(id) == nullptr) TRY(daemon.images->snapshots().remove(id));
  return {};
}

void take_over(Daemon& daemon, Container& container, const runtime::Recovered& found) {
  container.live.in_runtime = true;
  container.state.pid = found.pid;
  container.state.oom_killed = container.state.oom_killed || found.oom_killed;
  container.live.started_monotonic_ns = daemon.host.clock.monotonic_ns();
  if (found.running) {
    container.state.status = found.paused ? Status::paused : Status::running;
    static_cast<void>(daemon.networks->adopt(daemon, container));
    static_cast<void>(daemon.containers->save(container));
    return;
  }
  if (found.exited && !found.created) {
    // Started, or on the way to it, when the daemon died: the runtime knows better than the file.
    container.state.status = Status::running;
    handle_runtime_event(daemon, *found.exited);
    return;
  }
  // Made, but not yet let go when the daemon died: nothing of it ran.
  container.state.pid = 0;
  settle_exit(daemon, container);
}

void mark_lost(Daemon& daemon, Container& container) {
  runtime::ExitedEvent event;
  event.process.container = container.id;
  event.exit_code = kLostExitCode;
  event.time = daemon.host.clock.now();
  handle_runtime_event(daemon, event);
}

/// Brings every container's state in line with what the runtime has.
void reconcile(Daemon& daemon) {
  std::vector<std::string> known;
  for (const runtime::Recovered& found : daemon.host.runtime.recover()) {
    Container* container = daemon.containers->by_id(found.container);
    if (container == nullptr) {
      static_cast<void>(daemon.host.runtime.remove(found.container));
      continue;
    }
    known.push_back(found.container);
    take_over(daemon, *container, found);
  }
  for (Container* container : daemon.containers->list()) {
    const bool found = std::find(known.begin(), known.end(), container->id) != known.end();
    if (!found && container->is_running()) mark_lost(daemon, *container);
  }
}

void finish_removals(Daemon& daemon) {
  for (Container* container : daemon.containers->list()) {
    if (container->state.status == Status::removing) container->state.status = Status::dead;
    const bool unwanted = container->host_config.auto_remove && !container->is_running();
    // Never started: its client may still be there to do it.
    if (container->state.status == Status::dead || (unwanted && container->state.status != Status::created))
      static_cast<void>(remove_container(daemon, *container, {.force = false, .volumes = true}));
  }
}

void apply_restart_policies(Daemon& daemon) {
  for (Container* container : daemon.containers->list()) {
    if (container->is_restarting()) {
      schedule_restart(daemon, *container);
      continue;
    }
    if (container->state.status != Status::exited) continue;
    const std::string& policy = container->host_config.restart_policy.name;
    const bool wanted = policy == "always" || (policy == "unless-stopped" && !container->manually_stopped) ||
                        (policy == "on-failure" && !container->manually_stopped && wants_restart(*container));
    if (wanted) static_cast<void>(start_container(daemon, *container));
  }
}

}  // namespace

Result<void> open_daemon(Daemon& daemon) {
  daemon.id = TRY(load_id(daemon));
  TRY(open_tables(daemon));
  daemon.networks = std::make_unique<Networks>();
  TRY(daemon.networks->open(daemon));
  reconcile(daemon);
  finish_removals(daemon);
  apply_restart_policies(daemon);
  return {};
}

void close_daemon(Daemon& daemon) {
  daemon.drop_jobs();  // clients that attached, follow logs or wait would keep it for ever
  if (daemon.settings.live_restore) return;
  for (Container* container : daemon.containers->list())
    if (container->is_running()) begin_shutdown_stop(daemon, *container);
}

}  // namespace drydock::engine
