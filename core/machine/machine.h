#pragma once
// One simulated computer: a kernel with its processor. What runs on it is the user's affair: it starts with one hosted
// process, pid 1, on an empty tmpfs.

#include <cstdint>
#include <optional>
#include <string>

#include "machine/cpu/interpreter.h"
#include "machine/kernel/kernel.h"
#include "machine/kernel/run.h"

namespace drydock::machine {

enum class CgroupLayout : std::uint8_t {
  unified,  // version 2 with all controllers
  legacy,   // version 1: a hierarchy per controller
};

struct MachineConfig {
  std::uint64_t seed = 1;
  std::int64_t boot_time_ns = 1'700'000'000'000'000'000;
  std::string host_name = "localhost";
  Limits limits;
  CgroupLayout cgroups = CgroupLayout::unified;
};

class Machine {
 public:
  explicit Machine(const MachineConfig& config = {});

  Kernel& kernel() { return kernel_; }
  const Kernel& kernel() const { return kernel_; }
  /// pid 1, a hosted task: root with every capability.
  TaskId init() const { return init_; }
  Caller caller() { return {kernel_, init_}; }

  RunEnd run(const RunLimits& limits = {}) { return run_machine(kernel_, interpreter_, limits); }
  std::optional<std::uint64_t> next_deadline() const;
  /// For a machine that sleeps: virtual time goes on to that moment, if it is later than now.
  void advance_clock(std::uint64_t to_ns);

  /// All of the machine's state. Cheap: what does not change is shared.
  Kernel snapshot() const { return kernel_; }
  void restore(const Kernel& snapshot);

 private:
  Kernel kernel_;
  Interpreter interpreter_;
  TaskId init_;
};

}  // namespace drydock::machine
