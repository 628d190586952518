#include "engine/stop.h"

#include "base/text.h"
#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/signals.h"

namespace drydock::engine {

namespace {

constexpr std::int64_t kStopSecondsDefault = 10;
constexpr std::int64_t kKillPatience = 10 * kNanosPerSecond;
constexpr std::int64_t kSecondsMax = 1'000'000'000;

Failure<Error> not_running(const Container& container) {
  return fail(ErrorKind::conflict, "Container ", container.id, " is not running");
}

class ShutdownJob final : public Job {
 public:
  explicit ShutdownJob(StopProcess process) : process_(std::move(process)) {}
  State step(Daemon& daemon) override {
    return process_.step(daemon) == StopProcess::State::waiting ? State::waiting : State::done;
  }
  std::int64_t deadline_ns() const override { return process_.deadline_ns(); }
  std::string_view name() const override { return "stop"; }

 private:
  StopProcess process_;
};

}  // namespace

int stop_signal(const Container& container) {
  if (container.config.stop_signal.empty()) return kSignalTerm;
  auto signal = parse_signal(container.config.stop_signal);
  return signal.ok() ? *signal : kSignalTerm;
}

Result<void> kill_container(Daemon& daemon, Container& container, int signal) {
  if (signal < 1 || signal > kSignalMax)
    return fail(ErrorKind::internal, "The linux daemon does not support signal ",
                signal < 0 ? static_cast<std::uint64_t>(static_cast<std::int64_t>(signal))
                           : static_cast<std::uint64_t>(signal));
  if (container.is_restarting() && give_up_restart(daemon, container)) return {};
  if (!container.is_running()) return not_running(container);
  if (signal == kSignalKill || signal == stop_signal(container)) {
    container.live.has_been_stopped = true;
    container.manually_stopped = true;
  }
  auto sent = daemon.host.runtime.kill({container.id, ""}, signal);
  // It ended just now: the event is on its way.
  if (!sent.ok() && sent.error().kind != ErrorKind::not_found) return sent.error();
  emit_container_event(daemon, container, "kill", {{"signal", concat(signal)}});
  return {};
}

bool give_up_restart(Daemon& daemon, Container& container) {
  if (!container.is_restarting()) return false;
  container.state.status = *next_status(Status::restarting, Trigger::give_up);
  container.live.has_been_stopped = true;
  container.manually_stopped = true;
  static_cast<void>(daemon.containers->save(container));
  return true;
}

StopProcess::StopProcess(const Container& container, std::optional<std::int64_t> seconds, int signal)
    : id_(container.id), exits_(container.live.exits), signal_(signal) {
  std::int64_t patience = seconds.value_or(container.config.stop_timeout.value_or(kStopSecondsDefault));
  if (patience > kSecondsMax) patience = kSecondsMax;
  grace_ns_ = patience < 0 ? -1 : patience * kNanosPerSecond;
}

StopProcess::State StopProcess::step(Daemon& daemon) {
  Container* container = daemon.containers->by_id(id_);
  if (container == nullptr || container->live.exits != exits_ || !container->is_running()) {
    if (container != nullptr) give_up_restart(daemon, *container);
    return State::stopped;
  }
  const std::int64_t now = daemon.host.clock.monotonic_ns();
  const auto send = [&](int signal, Stage next, std::int64_t patience) {
    container->live.has_been_stopped = true;
    container->manually_stopped = true;
    auto sent = kill_container(daemon, *container, signal);
    if (!sent.ok()) {
      error_ = with_context(concat("Cannot kill container ", container->id), sent.error());
      return State::failed;
    }
    stage_ = next;
    deadline_ns_ = patience < 0 ? kNoDeadline : now + patience;
    return State::waiting;
  };
  if (stage_ == Stage::signal) {
    // SIGTERM waits in a frozen process until it is thawed; Docker kills it at the end of the grace period, too.
    return send(signal_, Stage::grace, grace_ns_);
  }
  if (now < deadline_ns_) return State::waiting;
  if (stage_ == Stage::grace) return send(kSignalKill, Stage::killed, kKillPatience);
  error_ = make_error(ErrorKind::internal, "cannot stop container: ", id_,
                      ": tried to kill container, but did not receive an exit event");
  return State::failed;
}

void begin_shutdown_stop(Daemon& daemon, Container& container) {
  const auto seconds = static_cast<std::int64_t>(daemon.settings.shutdown_timeout_seconds);
  const bool manually = container.manually_stopped;
  daemon.add_job(std::make_unique<ShutdownJob>(StopProcess(container, seconds, stop_signal(container))));
  container.manually_stopped = manually;
}

Result<void> pause_container(Daemon& daemon, Container& container) {
  if (container.is_restarting())
    return fail(ErrorKind::conflict, "Container ", container.id, " is restarting, wait until the container is running");
  if (container.state.status == Status::paused)
    return fail(ErrorKind::conflict, "Container ", container.id, " is already paused");
  if (!container.is_running()) return not_running(container);
  auto paused = daemon.host.runtime.pause(container.id);
  if (!paused.ok()) return with_context(concat("Cannot pause container ", container.id), paused.error());
  container.state.status = *next_status(container.state.status, Trigger::pause);
  TRY(daemon.containers->save(container));
  emit_container_event(daemon, container, "pause");
  return {};
}

Result<void> unpause_container(Daemon& daemon, Container& container) {
  if (container.state.status != Status::paused)
    return fail(ErrorKind::internal, "Container ", container.id, " is not paused");
  auto resumed = daemon.host.runtime.resume(container.id);
  if (!resumed.ok()) return with_context(concat("Cannot unpause container ", container.id), resumed.error());
  container.state.status = *next_status(container.state.status, Trigger::resume);
  TRY(daemon.containers->save(container));
  emit_container_event(daemon, container, "unpause");
  return {};
}

}  // namespace drydock::engine
