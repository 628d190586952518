#include "engine/exit.h"

#include <algorithm>
#include <type_traits>

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/networks.h"
#include "engine/remove.h"
#include "engine/start.h"

namespace drydock::engine {

namespace {

constexpr std::int64_t kRestartDelayMin = 100 * kNanosPerMilli;
constexpr std::int64_t kRestartDelayMax = 60 * kNanosPerSecond;
constexpr std::int64_t kRestartResetAfter = 10 * kNanosPerSecond;
constexpr std::int64_t kDrainTime = 10 * kNanosPerSecond;  // for clients that read slowly

bool streams_drained(const Container& container) {
  return std::all_of(container.live.attachments.begin(), container.live.attachments.end(), [](const auto& attachment) {
    return attachment->over || !attachment->stream || attachment->stream->ended();
  });
}

void finish_exit(Daemon& daemon, const std::string& id) {
  Container* container = daemon.containers->by_id(id);
  if (container == nullptr) return;
  settle_exit(daemon, *container);
  if (container->is_restarting()) return schedule_restart(daemon, *container);
  if (container->host_config.auto_remove)
    static_cast<void>(remove_container(daemon, *container, {.force = false, .volumes = true}));
}

/// Waits until the clients have read what the container wrote.
class DrainJob final : public Job {
 public:
  DrainJob(std::string id, std::uint64_t exits, std::int64_t deadline_ns)
      : id_(std::move(id)), exits_(exits), deadline_ns_(deadline_ns) {}
  State step(Daemon& daemon) override {
    Container* container = daemon.containers->by_id(id_);
    if (container == nullptr || container->live.exits != exits_ || !container->live.in_runtime) return State::done;
    if (!streams_drained(*container) && daemon.host.clock.monotonic_ns() < deadline_ns_) return State::waiting;
    finish_exit(daemon, id_);
    return State::done;
  }
  std::int64_t deadline_ns() const override { return deadline_ns_; }
  std::string_view name() const override { return "drain"; }

 private:
  std::string id_;
  std::uint64_t exits_;
  std::int64_t deadline_ns_;
};

class RestartJob final : public Job {
 public:
  RestartJob(std::string id, std::uint64_t exits, std::int64_t at_ns)
      : id_(std::move(id)), exits_(exits), at_ns_(at_ns) {}
  State step(Daemon& daemon) override {
    Container* container = daemon.containers->by_id(id_);
    if (container == nullptr || container->live.exits != exits_ || !container->is_restarting()) return State::done;
    if (daemon.host.clock.monotonic_ns() < at_ns_) return State::waiting;
    ++container->restart_count;
    static_cast<void>(start_container(daemon, *container));  // its error is kept with the container
    return State::done;
  }
  std::int64_t deadline_ns() const override { return at_ns_; }
  std::string_view name() const override { return "restart"; }

 private:
  std::string id_;
  std::uint64_t exits_;
  std::int64_t at_ns_;
};

void exec_exited(Daemon& daemon, Container& container, const runtime::ExitedEvent& event) {
  const auto found = container.live.execs.find(event.process.exec);
  if (found == container.live.execs.end() || !found->second.running) return;
  Exec& exec = found->second;
  exec.running = false;
  exec.exit_code = event.exit_code;
  exec.pid = 0;
  emit_container_event(daemon, container, "exec_die", {{"execID", exec.id}, {"exitCode", concat(event.exit_code)}});
}

void container_exited(Daemon& daemon, Container& container, const runtime::ExitedEvent& event) {
  if (!container.is_running()) return;
  ContainerState& state = container.state;
  state.exit_code = event.exit_code;
  state.oom_killed = state.oom_killed || event.oom_killed;
  state.pid = 0;
  state.finished_at = event.time.is_zero() ? daemon.host.clock.now() : event.time;
  const bool again = wants_restart(container);
  state.status = *next_status(state.status, again ? Trigger::exit_restart : Trigger::exit);
  ++container.live.exits;
  for (auto& item : container.live.execs) {
    if (!item.second.running) continue;
    item.second.running = false;
    item.second.exit_code = 137;  // the kernel kills what is left in the pid namespace
    item.second.pid = 0;
  }
  trace::TaskEvent task;
  task.kind = trace::TaskEvent::Kind::exited;
  task.container = container.id;
  task.exit_code = event.exit_code;
  daemon.trace.emit(task, container.id);
  emit_container_event(daemon, container, "die", {{"exitCode", concat(event.exit_code)}});

  if (streams_drained(container)) {
    const std::string id = container.id;
    // With --rm nobody will read the file again: what is there says that it ran, and recover() says how it ended.
    if (!container.host_config.auto_remove) static_cast<void>(daemon.containers->save(container));
    return finish_exit(daemon, id);
  }
  static_cast<void>(daemon.containers->save(container));
  daemon.add_job(
      std::make_unique<DrainJob>(container.id, container.live.exits, daemon.host.clock.monotonic_ns() + kDrainTime));
}

struct EventHandler {
  Daemon& daemon;

  void operator()(const runtime::ExitedEvent& event) const {
    Container* container = daemon.containers->by_id(event.process.container);
    if (container == nullptr) return;
    if (event.process.exec.empty())
      container_exited(daemon, *container, event);
    else
      exec_exited(daemon, *container, event);
  }
  void operator()(const runtime::OomEvent& event) const {
    Container* container = daemon.containers->by_id(event.container);
    if (container == nullptr) return;
    container->state.oom_killed = true;
    emit_container_event(daemon, *container, "oom");
  }
  void operator()(const runtime::LoggedEvent& event) const {
    if (Container* container = daemon.containers->by_id(event.container)) ++container->live.log_growth;
  }
  void operator()(const runtime::StepEvent& event) const {
    trace::RuntimeStepEvent step;
    step.container = event.container;
    step.index = event.index;
    step.step = event.step;
    step.detail = event.detail;
    step.error = event.error;
    daemon.trace.emit(std::move(step), event.container);
  }
};

}  // namespace

void handle_runtime_event(Daemon& daemon, runtime::RuntimeEvent event) {
  std::visit(EventHandler{daemon}, event);
}

void settle_exit(Daemon& daemon, Container& container) {
  if (container.is_running()) return;
  // Who attached since the end waits for the next run.
  std::erase_if(container.live.attachments,
                [](const auto& attachment) { return attachment->over || attachment->stream != nullptr; });
  if (container.live.in_runtime) static_cast<void>(daemon.host.runtime.remove(container.id));
  container.live.in_runtime = false;
  daemon.networks->disconnect_all(daemon, container);
}

bool wants_restart(const Container& container) {
  const RestartPolicy& policy = container.host_config.restart_policy;
  if (container.live.has_been_stopped) return false;
  if (policy.name == "always" || policy.name == "unless-stopped") return true;
  if (policy.name != "on-failure" || container.state.exit_code == 0) return false;
  return policy.maximum_retry_count == 0 || container.restart_count < policy.maximum_retry_count;
}

void schedule_restart(Daemon& daemon, Container& container) {
  const std::int64_t now = daemon.host.clock.monotonic_ns();
  std::int64_t& delay = container.live.restart_delay_ns;
  if (delay == 0 || now - container.live.started_monotonic_ns >= kRestartResetAfter)
    delay = kRestartDelayMin;
  else
    delay = std::min(delay * 2, kRestartDelayMax);
  daemon.add_job(std::make_unique<RestartJob>(container.id, container.live.exits, now + delay));
}

}  // namespace drydock::engine
