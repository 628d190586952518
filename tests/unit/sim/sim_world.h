#pragma once
// A place for containers on a simulated host: a root with BusyBox, and time that jumps while all sleep.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/sim_host.h"

namespace drydock::sim::test {

class SimWorld {
 public:
  /// Why containers cannot be run here, if so.
  static std::optional<std::string> unusable();

  SimWorld();
  runtime::Runtime& runtime() { return host_->runtime(); }
  SimHost& host() { return *host_; }
  runtime::Spec spec(std::vector<std::string> args) const;
  void turn();

 private:
  std::unique_ptr<SimHost> host_;
};

/// A host without a shell, and the bytes of this host's BusyBox.
std::unique_ptr<SimHost> boot_host();
std::string busybox();

}  // namespace drydock::sim::test
