#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/conformance/host_fs_suite.h"
#include "tests/unit/native/hostfs/temporary_root.h"

using namespace drydock;
using namespace drydock::storage;
using drydock::testing::TemporaryRoot;

TEST_CASE("Linux' files behave as every HostFs must") {
  conformance::check_host_fs(testing::make_temporary_root);
}

TEST_CASE("the features that are probed leave nothing behind") {
  TemporaryRoot root;
  const HostFsFeatures features = root.fs->features();
  CHECK(root.fs->list("")->empty());
  // Root on a local file system has all of these; others may have none.
  if (::geteuid() == 0) CHECK(features.chown);
  if (features.overlay_in_userns) MESSAGE("overlayfs works in user namespaces here");
  if (!features.overlay) MESSAGE("overlayfs cannot be mounted here");
}

TEST_CASE("modes do not depend on the umask") {
  const mode_t before = ::umask(077);
  {
    TemporaryRoot root;
    NodeSpec directory;
    directory.mode = 0777;
    CHECK(root.fs->make_node("d", directory).ok());
    CHECK(root.fs->stat("d")->mode == 0777);
    CHECK(root.fs->write_atomic("f", "x", 0666).ok());
    CHECK(root.fs->stat("f")->mode == 0666);
  }
  ::umask(before);
}

TEST_CASE("a root that does not exist cannot be opened") {
  auto opened = native::open_host_fs("/no/such/directory");
  REQUIRE(!opened.ok());
  CHECK(opened.error().code == Errno::enoent);
}

TEST_CASE("remove_tree stays out of what is mounted below, even from the same file system") {
  TemporaryRoot root;
  REQUIRE(make_directories(*root.fs, "volume").ok());
  REQUIRE(make_directories(*root.fs, "tree/mounted").ok());
  REQUIRE(root.fs->write_atomic("volume/precious", "x", 0644).ok());
  REQUIRE(root.fs->write_atomic("tree/file", "x", 0644).ok());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string source = root.directory + "/volume";
    const std::string target = root.directory + "/tree/mounted";
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount(source.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      ::_exit(77);
    }
    auto fs = native::open_host_fs(root.directory);
    auto removed = fs.value()->remove_tree("tree");
    ::_exit(!removed.ok() && removed.error().code == Errno::ebusy ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    MESSAGE("skipped: no right to mount here");
    return;
  }
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(root.fs->stat("volume/precious").ok());
  CHECK(!root.fs->stat("tree/file").ok());
}
