#include "tests/conformance/snapshotter_suite.h"

#include <doctest/doctest.h>

#include "tests/support/layer_fixture.h"

namespace drydock::conformance {
namespace {

using namespace storage;
using testing::TarBuilder;

struct World {
  HostFs& fs;
  SnapshotKind kind;
  SeededRandom random{7};
  std::unique_ptr<LayerStore> layers;
  std::unique_ptr<Snapshotter> snapshots;

  World(HostFs& fs, SnapshotKind kind) : fs(fs), kind(kind) { reopen(); }

  void reopen() {
    snapshots.reset();
    layers = LayerStore::open(fs, random).value();
    snapshots = Snapshotter::open(*layers, {kind}).value();
  }
  ChainId image() {
    const Layer base = testing::unpack(*layers, std::nullopt,
                                       TarBuilder()
                                           .directory("etc")
                                           .file("etc/motd", "old")
                                           .file("etc/passwd", "root")
                                           .directory("opt")
                                           .file("opt/a", "1")
                                           .file("opt/b", "22")
                                           .hard_link("opt/c", "opt/b")
                                           .finish(),
                                       "image:x")
                           .value();
    return testing::unpack(*layers, base.chain, TarBuilder().directory("etc").file("etc/.wh.motd").finish(), "image:x")
        .value()
        .chain;
  }
  /// Where a container's writes go.
  std::unique_ptr<HostFs> writable(std::string_view id) {
    const RootMounts mounts = snapshots->mounts(id).value();
    return fs.subtree(kind == SnapshotKind::overlay ? mounts.upper : mounts.directory).value();
  }
  std::string changes(std::string_view id) {
    std::string text;
    const auto changed = snapshots->changes(id);
    REQUIRE_MESSAGE(changed.ok(), changed.error().message);
    for (const Change& change : *changed) text += concat("CAD"[static_cast<int>(change.kind)], " ", change.path, "\n");
    return text;
  }
  /// Deletes as the container's kernel does.
  void remove(std::string_view id, const std::string& path) {
    auto root = writable(id);
    REQUIRE(root->remove_tree(path).ok());
    if (kind == SnapshotKind::copy) return;
    NodeSpec whiteout;
    whiteout.type = FileType::character_device;
    whiteout.mode = 0;
    REQUIRE(make_directories(*root, path.substr(0, path.rfind('/'))).ok());
    REQUIRE(root->make_node(path, whiteout).ok());
  }
  void write(std::string_view id, const std::string& path, std::string_view bytes) {
    auto root = writable(id);
    if (path.find('/') != std::string::npos) REQUIRE(make_directories(*root, path.substr(0, path.rfind('/'))).ok());
    REQUIRE(root->write_atomic(path, bytes, 0644).ok());
  }
};

void check_roots(World& world) {
  SUBCASE("a root shows the image and what every container needs") {
    REQUIRE(world.snapshots->prepare("c1", world.image()).ok());
    const MergedTree tree = world.snapshots->tree("c1").value();
    CHECK(tree.read_file("etc/passwd", 10).value() == "root");
    CHECK(tree.stat("etc/motd").error().code == Errno::enoent);
    CHECK(tree.stat("opt/b")->inode == tree.stat("opt/c")->inode);
    for (const char* directory : {"dev/pts", "dev/shm", "proc", "sys"}) {
      CHECK(tree.stat(directory)->type == FileType::directory);
    }
    for (const char* file : {".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "dev/console"}) {
      CHECK(tree.stat(file)->type == FileType::regular);
    }
    CHECK(tree.stat("etc/mtab")->link_target == "/proc/mounts");
    CHECK(tree.stat("")->mode == 0755);
    CHECK(world.changes("c1").empty());
    CHECK(world.snapshots->usage("c1").value() == 0);
  }
  SUBCASE("a root without an image has only that") {
    REQUIRE(world.snapshots->prepare("c1", std::nullopt).ok());
    CHECK(world.snapshots->tree("c1")->list("").value().size() == 5);
    CHECK(world.snapshots->mounts("c1").ok());
  }
  SUBCASE("ids are file names, and used once") {
    const ChainId image = world.image();
    for (const char* id : {"", "..", "a/b", "new-x", ".hidden", "UPPER"}) {
      CHECK(world.snapshots->prepare(id, image).error().kind == ErrorKind::invalid_argument);
    }
    REQUIRE(world.snapshots->prepare("c1", image).ok());
    CHECK(world.snapshots->prepare("c1", image).error().kind == ErrorKind::conflict);
    CHECK(world.snapshots->prepare("c2", archive::digest_of("x")).error().kind == ErrorKind::not_found);
    CHECK(world.snapshots->mounts("c2").error().kind == ErrorKind::not_found);
  }
  SUBCASE("an overlay's directories are short names, the topmost first") {
    if (world.kind != SnapshotKind::overlay) return;
    const ChainId image = world.image();
    REQUIRE(world.snapshots->prepare("c1", image).ok());
    const RootMounts mounts = world.snapshots->mounts("c1").value();
    REQUIRE(mounts.lower.size() == 3);
    CHECK(mounts.lower[0] == mounts.lower[1] + "-i");
    CHECK(world.fs.stat(mounts.lower[0] + "/proc").ok());
    CHECK(is_overlay_whiteout(world.fs.stat(mounts.lower[1] + "/etc/motd").value()));
    CHECK(world.fs.stat(mounts.lower[2] + "/opt/a").ok());
    CHECK(mounts.base == world.fs.host_path(""));
  }
}

void check_changes(World& world) {
  SUBCASE("changes are listed as docker diff does") {
    REQUIRE(world.snapshots->prepare("c1", world.image()).ok());
    world.write("c1", "opt/new", "12345");
    world.write("c1", "etc/passwd", "changed");
    world.remove("c1", "opt/a");
    CHECK(world.changes("c1") == "C /etc\nC /etc/passwd\nC /opt\nD /opt/a\nA /opt/new\n");
    CHECK(world.snapshots->usage("c1").value() == 12);
  }
  SUBCASE("a commit makes a layer that shows the same tree") {
    const ChainId image = world.image();
    REQUIRE(world.snapshots->prepare("c1", image).ok());
    world.write("c1", "opt/new", std::string(300000, 'n'));
    world.remove("c1", "opt/a");
    auto diff = world.snapshots->open_diff_tar("c1").value();
    const std::string tar = testing::read_all(*diff).value();
    const Layer layer = testing::unpack(*world.layers, image, tar, "image:y").value();
    REQUIRE(world.snapshots->prepare("c2", layer.chain).ok());
    const MergedTree tree = world.snapshots->tree("c2").value();
    CHECK(tree.read_file("opt/new", 1 << 20).value() == std::string(300000, 'n'));
    CHECK(tree.stat("opt/a").error().code == Errno::enoent);
    CHECK(tree.read_file("opt/b", 10).value() == "22");
    CHECK(world.fs.stat(layer.diff_directory() + "/.dockerenv").error().code == Errno::enoent);
  }
  SUBCASE("an export is the whole tree") {
    REQUIRE(world.snapshots->prepare("c1", world.image()).ok());
    auto source = world.snapshots->open_tree_tar("c1").value();
    const std::string tar = testing::read_all(*source).value();
    const Layer flat = testing::unpack(*world.layers, std::nullopt, tar, "image:z").value();
    const MergedTree tree = MergedTree::open(world.fs, {flat.diff_directory()}).value();
    CHECK(tree.read_file("etc/passwd", 10).value() == "root");
    CHECK(tree.stat("etc/motd").error().code == Errno::enoent);
    CHECK(tree.stat("opt/b")->inode == tree.stat("opt/c")->inode);
    CHECK(tree.stat("proc").ok());
  }
  SUBCASE("a directory that was deleted and made anew hides what it had") {
    if (world.kind != SnapshotKind::overlay) return;
    REQUIRE(world.snapshots->prepare("c1", world.image()).ok());
    auto root = world.writable("c1");
    REQUIRE(root->make_node("opt", {}).ok());
    const char* opaque = world.fs.features().trusted_xattrs ? "trusted.overlay.opaque" : "user.overlay.opaque";
    REQUIRE(root->set_metadata("opt", Metadata{{}, {}, {}, {}, {{opaque, "y"}}}).ok());
    REQUIRE(root->write_atomic("opt/b", "x", 0644).ok());
    CHECK(world.changes("c1") == "C /opt\nD /opt/a\nC /opt/b\nD /opt/c\n");
  }
}

void check_life(World& world) {
  SUBCASE("a snapshot keeps its layers, and lets go of them") {
    const ChainId image = world.image();
    REQUIRE(world.snapshots->prepare("c1", image).ok());
    CHECK(world.layers->release(image, "image:x").value().empty());
    world.reopen();
    CHECK(world.snapshots->list() == std::vector<std::string>{"c1"});
    CHECK(world.layers->remove_unheld().value().empty());
    CHECK(world.snapshots->tree("c1")->read_file("etc/passwd", 10).value() == "root");
    CHECK(world.snapshots->remove("c1").ok());
    CHECK(world.snapshots->remove("c1").ok());
    CHECK(world.layers->list().empty());
    CHECK(world.fs.list("layers").value().empty());
    CHECK(world.fs.list("snapshots").value().empty());
    CHECK(world.fs.list("l").value().empty());
  }
  SUBCASE("half a snapshot of a dead daemon is removed, a damaged one named") {
    REQUIRE(world.snapshots->prepare("c1", world.image()).ok());
    REQUIRE(make_directories(world.fs, "snapshots/new-c2/upper").ok());
    REQUIRE(world.fs.write_atomic("snapshots/c1/snapshot.json", "[]", 0600).ok());
    world.reopen();
    CHECK(world.snapshots->damage().size() == 1);
    CHECK(world.snapshots->list().empty());
    CHECK(world.fs.stat("snapshots/new-c2").error().code == Errno::enoent);
    CHECK(world.snapshots->remove("c1").ok());
    CHECK(world.fs.list("snapshots").value().empty());
  }
}

}  // namespace

void check_snapshotter(const HostFsFactory& make_root, SnapshotKind kind) {
  const std::shared_ptr<HostFs> fs = make_root();
  REQUIRE(fs);
  World world(*fs, kind);
  check_roots(world);
  check_changes(world);
  check_life(world);
}

}  // namespace drydock::conformance
