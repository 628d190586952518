#include "storage/merged_tree.h"

#include <doctest/doctest.h>

#include "tests/support/memory_host_fs.h"

using namespace drydock;
using namespace drydock::storage;

namespace {

struct Layers {
  testing::MemoryHostFs fs;

  void file(std::string_view path, std::string_view bytes) {
    const std::string_view parent = path.substr(0, path.rfind('/'));
    REQUIRE(make_directories(fs, parent).ok());
    REQUIRE(fs.write_atomic(path, bytes, 0644).ok());
  }
  void link(std::string_view path, std::string_view target) {
    NodeSpec spec;
    spec.type = FileType::symlink;
    spec.link_target = target;
    REQUIRE(fs.make_node(path, spec).ok());
  }
  void whiteout(std::string_view path) {
    NodeSpec spec;
    spec.type = FileType::character_device;
    REQUIRE(fs.make_node(path, spec).ok());
  }
  MergedTree open() { return MergedTree::open(fs, {"up", "mid", "low"}).value(); }
  Layers() {
    for (const char* name : {"up", "mid", "low"}) REQUIRE(fs.make_node(name, {}).ok());
  }
};

std::string names(const MergedTree& tree, std::string_view path) {
  std::string all;
  const auto entries = tree.list(path).value();
  for (const DirectoryEntry& entry : entries) all += entry.name + " ";
  return all;
}

}  // namespace

TEST_CASE("the topmost layer that has a name wins, directories are merged") {
  Layers layers;
  layers.file("low/etc/passwd", "old");
  layers.file("low/etc/group", "low");
  layers.file("up/etc/passwd", "new");
  layers.file("mid/etc/hosts", "mid");
  const MergedTree tree = layers.open();
  CHECK(tree.read_file("/etc/passwd", 100).value() == "new");
  CHECK(tree.read_file("etc/group", 100).value() == "low");
  CHECK(names(tree, "etc") == "group hosts passwd ");
  CHECK(tree.read_file("etc/passwd", 2).error().code == Errno::efbig);
  CHECK(tree.read_file("etc", 2).error().code == Errno::eisdir);
}

TEST_CASE("a whiteout hides the name below, an opaque directory all that is below") {
  Layers layers;
  layers.file("low/a/x", "1");
  layers.file("low/b/y", "1");
  layers.file("mid/b/z", "2");
  layers.whiteout("up/a");
  REQUIRE(layers.fs.set_metadata("mid/b", Metadata{{}, {}, {}, {}, {{"trusted.overlay.opaque", "y"}}}).ok());
  const MergedTree tree = layers.open();
  CHECK(tree.stat("a").error().code == Errno::enoent);
  CHECK(tree.stat("a/x").error().code == Errno::enoent);
  CHECK(names(tree, "") == "b ");
  CHECK(names(tree, "b") == "z ");
  CHECK(tree.xattrs("b").value().empty());
}

TEST_CASE("a file hides the directory below it, a directory the file") {
  Layers layers;
  layers.file("low/a/x", "1");
  layers.file("up/a", "file");
  layers.file("low/b", "file");
  layers.file("mid/b/y", "1");
  layers.file("up/b/z", "1");
  const MergedTree tree = layers.open();
  CHECK(tree.stat("a/x").error().code == Errno::enotdir);
  CHECK(names(tree, "b") == "y z ");
}

TEST_CASE("links are followed across layers and never out of the tree") {
  Layers layers;
  layers.file("low/usr/bin/sh", "sh");
  layers.link("mid/bin", "usr/bin");
  layers.link("up/sh", "/bin/sh");
  layers.link("up/out", "../../../../bin");
  layers.link("up/loop", "loop");
  const MergedTree tree = layers.open();
  CHECK(tree.resolve("sh").value() == "usr/bin/sh");
  CHECK(tree.resolve("out/sh").value() == "usr/bin/sh");
  CHECK(tree.resolve("/bin", FollowLast::no).value() == "bin");
  CHECK(tree.resolve("bin/new/../file").value() == "usr/bin/file");
  CHECK(tree.resolve("no/such/../../..").value().empty());
  CHECK(tree.resolve("loop").error().code == Errno::eloop);
  CHECK(tree.stat("sh").value().type == FileType::symlink);
  CHECK(tree.stat("sh", FollowLast::yes).value().type == FileType::regular);
  CHECK(tree.open_read("sh").value()->size() == 2);
}
