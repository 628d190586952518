#include "storage/snapshotter.h"

#include <doctest/doctest.h>

#include "tests/conformance/snapshotter_suite.h"
#include "tests/support/layer_fixture.h"
#include "tests/support/memory_host_fs.h"

using namespace drydock;
using namespace drydock::storage;

namespace {

std::shared_ptr<HostFs> make_memory_root() {
  return std::make_shared<testing::MemoryHostFs>();
}

}  // namespace

TEST_CASE("overlay snapshots in memory behave as every snapshotter must") {
  conformance::check_snapshotter(make_memory_root, SnapshotKind::overlay);
}

TEST_CASE("copied snapshots in memory behave as every snapshotter must") {
  conformance::check_snapshotter(make_memory_root, SnapshotKind::copy);
}

TEST_CASE("without overlayfs roots are copies") {
  testing::MemoryHostFs fs;
  SeededRandom random(1);
  auto layers = LayerStore::open(fs, random).value();
  CHECK(Snapshotter::open(*layers).value()->kind() == SnapshotKind::overlay);
  fs.disk().features.overlay = false;
  CHECK(Snapshotter::open(*layers).value()->kind() == SnapshotKind::copy);
}

TEST_CASE("mount data is relative where absolute paths do not fit into a page or have a separator in them") {
  RootMounts mounts;
  mounts.base = "/data";
  mounts.upper = "u";
  mounts.work = "w";
  mounts.options = {"index=off"};
  mounts.lower = {"l/a", "l/b"};
  CHECK(overlay_data(mounts)->data == "lowerdir=/data/l/a:/data/l/b,upperdir=/data/u,workdir=/data/w,index=off");
  mounts.base = "/da:ta";
  CHECK(overlay_data(mounts)->relative);
  CHECK(overlay_data(mounts)->data == "lowerdir=l/a:l/b,upperdir=u,workdir=w,index=off");
  mounts.base = "/" + std::string(100, 'x');
  mounts.lower.assign(126, "l/0123456789");
  CHECK(overlay_data(mounts)->relative);
  CHECK(overlay_data(mounts)->data.size() <= kMountDataMax);
  mounts.lower.assign(400, "l/0123456789");
  CHECK(overlay_data(mounts).error().kind == ErrorKind::invalid_argument);
}
