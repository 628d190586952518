#include "storage/layer_unpack.h"

#include <doctest/doctest.h>

#include <cstring>

#include "storage/merged_tree.h"
#include "tests/support/layer_fixture.h"
#include "tests/support/memory_host_fs.h"

using namespace drydock;
using namespace drydock::storage;
using archive::TarType;
using testing::TarBuilder;
using testing::unpack;

namespace {

struct Fixture {
  testing::MemoryHostFs fs;
  SeededRandom random{1};
  std::unique_ptr<LayerStore> store = LayerStore::open(fs, random).value();

  FileInfo stat(const Layer& layer, std::string_view path) {
    auto info = fs.stat(concat(layer.diff_directory(), "/", path));
    REQUIRE_MESSAGE(info.ok(), path);
    return *info;
  }
  bool has(const Layer& layer, std::string_view path) {
    return fs.stat(concat(layer.diff_directory(), "/", path)).ok();
  }
  std::string content(const Layer& layer, std::string_view path) {
    return read_file(fs, concat(layer.diff_directory(), "/", path), 1 << 20).value();
  }
  bool opaque(const Layer& layer, std::string_view path) {
    return is_opaque(fs.xattrs(concat(layer.diff_directory(), "/", path)).value());
  }
  std::string tar_of(const Layer& layer) {
    auto source = store->open_tar(layer.chain).value();
    auto tar = testing::read_all(*source);
    REQUIRE_MESSAGE(tar.ok(), tar.error().message);
    return *tar;
  }
  /// The error of unpacking; nothing may be left of it.
  Error refusal(std::string_view tar) {
    auto layer = unpack(*store, std::nullopt, tar);
    REQUIRE(!layer.ok());
    CHECK(fs.list("layers").value().empty());
    return layer.error();
  }
};

}  // namespace

TEST_CASE("a layer is unpacked with its owners, modes and times, and its tar comes back byte for byte") {
  Fixture f;
  archive::TarEntry owned = TarBuilder::entry_of("usr/bin/su", TarType::regular);
  owned.mode = 04755;
  owned.uid = 5;
  owned.gid = 6;
  owned.xattrs = {{"security.capability", std::string("\1\0\2", 3)}};
  const std::string tar = TarBuilder()
                              .directory("./")
                              .directory("usr/", 0750)
                              .add(owned, std::string(1500, 's'))
                              .symlink("bin", "usr/bin")
                              .hard_link("usr/su2", "usr/bin/su")
                              .file("empty")
                              .finish();
  for (const std::size_t slice : {std::size_t{1}, std::size_t{511}, std::size_t{1} << 20}) {
    CAPTURE(slice);
    Fixture g;
    const Layer layer = unpack(*g.store, std::nullopt, tar, "test", slice).value();
    CHECK(layer.diff == archive::digest_of(tar));
    CHECK(layer.chain == layer.diff);
    CHECK(layer.size == 1500);
    CHECK(layer.tar_size == tar.size());
    const FileInfo su = g.stat(layer, "usr/bin/su");
    CHECK(su.mode == 04755);
    CHECK(su.uid == 5);
    CHECK(su.gid == 6);
    CHECK(su.links == 2);
    CHECK(su.mtime_ns == 1'600'000'000'000'000'000);
    CHECK(g.fs.xattrs(layer.diff_directory() + "/usr/bin/su").value() == owned.xattrs);
    CHECK(g.stat(layer, "usr").mode == 0750);
    CHECK(g.stat(layer, "usr").mtime_ns == 1'600'000'000'000'000'000);
    CHECK(g.stat(layer, "bin").link_target == "usr/bin");
    CHECK(g.tar_of(layer) == tar);
  }
}

TEST_CASE("whiteouts become what overlayfs understands") {
  Fixture f;
  const std::string tar = TarBuilder()
                              .directory("etc")
                              .file("etc/.wh.motd")
                              .directory("opt")
                              .file("opt/.wh..wh..opq")
                              .file("opt/new")
                              .finish();
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(is_overlay_whiteout(f.stat(layer, "etc/motd")));
  CHECK(f.opaque(layer, "opt"));
  CHECK(!f.opaque(layer, "etc"));
  CHECK(!f.has(layer, "etc/.wh.motd"));
  CHECK(f.tar_of(layer) == tar);
}

TEST_CASE("a whiteout is about the layers below, not about its own") {
  Fixture f;
  const std::string tar = TarBuilder()
                              .file("kept", "x")
                              .file(".wh.kept")
                              .directory("dir")
                              .file("dir/a", "x")
                              .file(".wh.dir")
                              .file(".wh.again")
                              .directory("again")
                              .file(".wh.file")
                              .file("file", "new")
                              .finish();
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(f.content(layer, "kept") == "x");
  CHECK(f.content(layer, "dir/a") == "x");
  CHECK(f.opaque(layer, "dir"));
  CHECK(f.opaque(layer, "again"));
  CHECK(f.content(layer, "file") == "new");
  CHECK(f.tar_of(layer) == tar);
}

TEST_CASE("whiteouts of nothing, of a directory itself and of its parent are refused") {
  for (const char* name : {".wh.", ".wh..", ".wh...", "d/.wh...", ".wh../"}) {
    CAPTURE(name);
    Fixture f;
    CHECK(f.refusal(TarBuilder().directory("d").file(name).finish()).message.starts_with("invalid whiteout"));
  }
}

TEST_CASE("AUFS' bookkeeping in old layers is left out") {
  Fixture f;
  const std::string tar = TarBuilder().directory(".wh..wh.plnk").file(".wh..wh.aufs", "data").file("a", "x").finish();
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(f.fs.list(layer.diff_directory()).value().size() == 1);
  CHECK(f.tar_of(layer) == tar);
}

TEST_CASE("names that climb out of the layer are refused in dockerd's words") {
  Fixture f;
  CHECK(f.refusal(TarBuilder().file("../evil", "x").finish()).message == "\"../evil\" is outside of \"/\"");
  CHECK(f.refusal(TarBuilder().file("a/../../evil", "x").finish()).message == "\"a/../../evil\" is outside of \"/\"");
  CHECK(f.refusal(TarBuilder().hard_link("a", "../../etc/shadow").finish()).message ==
        "invalid hardlink \"a\" -> \"../../etc/shadow\"");
}

TEST_CASE("absolute names and links that lead up stay beneath the layer") {
  Fixture f;
  REQUIRE(f.fs.write_atomic("victim", "host", 0644).ok());
  const std::string tar = TarBuilder()
                              .file("/abs", "x")
                              .symlink("up", "../../../../..")
                              .file("up/victim", "y")
                              .symlink("root", "/")
                              .file("root/other", "z")
                              .directory("real")
                              .symlink("alias", "real")
                              .file("alias/in", "w")
                              .hard_link("alias/link", "up/victim")
                              .finish();
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(f.content(layer, "abs") == "x");
  CHECK(f.content(layer, "victim") == "y");
  CHECK(f.content(layer, "other") == "z");
  CHECK(f.content(layer, "real/in") == "w");
  CHECK(f.content(layer, "real/link") == "y");
  CHECK(read_file(f.fs, "victim", 10).value() == "host");
  CHECK(f.tar_of(layer) == tar);
}

TEST_CASE("links in a circle and files as directories fail") {
  Fixture f;
  CHECK(!f.refusal(TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x").finish()).message.empty());
  CHECK(!f.refusal(TarBuilder().file("a", "x").file("a/b", "y").finish()).message.empty());
  CHECK(!f.refusal(TarBuilder().hard_link("a", "missing").finish()).message.empty());
  CHECK(!f.refusal(TarBuilder().file(std::string(300, 'n'), "x").finish()).message.empty());
}

TEST_CASE("a later member replaces an earlier one, and both are in the tar again") {
  Fixture f;
  const std::string tar = TarBuilder()
                              .file("a", "first")
                              .file("a", "second")
                              .directory("d")
                              .file("d/x", "inside")
                              .file("d", "now a file")
                              .file("e", "was a file")
                              .directory("e")
                              .file("e/y", "third")
                              .directory("e", 0700)
                              .symlink("s", "e")
                              .file("s", "no link any more")
                              .file("s", "twice")
                              .finish();
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(f.content(layer, "a") == "second");
  CHECK(f.content(layer, "d") == "now a file");
  CHECK(f.content(layer, "e/y") == "third");
  CHECK(f.stat(layer, "e").mode == 0700);
  CHECK(f.content(layer, "s") == "twice");
  CHECK(f.tar_of(layer) == tar);
}

TEST_CASE("directories that the tar does not name look as in the layers below") {
  Fixture f;
  const Layer base = unpack(*f.store, std::nullopt, TarBuilder().directory("etc", 0700).file("etc/a").finish()).value();
  const Layer top = unpack(*f.store, base.chain, TarBuilder().file("etc/b", "x").file("new/c", "x").finish()).value();
  CHECK(f.stat(top, "etc").mode == 0700);
  CHECK(f.stat(top, "etc").mtime_ns == 1'600'000'000'000'000'000);
  CHECK(f.stat(top, "new").mode == 0755);
  CHECK(top.parent == base.chain);
  CHECK(top.depth == 2);
}

TEST_CASE("a layer cannot smuggle in overlayfs' own attributes") {
  Fixture f;
  archive::TarEntry entry = TarBuilder::entry_of("d", TarType::directory);
  entry.xattrs = {{"trusted.overlay.redirect", "/etc"}, {"user.overlay.opaque", "y"}, {"user.mine", "1"}};
  const Layer layer = unpack(*f.store, std::nullopt, TarBuilder().add(entry).finish()).value();
  CHECK(f.fs.xattrs(layer.diff_directory() + "/d").value() == Xattrs{{"user.mine", "1"}});
}

TEST_CASE("device nodes are made where the host allows it and left out elsewhere") {
  archive::TarEntry null = TarBuilder::entry_of("null", TarType::character_device);
  null.device_major = 1;
  null.device_minor = 3;
  const std::string tar = TarBuilder().add(null).add(TarBuilder::entry_of("pipe", TarType::fifo)).finish();
  Fixture f;
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(f.stat(layer, "null").device_minor == 3);
  CHECK(f.stat(layer, "pipe").type == FileType::fifo);
  Fixture rootless;
  rootless.fs.disk().features.device_nodes = false;
  const Layer other = unpack(*rootless.store, std::nullopt, tar).value();
  CHECK(!rootless.has(other, "null"));
  CHECK(rootless.tar_of(other) == tar);
}

TEST_CASE("owners are remapped, and ids outside the map refused") {
  testing::MemoryHostFs fs;
  SeededRandom random(1);
  const IdMap map({{0, 100000, 1000}});
  auto store = LayerStore::open(fs, random, {map, map}).value();
  archive::TarEntry entry = TarBuilder::entry_of("a", TarType::regular);
  entry.uid = 33;
  const Layer layer = unpack(*store, std::nullopt, TarBuilder().add(entry).finish()).value();
  CHECK(fs.stat(layer.diff_directory() + "/a")->uid == 100033);
  CHECK(fs.stat(layer.diff_directory())->uid == 100000);
  entry.uid = 1000;
  CHECK(unpack(*store, std::nullopt, TarBuilder().add(entry).finish()).error().message ==
        "Container ID 1000 cannot be mapped to a host ID");
}

TEST_CASE("a tar that ends too early, or has another diff id, is corrupt and leaves nothing") {
  Fixture f;
  const std::string tar = TarBuilder().file("a", std::string(2000, 'x')).finish();
  for (const std::size_t size : {std::size_t{100}, std::size_t{600}, std::size_t{2400}}) {
    CAPTURE(size);
    CHECK(f.refusal(tar.substr(0, size)).kind == ErrorKind::corrupt);
  }
  {
    auto job = f.store->unpack(std::nullopt, archive::digest_of("other")).value();
    CHECK(job->feed(tar).ok());
    const auto finished = job->finish("test");
    REQUIRE(!finished.ok());
    CHECK(finished.error().kind == ErrorKind::corrupt);
  }
  CHECK(f.fs.list("layers").value().empty());
  CHECK(f.refusal("not a tar" + std::string(1000, 'z')).kind == ErrorKind::corrupt);
}

TEST_CASE("bytes behind the end of the archive belong to the diff id") {
  Fixture f;
  const std::string tar = TarBuilder().file("a", "x").finish() + std::string(10240, '\0') + "trailing";
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(layer.diff == archive::digest_of(tar));
  CHECK(f.tar_of(layer) == tar);
}

TEST_CASE("an empty tar is a layer, too") {
  Fixture f;
  const std::string tar(1024, '\0');
  const Layer layer = unpack(*f.store, std::nullopt, tar).value();
  CHECK(layer.size == 0);
  CHECK(f.tar_of(layer) == tar);
}

TEST_CASE("a layer whose files were changed on disk is not handed out as what it was") {
  Fixture f;
  const Layer layer = unpack(*f.store, std::nullopt, TarBuilder().file("a", "hello").finish()).value();
  SUBCASE("other bytes") {
    REQUIRE(f.fs.write_atomic(layer.diff_directory() + "/a", "jello", 0644).ok());
  }
  SUBCASE("fewer bytes") {
    REQUIRE(f.fs.write_atomic(layer.diff_directory() + "/a", "he", 0644).ok());
  }
  SUBCASE("gone") {
    REQUIRE(f.fs.remove_tree(layer.diff_directory() + "/a").ok());
  }
  SUBCASE("headers cut") {
    const std::string path = layer.directory() + "/tar-headers.gz";
    const std::string bytes = read_file(f.fs, path, 1 << 20).value();
    REQUIRE(f.fs.write_atomic(path, bytes.substr(0, bytes.size() / 2), 0644).ok());
  }
  auto source = f.store->open_tar(layer.chain).value();
  CHECK(!testing::read_all(*source).ok());
}
