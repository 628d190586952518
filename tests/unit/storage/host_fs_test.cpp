#include <doctest/doctest.h>

#include "tests/conformance/host_fs_suite.h"
#include "tests/support/memory_host_fs.h"

using namespace drydock;

TEST_CASE("the file system in memory that tests use behaves as every HostFs must") {
  conformance::check_host_fs([] { return std::make_shared<testing::MemoryHostFs>(); });
}

TEST_CASE("the file system in memory can stop taking changes at any point") {
  testing::MemoryHostFs fs;
  fs.disk().writes_left = 1;
  CHECK(fs.make_node("a", {}).ok());
  CHECK(fs.make_node("b", {}).error().code == Errno::eio);
  CHECK(fs.stat("a").ok());
}
