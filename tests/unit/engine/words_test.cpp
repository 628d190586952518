// Small languages of the command line: detach keys, signals, sizes, names, mounts.

#include <doctest/doctest.h>

#include "engine/container_files.h"
#include "engine/container_names.h"
#include "engine/detach_keys.h"
#include "engine/log_options.h"
#include "engine/mount_points.h"
#include "engine/signals.h"

namespace drydock::engine {

namespace {

std::string bind_error(std::string_view spec) {
  auto point = parse_bind(spec);
  REQUIRE_FALSE(point.ok());
  return point.error().message;
}

}  // namespace

TEST_CASE("detach keys are characters and ctrl- combinations") {
  CHECK(*parse_detach_keys("") == "\x10\x11");
  CHECK(*parse_detach_keys("ctrl-a,x,ctrl-]") == "\x01x\x1d");
  CHECK_FALSE(parse_detach_keys("nosuch-x").ok());
  CHECK_FALSE(parse_detach_keys("ctrl-A").ok());
}

TEST_CASE("the beginning of the detach keys is held back until it is decided") {
  DetachMatcher matcher("\x10\x11");
  CHECK(matcher.feed("ab\x10") == "ab");
  CHECK(matcher.feed("c") ==
        "\x10"
        "c");
  CHECK(matcher.feed("\x10\x10") == "\x10");
  CHECK_FALSE(matcher.detached());
  CHECK(matcher.feed("\x11lost") == "");
  CHECK(matcher.detached());
}

TEST_CASE("signals are known by number and by name, with and without SIG") {
  CHECK(*parse_signal("KILL") == 9);
  CHECK(*parse_signal("sigterm") == 15);
  CHECK(*parse_signal("9") == 9);
  CHECK(*parse_signal("RTMIN+3") == 37);
  CHECK(*parse_signal("SIGRTMAX-1") == 63);
  CHECK(parse_signal("NOSUCH").error().message == "Invalid signal: NOSUCH");
  CHECK_FALSE(parse_signal("").ok());
  CHECK_FALSE(parse_signal("RTMIN+16").ok());
}

TEST_CASE("sizes of log options are binary") {
  CHECK(parse_ram_size("10m") == 10u << 20);
  CHECK(parse_ram_size("1.5k") == 1536);
  CHECK(parse_ram_size("7") == 7);
  CHECK(parse_ram_size("2gb") == 2ull << 30);
  CHECK_FALSE(parse_ram_size("x").has_value());
  CHECK_FALSE(parse_ram_size("").has_value());
  CHECK_FALSE(parse_ram_size("99999999999999999999").has_value());
  CHECK_FALSE(parse_ram_size("9999999999p").has_value());
}

TEST_CASE("names follow Docker's rule, and those that are made up do too") {
  CHECK(is_valid_name("a1"));
  CHECK(is_valid_name("A_b.c-d"));
  for (const char* bad : {"", "a", "-x", "_x", "a b", "a/b", "\xc3\xa4x"}) CHECK_FALSE(is_valid_name(bad));
  SeededRandom random(7);
  for (int i = 0; i < 100; ++i) {
    const std::string name = random_name(random, i % 2);
    CHECK(is_valid_name(name));
    CHECK(name.find('_') != std::string::npos);
  }
}

TEST_CASE("a bind is source, destination and mode") {
  const auto point = parse_bind("/a/../b:/c//d:ro,z,rslave");
  REQUIRE(point.ok());
  CHECK(point->kind == MountPoint::Kind::bind);
  CHECK(point->source == "/b");
  CHECK(point->destination == "/c/d");
  CHECK_FALSE(point->read_write);
  CHECK(point->propagation == "rslave");
  CHECK(parse_bind("v:/x")->volume == "v");
  CHECK(parse_bind("/x")->anonymous);
}

TEST_CASE("a wrong bind is refused in Docker's words") {
  CHECK(bind_error("x") ==
        "invalid volume specification: 'x': invalid mount config for type \"volume\": invalid mount path: 'x' mount "
        "path must be absolute");
  CHECK(bind_error("/a:rel") ==
        "invalid volume specification: '/a:rel': invalid mount config for type \"bind\": invalid mount path: 'rel' "
        "mount path must be absolute");
  CHECK(bind_error("/a:/") ==
        "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid specification: "
        "destination can't be '/'");
  CHECK(bind_error("/a:/b:nosuch") == "invalid mode: nosuch");
  CHECK(bind_error("/a:/b:ro,rw") == "invalid mode: ro,rw");
  CHECK(bind_error("a:b:c:d") == "invalid volume specification: 'a:b:c:d'");
  CHECK(bind_error(":/x") == "invalid volume specification: ':/x'");
  CHECK(bind_error("/tmp:") == "invalid volume specification: '/tmp:'");
}

TEST_CASE("a path is cleaned without leaving the root") {
  CHECK(clean_absolute("/../../a//./b/") == "/a/b");
  CHECK(clean_absolute("/..") == "/");
}

TEST_CASE("resolv.conf is the host's, unless something else was asked for or could not be reached") {
  HostConfig host;
  const std::string_view of_host = "# mine\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nsearch a b\noptions x\n";
  CHECK(resolv_conf_text("nameserver 10.0.0.1\n", host, {}, {}, {}, true) == "nameserver 10.0.0.1\n");
  CHECK(resolv_conf_text(of_host, host, {}, {}, {}, false) == of_host);
  CHECK(resolv_conf_text(of_host, host, {}, {}, {}, true) == "search a b\nnameserver 10.0.0.1\noptions x\n");
  CHECK(resolv_conf_text("nameserver 127.0.0.1\n", host, {}, {}, {}, true) ==
        "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
  host.dns = Strings{"9.9.9.9"};
  host.dns_search = Strings{"x.org"};
  host.dns_options = Strings{"ndots:2"};
  CHECK(resolv_conf_text("nameserver 10.0.0.1\n", host, {}, {}, {}, true) ==
        "search x.org\nnameserver 9.9.9.9\noptions ndots:2\n");
}

}  // namespace drydock::engine
