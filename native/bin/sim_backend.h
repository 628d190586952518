#pragma once
// The simulated machine as the daemon's backend: its ports, and its share of the daemon's loop.

#include <cstdint>
#include <memory>

#include "engine/host.h"
#include "engine/settings.h"
#include "native/bin/daemon_loop.h"
#include "native/bin/system_ports.h"
#include "sim/sim_host.h"

namespace drydock::native {

class SimBackend {
 public:
  /// The machine's clock starts at this host's; its shell is this host's BusyBox, where there is a static one.
  static Result<SimBackend> boot(const engine::Settings& settings);

  const Clock& clock() const { return *wall_; }
  engine::Host host(http::Transport& transport);
  /// A slice of the machine. While all its tasks sleep its clock goes with this host's.
  DaemonLoop::Turn turn();

 private:
  SimBackend(std::unique_ptr<SystemClock> wall, std::unique_ptr<sim::SimHost> host);

  std::unique_ptr<SystemClock> wall_;
  std::unique_ptr<sim::SimHost> host_;
  std::unique_ptr<SystemRandom> random_;
  std::int64_t last_ns_ = 0;
};

}  // namespace drydock::native
