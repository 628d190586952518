#pragma once
// A piece of work with a registry: stepped by whoever holds it, never blocking, never calling back.

#include <cstdint>
#include <limits>
#include <optional>

#include "base/result.h"

namespace drydock::registry {

inline constexpr std::int64_t kNoDeadline = std::numeric_limits<std::int64_t>::max();

class Operation {
 public:
  enum class State {
    waiting,  // for news of the transport, or for deadline_ns()
    busy,     // has more to do at once
    done,     // the result is there, or failure()
  };

  virtual ~Operation() = default;
  /// After `done` further steps do nothing.
  virtual State step() = 0;
  /// Set once the operation has failed. The message is what Docker's users read.
  virtual const std::optional<Error>& failure() const = 0;
  /// Monotonic time at which it wants a step even without news: a retry, an expired wait.
  virtual std::int64_t deadline_ns() const { return kNoDeadline; }
};

}  // namespace drydock::registry
