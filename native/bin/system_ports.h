#pragma once
// The small ports of the real host: its clock, its randomness, and what it says of itself.

#include "base/clock.h"
#include "base/random.h"
#include "engine/host.h"

namespace drydock::native {

class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
  std::int64_t monotonic_ns() const override;
};

/// getrandom(2).
class SystemRandom final : public Random {
 public:
  void fill(std::span<char> out) override;
};

/// uname(2), os-release(5), sysinfo(2), resolv.conf(5). What cannot be read stays at its default.
engine::HostFacts read_host_facts();

}  // namespace drydock::native
