#include "engine/container_state.h"

#include <array>

namespace drydock::engine {

namespace {

struct Row {
  Status from;
  Trigger trigger;
  Status to;
};

constexpr Row kRows[] = {
    {Status::created, Trigger::start, Status::running},
    {Status::created, Trigger::begin_remove, Status::removing},
    {Status::running, Trigger::exit, Status::exited},
    {Status::running, Trigger::exit_restart, Status::restarting},
    {Status::running, Trigger::pause, Status::paused},
    {Status::paused, Trigger::exit, Status::exited},
    {Status::paused, Trigger::exit_restart, Status::restarting},
    {Status::paused, Trigger::resume, Status::running},
    {Status::restarting, Trigger::start, Status::running},
    {Status::restarting, Trigger::give_up, Status::exited},
    {Status::exited, Trigger::start, Status::running},
    {Status::exited, Trigger::begin_remove, Status::removing},
    {Status::removing, Trigger::fail_remove, Status::dead},
    {Status::dead, Trigger::begin_remove, Status::removing},
};

constexpr std::array<std::string_view, kStatusCount> kNames = {"created",  "running", "paused", "restarting",
                                                               "removing", "exited",  "dead"};

}  // namespace

std::optional<Status> next_status(Status status, Trigger trigger) {
  for (const Row& row : kRows)
    if (row.from == status && row.trigger == trigger) return row.to;
  return std::nullopt;
}

std::string_view to_string(Status status) {
  return kNames[static_cast<std::size_t>(status)];
}

std::optional<Status> parse_status(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == text) return static_cast<Status>(i);
  return std::nullopt;
}

}  // namespace drydock::engine
