#include "sim/host_fs.h"

#include <doctest/doctest.h>

#include "conformance/host_fs_suite.h"
#include "conformance/snapshotter_suite.h"
#include "sim_world.h"

using namespace drydock;

namespace {

/// An empty directory of a simulated host that lives as long as the pointer.
std::shared_ptr<storage::HostFs> make_root() {
  struct Holder {
    std::unique_ptr<sim::SimHost> host;
    std::unique_ptr<storage::HostFs> files;
  };
  auto holder = std::make_shared<Holder>();
  holder->host = sim::test::boot_host();
  REQUIRE(storage::make_directories(holder->host->root(), "/srv/test").ok());
  holder->files = holder->host->root().subtree("/srv/test").value();
  return {holder, holder->files.get()};
}

}  // namespace

TEST_CASE("the simulated host's files behave as every HostFs must") {
  conformance::check_host_fs(make_root);
}

TEST_CASE("overlay snapshots on the simulated host behave as every snapshotter must") {
  conformance::check_snapshotter(make_root, storage::SnapshotKind::overlay);
}
