#pragma once
// A simulated computer with the daemon's process on it: the machine, what is mounted and written at its boot, and the
// ports of the engine over it. The owner of the loop calls pump(); nothing else makes time pass.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "machine/machine.h"
#include "sim/host_fs.h"
#include "sim/hosted_task.h"
#include "sim/network.h"
#include "sim/runtime.h"

namespace drydock::sim {

struct SimHostConfig {
  std::uint64_t seed = 1;
  std::int64_t boot_time_ns = 1'700'000'000'000'000'000;
  std::string host_name = "drydock";
  std::string busybox;  // the bytes of a static BusyBox: the host's shell; empty: it has none
  std::string data_root = "/var/lib/drydock";
  std::string exec_root = "/run/drydock";
  std::string resolv_conf = "nameserver 127.0.0.11\n";
  machine::Limits limits;
  /// What the daemon goes by: null is the machine's own clock. A daemon that serves real clients has theirs, since the
  /// machine's runs ahead of it while programs compute.
  Clock* daemon_clock = nullptr;
};

/// The machine's wall clock and its time since boot.
class SimClock final : public Clock {
 public:
  explicit SimClock(const machine::Kernel& kernel) : kernel_(kernel) {}
  Timestamp now() const override { return {kernel_.wall_ns()}; }
  std::int64_t monotonic_ns() const override { return static_cast<std::int64_t>(kernel_.now_ns()); }

 private:
  const machine::Kernel& kernel_;
};

class SimHost {
 public:
  /// Errors: what could not be mounted or written at boot.
  static Result<std::unique_ptr<SimHost>> boot(const SimHostConfig& config);
  ~SimHost();
  SimHost(const SimHost&) = delete;
  SimHost& operator=(const SimHost&) = delete;

  machine::Machine& machine() { return machine_; }
  const HostedTask& daemon() const { return *daemon_; }
  storage::HostFs& data() { return *data_; }
  storage::HostFs& root() { return *root_; }
  SimRuntime& runtime() { return *runtime_; }
  SimNetwork& network() { return *network_; }
  Clock& clock() { return *daemon_clock_; }
  Random& random() { return random_; }

  struct Progress {
    bool busy = false;                    // call again at once
    std::optional<std::int64_t> wait_ns;  // or after that time, when the machine wakes by itself
  };
  /// Runs the machine for at most so many instructions (a call counts as its time's worth of them), and moves what the
  /// ports move. `passed_ns`: for how long nobody has called; a sleeping machine's clock goes on by that.
  Progress pump(std::uint64_t instructions, std::int64_t passed_ns);
  /// For that time of the machine's, which jumps while all sleep, so that a test or a lesson need not wait. False:
  /// something was still going on.
  bool run_for(std::int64_t ns, std::uint64_t instructions);

 private:
  explicit SimHost(const SimHostConfig& config);
  Result<void> furnish(const SimHostConfig& config);
  Result<void> mount_all();
  Result<void> write_files(const SimHostConfig& config);
  Result<void> start_daemon(const SimHostConfig& config);

  machine::Machine machine_;
  SimClock clock_;
  Clock* daemon_clock_;
  SeededRandom random_;
  bool idle_ = true;
  std::optional<HostedTask> init_, daemon_;
  std::unique_ptr<storage::HostFs> data_, root_;
  std::unique_ptr<SimNetwork> network_;
  std::unique_ptr<SimRuntime> runtime_;
};

}  // namespace drydock::sim
