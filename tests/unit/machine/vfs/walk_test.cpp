// Paths, names and open files, seen from a hosted task: what system calls and the simulated daemons both use.

#include <doctest/doctest.h>

#include "machine/abi/file.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/garbage.h"
#include "machine/vfs/mounts.h"
#include "machine/vfs/operations.h"
#include "tests/support/machine/booted_machine.h"

using namespace drydock;
using namespace drydock::machine;
using drydock::machine::testing::BootedMachine;

namespace {

NewNode directory(std::uint32_t mode = 0755) {
  NewNode node;
  node.mode = abi::s_ifdir | mode;
  return node;
}
NewNode link_to(std::string target) {
  NewNode node;
  node.mode = abi::s_iflnk | 0777;
  node.link_target = std::move(target);
  return node;
}
FileId opened(const Caller& caller, std::string_view path, std::uint32_t flags) {
  const Outcome outcome = open_at(caller, kAtFdCwd, path, {flags, 0644, 0});
  REQUIRE(outcome.ok());
  return FileId{static_cast<std::uint32_t>(outcome.value())};
}
std::string read_all(const Caller& caller, FileId file) {
  std::string text(100, '\0');
  const std::uint64_t start = 0;
  const Outcome got = caller.kernel.files[file].read(caller, text, &start);
  REQUIRE(got.ok());
  text.resize(static_cast<std::size_t>(got.value()));
  return text;
}

}  // namespace

TEST_CASE("a relative link is followed from the directory that it is in") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  booted.put_file("/a/b/file", "text");
  REQUIRE(make_node(caller, kAtFdCwd, "/a/link", link_to("b/file")).ok());
  const FileId file = opened(caller, "/a/link", abi::o_rdonly);
  CHECK(read_all(caller, file) == "text");
  const Path root = caller.kernel.fs_contexts[caller.self().fs].root;
  CHECK(path_text(caller.kernel, caller.kernel.files[file].path, root) == "/a/b/file");
  put_file(caller.kernel, file);
}

TEST_CASE("a link to itself is ELOOP and not for ever") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  REQUIRE(make_node(caller, kAtFdCwd, "/self", link_to("self")).ok());
  CHECK(walk(caller, kAtFdCwd, "/self").error() == Errno::eloop);
}

TEST_CASE("two dots at the root stay there") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  booted.put_directory("/a");
  CHECK(*walk(caller, kAtFdCwd, "/../../a") == *walk(caller, kAtFdCwd, "/a"));
}

TEST_CASE("a file's data goes with its last name and its last open file") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  const std::uint64_t before = caller.kernel.file_pages;
  booted.put_file("/f", std::string(3 * kPageBytes, 'x'));
  CHECK(caller.kernel.file_pages == before + 3);
  const FileId file = opened(caller, "/f", abi::o_rdonly);
  REQUIRE(remove_file(caller, kAtFdCwd, "/f").ok());
  CHECK(caller.kernel.file_pages == before + 3);
  CHECK(read_all(caller, file) == std::string(100, 'x'));
  put_file(caller.kernel, file);
  CHECK(caller.kernel.file_pages == before);
}

TEST_CASE("a snapshot keeps the bytes and the names that were there") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  booted.put_file("/f", "before");
  const Kernel snapshot = booted.machine().snapshot();
  booted.put_file("/f", "after!");
  REQUIRE(remove_file(caller, kAtFdCwd, "/f").ok());
  booted.put_file("/g", "new");
  booted.machine().restore(snapshot);
  CHECK(booted.file("/f") == "before");
  CHECK(booted.file("/g").empty());
}

TEST_CASE("the sweep takes what nobody reaches and leaves the rest") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  Kernel& kernel = caller.kernel;
  booted.put_directory("/d");
  collect_garbage(kernel);
  const std::size_t inodes = kernel.inodes.size(), dentries = kernel.dentries.size();
  for (int at = 0; at < 50; ++at) {
    const std::string path = "/d/" + std::to_string(at);
    REQUIRE(make_node(caller, kAtFdCwd, path, directory()).ok());
    if (at != 7) REQUIRE(remove_directory(caller, kAtFdCwd, path).ok());
  }
  booted.put_file("/open", "still here");
  const FileId file = opened(caller, "/open", abi::o_rdonly);
  REQUIRE(remove_file(caller, kAtFdCwd, "/open").ok());
  collect_garbage(kernel);
  CHECK(kernel.inodes.size() == inodes + 2);
  CHECK(kernel.dentries.size() == dentries + 2);
  CHECK(read_all(caller, file) == "still here");
  CHECK(walk(caller, kAtFdCwd, "/d/7").ok());
  put_file(kernel, file);
  collect_garbage(kernel);
  CHECK(kernel.inodes.size() == inodes + 1);
}

TEST_CASE("copying up shares the frames of the lower file") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  booted.put_file("/l/f", std::string(kPageBytes, 'l'));
  booted.put_directory("/u");
  booted.put_directory("/w");
  booted.put_directory("/m");
  REQUIRE(mount_at(caller, "o", "/m", "overlay", 0, "lowerdir=/l,upperdir=/u,workdir=/w").ok());
  REQUIRE(change_mode(caller, *walk(caller, kAtFdCwd, "/m/f"), 0600).ok());
  const auto page = [&](std::string_view path) {
    return *inode_of(caller, *walk(caller, kAtFdCwd, path)).page(caller, 0, false);
  };
  CHECK(page("/l/f") == page("/u/f"));
  booted.put_file("/m/f", "changed");
  CHECK_FALSE(page("/l/f") == page("/u/f"));
  CHECK(booted.file("/l/f") == std::string(kPageBytes, 'l'));
  CHECK(booted.file("/u/f") == "changed");
}

TEST_CASE("an overlay keeps the file systems of its layers alive") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  booted.put_directory("/t");
  booted.put_directory("/m");
  REQUIRE(mount_at(caller, "t", "/t", "tmpfs", 0, "").ok());
  booted.put_file("/t/l/f", "layer");
  booted.put_directory("/t/empty");
  const std::size_t superblocks = caller.kernel.superblocks.size();
  REQUIRE(mount_at(caller, "o", "/m", "overlay", 0, "lowerdir=/t/l:/t/empty").ok());
  REQUIRE(unmount(caller, *walk(caller, kAtFdCwd, "/t"), abi::mnt_detach).ok());
  collect_garbage(caller.kernel);
  CHECK(booted.file("/m/f") == "layer");
  REQUIRE(unmount(caller, *walk(caller, kAtFdCwd, "/m"), 0).ok());
  collect_garbage(caller.kernel);
  CHECK(caller.kernel.superblocks.size() == superblocks - 1);
}

TEST_CASE("thousands of mounts on each other are copied and unmounted without recursion") {
  BootedMachine booted;
  const Caller caller = booted.caller();
  booted.put_directory("/m");
  booted.put_directory("/copy");
  for (int at = 0; at < 3000; ++at) REQUIRE(mount_at(caller, "t", "/m", "tmpfs", 0, "size=4k").ok());
  REQUIRE(mount_at(caller, "/", "/copy", "", abi::ms_bind | abi::ms_rec, "").ok());
  const std::size_t mounts = caller.kernel.mounts.size();
  CHECK(mounts > 6000);
  REQUIRE(unmount(caller, *walk(caller, kAtFdCwd, "/copy"), abi::mnt_detach).ok());
  CHECK(caller.kernel.mounts.size() < mounts - 3000);
}
