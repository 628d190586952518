#pragma once
// Long work of the daemon: a pull, a stop with its grace period, an attached client. One file a job, its stages an
// enum; the daemon steps it, it never blocks and nobody calls it back.

#include <cstdint>
#include <limits>
#include <string_view>

namespace drydock::engine {

struct Daemon;

inline constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

class Job {
 public:
  enum class State {
    waiting,  // for news, or for its deadline
    busy,     // has more to do at once: step again after others had their turn
    done,     // is destroyed after this step
  };

  virtual ~Job() = default;
  /// Does at most a few milliseconds of work.
  virtual State step(Daemon& daemon) = 0;
  /// Monotonic time (Clock::monotonic_ns) at which it wants a step even if nothing happens.
  virtual std::int64_t deadline_ns() const { return kNoDeadline; }
  /// "pull", "stop": for the trace and for debugging.
  virtual std::string_view name() const = 0;
};

}  // namespace drydock::engine
