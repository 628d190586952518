#include "engine/container_state.h"

#include <doctest/doctest.h>

#include <map>
#include <utility>

namespace drydock::engine {

TEST_CASE("each trigger leads from each state where Docker's containers go, and nowhere else") {
  const std::map<std::pair<Status, Trigger>, Status> expected = {
      {{Status::created, Trigger::start}, Status::running},
      {{Status::created, Trigger::begin_remove}, Status::removing},
      {{Status::running, Trigger::exit}, Status::exited},
      {{Status::running, Trigger::exit_restart}, Status::restarting},
      {{Status::running, Trigger::pause}, Status::paused},
      {{Status::paused, Trigger::exit}, Status::exited},
      {{Status::paused, Trigger::exit_restart}, Status::restarting},
      {{Status::paused, Trigger::resume}, Status::running},
      {{Status::restarting, Trigger::start}, Status::running},
      {{Status::restarting, Trigger::give_up}, Status::exited},
      {{Status::exited, Trigger::start}, Status::running},
      {{Status::exited, Trigger::begin_remove}, Status::removing},
      {{Status::removing, Trigger::fail_remove}, Status::dead},
      {{Status::dead, Trigger::begin_remove}, Status::removing},
  };
  int pairs = 0;
  for (int s = 0; s < kStatusCount; ++s)
    for (int t = 0; t < kTriggerCount; ++t) {
      const auto from = static_cast<Status>(s);
      const auto trigger = static_cast<Trigger>(t);
      const auto found = expected.find({from, trigger});
      const auto next = next_status(from, trigger);
      CAPTURE(to_string(from));
      CAPTURE(t);
      CHECK(next.has_value() == (found != expected.end()));
      if (next && found != expected.end()) CHECK(*next == found->second);
      ++pairs;
    }
  CHECK(pairs == 56);
}

TEST_CASE("a state's name reads back as that state") {
  for (int s = 0; s < kStatusCount; ++s)
    CHECK(parse_status(to_string(static_cast<Status>(s))) == static_cast<Status>(s));
  CHECK_FALSE(parse_status("nosuch").has_value());
}

}  // namespace drydock::engine
