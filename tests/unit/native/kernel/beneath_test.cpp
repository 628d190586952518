#include "native/kernel/beneath.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "native/kernel/fd.h"

namespace drydock::native {

namespace fs = std::filesystem;

namespace {

/// A root with a directory of the host beside it, which no path may reach.
struct Roots {
  Roots() {
    char path[] = "/tmp/drydock-beneath-XXXXXX";
    REQUIRE(::mkdtemp(path) != nullptr);
    base = path;
    fs::create_directories(base + "/root");
    fs::create_directories(base + "/outside");
    root = Fd(::open((base + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  ~Roots() { fs::remove_all(base); }
  std::string inside(const std::string& path) const { return base + "/root/" + path; }

  std::string base;
  Fd root;
};

}  // namespace

TEST_CASE("missing directories and a missing file are made beneath the root") {
  Roots roots;
  const Fd fd(create_beneath(roots.root.get(), "/a/b/c", Create::file));
  REQUIRE(fd.valid());
  CHECK(fs::is_directory(roots.inside("a/b")));
  CHECK(fs::is_regular_file(roots.inside("a/b/c")));
}

TEST_CASE("what exists is opened as it is") {
  Roots roots;
  std::ofstream(roots.inside("file")) << "x";
  const Fd fd(create_beneath(roots.root.get(), "file", Create::directory));
  REQUIRE(fd.valid());
  CHECK(fs::is_regular_file(roots.inside("file")));
}

TEST_CASE("a link to nothing is followed and its target is made inside") {
  Roots roots;
  fs::create_directories(roots.inside("etc"));
  fs::create_symlink("../run/resolve/stub.conf", roots.inside("etc/resolv.conf"));
  const Fd fd(create_beneath(roots.root.get(), "/etc/resolv.conf", Create::file));
  REQUIRE(fd.valid());
  CHECK(fs::is_regular_file(roots.inside("run/resolve/stub.conf")));
}

TEST_CASE("absolute links and dots stay inside the root") {
  Roots roots;
  fs::create_symlink(roots.base + "/outside", roots.inside("absolute"));
  fs::create_symlink("../outside", roots.inside("relative"));
  CHECK(Fd(create_beneath(roots.root.get(), "absolute/x", Create::file)).valid());
  CHECK(Fd(create_beneath(roots.root.get(), "relative/x", Create::file)).valid());
  CHECK(Fd(create_beneath(roots.root.get(), "../../outside/y", Create::file)).valid());
  CHECK(fs::is_empty(roots.base + "/outside"));
}

TEST_CASE("links that point at each other end in ELOOP") {
  Roots roots;
  fs::create_symlink("b", roots.inside("a"));
  fs::create_symlink("a", roots.inside("b"));
  CHECK(create_beneath(roots.root.get(), "a/x", Create::file) == -ELOOP);
}

TEST_CASE("a file in the way is ENOTDIR") {
  Roots roots;
  std::ofstream(roots.inside("file")) << "x";
  CHECK(create_beneath(roots.root.get(), "file/below", Create::file) == -ENOTDIR);
}

TEST_CASE("a path that is too long is refused") {
  Roots roots;
  CHECK(create_beneath(roots.root.get(), std::string(5000, 'a').c_str(), Create::file) == -ENAMETOOLONG);
  CHECK(create_beneath(roots.root.get(), std::string(300, 'a').c_str(), Create::file) == -ENAMETOOLONG);
}

TEST_CASE("links can be refused") {
  Roots roots;
  fs::create_directories(roots.inside("real"));
  fs::create_symlink("real", roots.inside("link"));
  CHECK(Fd(open_beneath(roots.root.get(), "real", Symlinks::refuse)).valid());
  CHECK(open_beneath(roots.root.get(), "link", Symlinks::refuse) == -ELOOP);
}

TEST_CASE("the parent of a name is made, the name is not") {
  Roots roots;
  const char* name = nullptr;
  const Fd parent(open_parent_beneath(roots.root.get(), "/dev/net/tun", &name));
  REQUIRE(parent.valid());
  CHECK(std::string(name) == "tun");
  CHECK(fs::is_empty(roots.inside("dev/net")));
  CHECK(open_parent_beneath(roots.root.get(), "/", &name) == -EINVAL);
  CHECK(open_parent_beneath(roots.root.get(), "/a/..", &name) == -EINVAL);
}

}  // namespace drydock::native
