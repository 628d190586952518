#include "engine/daemon.h"

#include <algorithm>

#include "engine/container_events.h"
#include "engine/containers.h"
#include "engine/exit.h"
#include "engine/images.h"
#include "engine/networks.h"
#include "engine/volumes.h"

namespace drydock::engine {

Daemon::Daemon(Host host_ports, Settings given)
    : host(std::move(host_ports)), settings(std::move(given)), trace(host.clock) {}

Daemon::~Daemon() = default;

void Daemon::add_job(std::unique_ptr<Job> job) {
  new_jobs_.push_back(std::move(job));
}

void Daemon::drop_jobs() {
  jobs_.clear();
  new_jobs_.clear();
}

Daemon::Progress Daemon::step() {
  for (auto& event : host.runtime.drain()) handle_runtime_event(*this, std::move(event));

  Progress progress;
  const std::uint64_t seq_before = trace.last_seq();
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    const Job::State state = jobs_[i]->step(*this);
    if (state == Job::State::done) jobs_[i].reset();
    // What a job frees at its end another may wait for.
    if (state != Job::State::waiting) progress.busy = true;
  }
  // Those that follow the trace had their turn before the others emitted.
  if (trace.last_seq() != seq_before) progress.busy = true;
  jobs_.erase(std::remove(jobs_.begin(), jobs_.end(), nullptr), jobs_.end());
  // A job may add jobs; those get their first turn in the next step.
  if (!new_jobs_.empty()) {
    progress.busy = true;
    for (auto& job : new_jobs_) jobs_.push_back(std::move(job));
    new_jobs_.clear();
  }
  for (const auto& job : jobs_) progress.deadline_ns = std::min(progress.deadline_ns, job->deadline_ns());
  return progress;
}

void emit_event(Daemon& daemon, std::string_view type, std::string_view action, std::string_view actor,
                trace::Attributes attributes) {
  trace::EngineEvent event;
  event.type = std::string(type);
  event.action = std::string(action);
  event.actor = std::string(actor);
  event.attributes = std::move(attributes);
  daemon.trace.emit(std::move(event));
}

void emit_container_event(Daemon& daemon, const Container& container, std::string_view action, trace::Attributes more) {
  StringMap sorted;
  if (container.config.labels) sorted = *container.config.labels;
  sorted["image"] = container.config.image;
  sorted["name"] = container.name;
  for (auto& attribute : more) sorted[attribute.first] = std::move(attribute.second);
  emit_event(daemon, "container", action, container.id, {sorted.begin(), sorted.end()});
}

}  // namespace drydock::engine
