#pragma once
// What an attempt at a system call, or at one operation of a file, came to: a value, an errno, or "not now".

#include <cstdint>
#include <utility>
#include <variant>

#include "base/result.h"
#include "machine/kernel/wait.h"

namespace drydock::machine {

class [[nodiscard]] Outcome {
 public:
  Outcome(std::int64_t value) : state_(value) {}
  Outcome(Errno code) : state_(code) {}
  /// So that TRY of a Result<T, Errno> works in a function that returns Outcome.
  Outcome(Failure<Errno> failure) : state_(failure.error) {}
  Outcome(Block block) : state_(std::move(block)) {}
  static Outcome block(WaitKey key, Interruption interruption = Interruption::restart) {
    return Block{{key}, std::nullopt, interruption, std::nullopt};
  }

  bool ok() const { return std::holds_alternative<std::int64_t>(state_); }
  bool failed() const { return std::holds_alternative<Errno>(state_); }
  bool blocked() const { return std::holds_alternative<Block>(state_); }
  std::int64_t value() const { return std::get<std::int64_t>(state_); }
  Errno error() const { return std::get<Errno>(state_); }
  Block& wait() { return std::get<Block>(state_); }
  const Block& wait() const { return std::get<Block>(state_); }
  bool is(Errno code) const { return failed() && error() == code; }

 private:
  std::variant<std::int64_t, Errno, Block> state_;
};

/// An outcome of something that gives no number.
inline Outcome done() {
  return Outcome(std::int64_t{0});
}

}  // namespace drydock::machine
