#include "storage/snapshotter.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/conformance/snapshotter_suite.h"
#include "tests/support/layer_fixture.h"
#include "tests/unit/native/hostfs/temporary_root.h"

using namespace drydock;
using namespace drydock::storage;
using testing::TemporaryRoot;

TEST_CASE("overlay snapshots on Linux behave as every snapshotter must") {
  conformance::check_snapshotter(testing::make_temporary_root, SnapshotKind::overlay);
}

TEST_CASE("copied snapshots on Linux behave as every snapshotter must") {
  conformance::check_snapshotter(testing::make_temporary_root, SnapshotKind::copy);
}

namespace {

/// Mounts the snapshot in a namespace of its own and changes it. Returns 0, or 77 where it may not mount.
int change_in_child(const RootMounts& mounts, const OverlayData& data) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(mounts.base.c_str()) != 0 || ::unshare(CLONE_NEWNS) != 0) ::_exit(77);
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(77);
    ::mkdir("merged", 0755);
    if (::mount("overlay", "merged", "overlay", 0, data.data.c_str()) != 0) ::_exit(1);
    if (::access("merged/f1", F_OK) != 0 || ::access("merged/proc", F_OK) != 0) ::_exit(2);
    if (::unlink("merged/f1") != 0 || ::mkdir("merged/made", 0755) != 0) ::_exit(3);
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("the deepest chain can be mounted by the kernel, and its changes are read back") {
  TemporaryRoot root;
  SeededRandom random(1);
  auto layers = LayerStore::open(*root.fs, random).value();
  std::optional<ChainId> top;
  for (std::size_t i = 1; i <= kChainDepthMax; ++i) {
    top = testing::unpack(*layers, top, testing::TarBuilder().file(concat("f", i), "x").finish()).value().chain;
  }
  auto snapshots = Snapshotter::open(*layers).value();
  if (snapshots->kind() != SnapshotKind::overlay) {
    MESSAGE("skipped: overlayfs cannot be mounted here");
    return;
  }
  REQUIRE(snapshots->prepare("c1", top).ok());
  const RootMounts mounts = snapshots->mounts("c1").value();
  CHECK(change_in_child(mounts, overlay_data(mounts).value()) == 0);
  const std::vector<Change> changes = snapshots->changes("c1").value();
  REQUIRE(changes.size() == 2);
  CHECK(changes[0].path == "/f1");
  CHECK(changes[0].kind == ChangeKind::deleted);
  CHECK(changes[1].path == "/made");
  CHECK(changes[1].kind == ChangeKind::added);
  CHECK(snapshots->remove("c1").ok());
}
