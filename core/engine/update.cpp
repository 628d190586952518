#include "engine/update.h"

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/create.h"
#include "engine/start.h"

namespace drydock::engine {

namespace {

template <class T>
void take(T& present, const T& wanted) {
  if (wanted != T{}) present = wanted;
}

Result<ResourceConfig> merge(const ResourceConfig& present, const ResourceConfig& wanted) {
  ResourceConfig merged = present;
  if (wanted.nano_cpus > 0 && (present.cpu_period > 0 || present.cpu_quota > 0))
    return fail(ErrorKind::conflict, "Conflicting options: Nano CPUs cannot be updated as CPU ",
                present.cpu_period > 0 ? "Period" : "Quota", " has already been set");
  if ((wanted.cpu_period > 0 || wanted.cpu_quota > 0) && present.nano_cpus > 0)
    return fail(ErrorKind::conflict, "Conflicting options: CPU ", wanted.cpu_period > 0 ? "Period" : "Quota",
                " cannot be updated as NanoCPUs has already been set");
  if (wanted.memory > 0 && present.memory_swap > 0 && wanted.memory_swap == 0 && wanted.memory > present.memory_swap)
    return fail(ErrorKind::conflict,
                "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same "
                "time");
  take(merged.cpu_shares, wanted.cpu_shares);
  take(merged.memory, wanted.memory);
  take(merged.nano_cpus, wanted.nano_cpus);
  take(merged.blkio_weight, wanted.blkio_weight);
  take(merged.cpu_period, wanted.cpu_period);
  take(merged.cpu_quota, wanted.cpu_quota);
  take(merged.cpuset_cpus, wanted.cpuset_cpus);
  take(merged.cpuset_mems, wanted.cpuset_mems);
  take(merged.memory_reservation, wanted.memory_reservation);
  take(merged.memory_swap, wanted.memory_swap);
  take(merged.kernel_memory, wanted.kernel_memory);
  if (wanted.pids_limit) merged.pids_limit = wanted.pids_limit;
  return merged;
}

}  // namespace

Result<void> update_container(Daemon& daemon, Container& container, UpdateConfig update) {
  Strings warnings;
  TRY(check_resources(daemon, update.resources, warnings));
  TRY(check_restart_policy(update.restart_policy));
  const auto frame = [&container](Error error) {
    return with_context(concat("Cannot update container ", container.id), std::move(error));
  };
  if (container.state.status == Status::removing || container.state.status == Status::dead)
    return frame(make_error(ErrorKind::conflict, "Container is marked for removal and cannot be \"update\"."));
  const bool new_policy = !update.restart_policy.name.empty();
  if (new_policy && !update.restart_policy.none() && container.host_config.auto_remove)
    return frame(make_error(ErrorKind::conflict,
                            "Restart policy cannot be updated because AutoRemove is enabled for the container"));
  auto merged = merge(container.host_config.resources, update.resources);
  if (!merged.ok()) return frame(merged.error());
  if (container.is_running()) {
    const auto resources = TRY(spec_resources(daemon, *merged));
    if (auto applied = daemon.host.runtime.update(container.id, runtime::docker_resources(resources)); !applied.ok())
      return frame(applied.error());
  }
  container.host_config.resources = std::move(*merged);
  if (new_policy) container.host_config.restart_policy = update.restart_policy;
  TRY(daemon.containers->save(container));
  emit_container_event(daemon, container, "update");
  return {};
}

}  // namespace drydock::engine
