#pragma once
// The log of events, bounded and append-only. Consumers poll by sequence number; nobody is called back.

#include <cstdint>
#include <deque>

#include "base/clock.h"
#include "trace/event.h"

namespace drydock::trace {

/// Older events are evicted beyond this; readers learn of it by first_held_seq().
inline constexpr std::size_t kTraceEventsMax = 16384;

class Trace {
 public:
  /// The clock outlives the trace.
  explicit Trace(const Clock& clock) : clock_(clock) {}

  /// Appends and returns the event's seq.
  std::uint64_t emit(Payload payload, std::string who = "", std::uint64_t span = 0, std::uint64_t cause = 0);

  std::uint64_t last_seq() const { return next_seq_ - 1; }
  /// The oldest seq that is still held (last_seq() + 1 when there is none); a reader that is behind it has missed some.
  std::uint64_t first_held_seq() const { return next_seq_ - events_.size(); }
  /// The event with that seq, or null when it was evicted or has not happened yet. Valid until the next emit.
  const Event* find(std::uint64_t seq) const;

  std::uint64_t new_span() { return next_span_++; }

 private:
  const Clock& clock_;
  std::deque<Event> events_;
  std::uint64_t next_seq_ = 1;
  std::uint64_t next_span_ = 1;
};

/// One event as one line of JSON, without a newline: the form that replays are compared in.
std::string to_json_line(const Event& event);

}  // namespace drydock::trace
