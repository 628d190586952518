#include "tests/conformance/host_fs_suite.h"

#include <doctest/doctest.h>

namespace drydock::conformance {
namespace {

using namespace storage;

void put(HostFs& fs, std::string_view path, std::string_view bytes) {
  REQUIRE(fs.write_atomic(path, bytes, 0644).ok());
}

void link(HostFs& fs, std::string_view path, std::string_view target) {
  NodeSpec spec;
  spec.type = FileType::symlink;
  spec.link_target = target;
  REQUIRE(fs.make_node(path, spec).ok());
}

std::string content(HostFs& fs, std::string_view path) {
  auto bytes = read_file(fs, path, 1 << 20);
  return bytes.ok() ? *bytes : to_string(bytes.error());
}

template <class R>
Errno code(const R& result) {
  REQUIRE(!result.ok());
  return result.error().code;
}

void check_reading_and_writing(HostFs& fs) {
  SUBCASE("write_atomic makes a file with exactly the permissions asked for, and replaces it") {
    put(fs, "a", "one");
    REQUIRE(fs.write_atomic("a", "two", 0666).ok());
    CHECK(content(fs, "a") == "two");
    CHECK(fs.stat("a")->mode == 0666);
    CHECK(fs.list("")->size() == 1);
  }
  SUBCASE("create_new refuses a name that exists, whatever it is") {
    put(fs, "file", "x");
    link(fs, "dangling", "nowhere");
    CHECK(code(fs.open_write("file", WriteMode::create_new, 0644)) == Errno::eexist);
    CHECK(code(fs.open_write("dangling", WriteMode::create_new, 0644)) == Errno::eexist);
  }
  SUBCASE("append goes on at the end, truncate begins anew") {
    put(fs, "a", "abc");
    REQUIRE(fs.open_write("a", WriteMode::append, 0644).value()->write("def").ok());
    CHECK(content(fs, "a") == "abcdef");
    REQUIRE(fs.open_write("a", WriteMode::truncate, 0644).value()->write("x").ok());
    CHECK(content(fs, "a") == "x");
  }
  SUBCASE("skip leaves zeros") {
    auto writer = fs.open_write("sparse", WriteMode::create_new, 0644);
    REQUIRE(writer.value()->write("a").ok());
    REQUIRE(writer.value()->skip(3).ok());
    REQUIRE(writer.value()->write("b").ok());
    REQUIRE(writer.value()->skip(2).ok());
    CHECK(content(fs, "sparse") == std::string("a\0\0\0b\0\0", 7));
  }
  SUBCASE("read_at gives less only at the end") {
    put(fs, "a", "hello");
    auto reader = fs.open_read("a");
    REQUIRE(reader.ok());
    std::string buffer(10, '.');
    CHECK(reader.value()->size() == 5);
    CHECK(reader.value()->read_at(3, buffer).value() == 2);
    CHECK(buffer.substr(0, 2) == "lo");
    CHECK(reader.value()->read_at(99, buffer).value() == 0);
  }
  SUBCASE("read_file refuses more than its limit and takes exactly it") {
    put(fs, "a", "hello");
    CHECK(code(read_file(fs, "a", 4)) == Errno::efbig);
    CHECK(read_file(fs, "a", 5).value() == "hello");
  }
  SUBCASE("only regular files are opened") {
    REQUIRE(fs.make_node("dir", {}).ok());
    NodeSpec fifo;
    fifo.type = FileType::fifo;
    REQUIRE(fs.make_node("fifo", fifo).ok());
    link(fs, "link", "dir");
    CHECK(code(fs.open_read("dir")) == Errno::eisdir);
    CHECK(code(fs.open_read("fifo")) == Errno::einval);
    CHECK(code(fs.open_read("link")) == Errno::eloop);
    CHECK(code(fs.open_read("missing")) == Errno::enoent);
  }
}

void check_resolution(HostFs& fs) {
  SUBCASE("no path leaves the root") {
    put(fs, "secret", "inside");
    REQUIRE(make_directories(fs, "d/e").ok());
    link(fs, "d/up", "../../../../..");
    link(fs, "d/abs", "/");
    CHECK(content(fs, "../../secret") == "inside");
    CHECK(content(fs, "/secret") == "inside");
    CHECK(content(fs, "d/up/secret") == "inside");
    CHECK(content(fs, "d/abs/secret") == "inside");
    put(fs, "d/up/new", "x");
    CHECK(content(fs, "new") == "x");
  }
  SUBCASE("a subtree is a root of its own") {
    put(fs, "secret", "outside");
    REQUIRE(make_directories(fs, "d/e").ok());
    link(fs, "d/abs", "/secret");
    link(fs, "d/top", "/");
    auto sub = fs.subtree("d");
    REQUIRE(sub.ok());
    CHECK(code(sub.value()->stat("../secret")) == Errno::enoent);
    CHECK(code(sub.value()->stat("top/secret")) == Errno::enoent);
    CHECK(sub.value()->stat("top/e").ok());
    CHECK(sub.value()->host_path("x") == fs.host_path("d/x"));
  }
  SUBCASE("a subtree is never reached through a link in the last place") {
    REQUIRE(fs.make_node("real", {}).ok());
    link(fs, "alias", "real");
    CHECK(!fs.subtree("alias").ok());
    CHECK(!fs.subtree("missing").ok());
  }
  SUBCASE("the last component is not followed") {
    put(fs, "target", "x");
    link(fs, "link", "target");
    CHECK(fs.stat("link")->type == FileType::symlink);
    CHECK(fs.stat("link")->link_target == "target");
    REQUIRE(fs.remove_tree("link").ok());
    CHECK(content(fs, "target") == "x");
  }
  SUBCASE("links in a circle are ELOOP, a file on the way ENOTDIR") {
    link(fs, "a", "b");
    link(fs, "b", "a");
    put(fs, "file", "x");
    CHECK(code(fs.stat("a/x")) == Errno::eloop);
    CHECK(code(fs.stat("file/x")) == Errno::enotdir);
  }
  SUBCASE("nothing can be created in place of the root, '.' or '..'") {
    for (const char* name : {"", "/", ".", "..", "a/.."}) {
      CHECK(code(fs.make_node(name, {})) == Errno::einval);
      CHECK(!fs.remove_tree(name).ok());
    }
    CHECK(code(fs.make_node(std::string_view("a\0b", 3), {})) == Errno::einval);
    CHECK(fs.stat("").value().type == FileType::directory);
    CHECK(fs.stat("..").value().inode == fs.stat("").value().inode);
  }
  SUBCASE("a name may have 255 bytes and no more") {
    CHECK(fs.make_node(std::string(255, 'n'), {}).ok());
    CHECK(code(fs.make_node(std::string(256, 'n'), {})) == Errno::enametoolong);
  }
}

void check_nodes(HostFs& fs) {
  SUBCASE("directories get exactly their mode") {
    for (const std::uint32_t mode : {0700u, 0777u, 01777u, 02775u}) {
      NodeSpec spec;
      spec.mode = mode;
      const std::string name = concat("d", mode);
      REQUIRE(fs.make_node(name, spec).ok());
      CHECK(fs.stat(name)->mode == mode);
    }
    CHECK(code(fs.make_node("d511", {})) == Errno::eexist);
  }
  SUBCASE("a whiteout is a character device 0/0") {
    NodeSpec spec;
    spec.type = FileType::character_device;
    spec.mode = 0;
    REQUIRE(fs.make_node("gone", spec).ok());
    const FileInfo info = fs.stat("gone").value();
    CHECK(info.type == FileType::character_device);
    CHECK(info.device_major == 0);
    CHECK(info.device_minor == 0);
  }
  SUBCASE("device numbers are kept, the large ones too") {
    if (!fs.features().device_nodes) {
      MESSAGE("skipped: no right to make device nodes here");
      return;
    }
    NodeSpec spec;
    spec.type = FileType::block_device;
    spec.device_major = 259;
    spec.device_minor = 70000;
    REQUIRE(fs.make_node("disk", spec).ok());
    CHECK(fs.stat("disk")->device_major == 259);
    CHECK(fs.stat("disk")->device_minor == 70000);
  }
  SUBCASE("hard links share the inode and are counted") {
    put(fs, "a", "x");
    REQUIRE(fs.make_hard_link("a", "b").ok());
    CHECK(fs.stat("a")->inode == fs.stat("b")->inode);
    CHECK(fs.stat("a")->links == 2);
    CHECK(code(fs.make_hard_link("a", "b")) == Errno::eexist);
    CHECK(code(fs.make_hard_link("missing", "c")) == Errno::enoent);
    link(fs, "link", "nowhere");
    REQUIRE(fs.make_hard_link("link", "link2").ok());
    CHECK(fs.stat("link2")->type == FileType::symlink);
  }
  SUBCASE("metadata of files, directories and links") {
    put(fs, "file", "x");
    link(fs, "link", "file");
    Metadata metadata;
    metadata.mode = 04711;
    metadata.mtime_ns = 1'234'567'890'123'456'789;
    if (fs.features().chown) metadata.uid = metadata.gid = 1234;
    REQUIRE(fs.set_metadata("file", metadata).ok());
    CHECK(fs.stat("file")->mode == 04711);  // chown(2) clears setuid, so the mode comes after it
    CHECK(fs.stat("file")->mtime_ns == 1'234'567'890'123'456'789);
    metadata.mode.reset();
    metadata.mtime_ns = -5'000'000'001;  // before 1970
    REQUIRE(fs.set_metadata("link", metadata).ok());
    CHECK(fs.stat("link")->mtime_ns == -5'000'000'001);
    CHECK(fs.stat("file")->mtime_ns == 1'234'567'890'123'456'789);
    if (fs.features().chown) CHECK(fs.stat("link")->uid == 1234);
  }
  SUBCASE("extended attributes are set one by one and hold any bytes") {
    put(fs, "file", "x");
    Metadata metadata;
    metadata.xattrs = {{"user.a", std::string("1\0\xff", 3)}};
    const auto set = fs.set_metadata("file", metadata);
    if (!set.ok() && set.error().code == Errno::eopnotsupp) {
      MESSAGE("skipped: this file system has no user.* attributes (tmpfs before Linux 6.6)");
      return;
    }
    REQUIRE(set.ok());
    metadata.xattrs = {{"user.b", ""}};
    REQUIRE(fs.set_metadata("file", metadata).ok());
    const Xattrs xattrs = fs.xattrs("file").value();
    REQUIRE(xattrs.size() == 2);
    CHECK(xattrs[0].second.size() + xattrs[1].second.size() == 3);
  }
}

void check_moving_and_removing(HostFs& fs) {
  SUBCASE("rename replaces files, and not full directories") {
    put(fs, "a", "new");
    put(fs, "b", "old");
    REQUIRE(fs.rename("a", "b").ok());
    CHECK(content(fs, "b") == "new");
    CHECK(code(fs.stat("a")) == Errno::enoent);
    REQUIRE(make_directories(fs, "d/full").ok());
    REQUIRE(fs.make_node("e", {}).ok());
    CHECK(code(fs.rename("e", "d")) == Errno::enotempty);
    CHECK(code(fs.rename("missing", "x")) == Errno::enoent);
  }
  SUBCASE("remove_tree takes all below, follows no link, and finds nothing a success") {
    put(fs, "keep", "x");
    REQUIRE(make_directories(fs, "d/e/f").ok());
    put(fs, "d/e/file", "x");
    link(fs, "d/e/out", "/keep");
    link(fs, "d/dir", "..");
    REQUIRE(fs.remove_tree("d").ok());
    CHECK(code(fs.stat("d")) == Errno::enoent);
    CHECK(content(fs, "keep") == "x");
    CHECK(fs.remove_tree("d").ok());
    CHECK(fs.remove_tree("no/such/path").ok());
  }
  SUBCASE("a tree deeper than there may be open files is removed") {
    auto level = fs.subtree("");
    for (int depth = 0; depth < 3000; ++depth) {
      REQUIRE(level.value()->make_node("d", {}).ok());
      level = level.value()->subtree("d");
      REQUIRE(level.ok());
    }
    put(*level.value(), "file", "x");
    CHECK(fs.remove_tree("d").ok());
    CHECK(fs.list("")->empty());
  }
  SUBCASE("a subtree sees what it changed itself") {
    REQUIRE(make_directories(fs, "d/e").ok());
    auto sub = fs.subtree("d");
    put(*sub.value(), "e/a", "old");
    REQUIRE(sub.value()->rename("e", "moved").ok());
    REQUIRE(sub.value()->make_node("e", {}).ok());
    put(*sub.value(), "e/a", "new");
    CHECK(content(fs, "d/moved/a") == "old");
    CHECK(content(fs, "d/e/a") == "new");
    REQUIRE(sub.value()->remove_tree("e").ok());
    REQUIRE(sub.value()->make_node("e", {}).ok());
    CHECK(code(sub.value()->stat("e/a")) == Errno::enoent);
  }
  SUBCASE("make_directories makes what is missing and goes through links") {
    REQUIRE(make_directories(fs, "/a/b/c/", 0700).ok());
    CHECK(fs.stat("a/b/c")->mode == 0700);
    link(fs, "alias", "a/b");
    CHECK(make_directories(fs, "alias/d").ok());
    CHECK(make_directories(fs, "alias").ok());
    CHECK(fs.stat("a/b/d").ok());
    put(fs, "file", "x");
    CHECK(code(make_directories(fs, "file/x")) == Errno::enotdir);
  }
  SUBCASE("listing is sorted; the size counts a hard link once") {
    for (const char* name : {"c", "a", "b"}) put(fs, name, "12345");
    REQUIRE(fs.make_hard_link("a", "d").ok());
    std::string names;
    const std::vector<DirectoryEntry> entries = fs.list("").value();
    for (const DirectoryEntry& entry : entries) names += entry.name;
    CHECK(names == "abcd");
    CHECK(tree_size(fs, "").value() == 15);
  }
}

}  // namespace

void check_host_fs(const HostFsFactory& make_root) {
  const std::shared_ptr<HostFs> fs = make_root();
  REQUIRE(fs);
  check_reading_and_writing(*fs);
  check_resolution(*fs);
  check_nodes(*fs);
  check_moving_and_removing(*fs);
}

}  // namespace drydock::conformance
