#include "archive/tar_writer.h"

#include <doctest/doctest.h>

#include "archive/digest.h"
#include "tar_fixtures.h"

using namespace drydock;
using namespace drydock::archive;
using namespace drydock::archive::fixtures;

namespace {

std::string archive_of(const TarEntry& entry, std::string_view content = "", TarTimes times = TarTimes::seconds) {
  TarWriter writer(times);
  std::string out;
  REQUIRE(writer.begin(entry, out).ok());
  REQUIRE(writer.write(content, out).ok());
  REQUIRE(writer.finish(out).ok());
  return out;
}

TarEntry file(std::string name, std::uint64_t size = 0) {
  TarEntry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.size = size;
  entry.mtime_ns = 1'700'000'000'250'000'000;
  return entry;
}

}  // namespace

TEST_CASE("a plain file has one ustar header, as Go writes it") {
  const std::string out = archive_of(file("etc/motd", 6), "hello\n");
  REQUIRE(out.size() == 2048);
  CHECK(out.substr(0, 9) == std::string("etc/motd\0", 9));
  CHECK(out.substr(100, 24) == std::string("0000644\0"
                                           "0000000\0"
                                           "0000000\0",
                                           24));
  CHECK(out.substr(124, 24) == std::string("00000000006\0"
                                           "14524770400\0",
                                           24));
  CHECK(out.substr(154, 3) == std::string("\0 0", 3));
  CHECK(out.substr(257, 8) == std::string("ustar\0"
                                          "00",
                                          8));
  CHECK(out.substr(329, 16) == std::string("0000000\0"
                                           "0000000\0",
                                           16));
  CHECK(out.substr(512, 7) == std::string("hello\n\0", 7));
}

TEST_CASE("everything that is written can be read") {
  TarEntry entry = file("dir/" + std::string(200, 'n') + "\xc3\xa4", 5);
  entry.uid = 4294967294;
  entry.gid = 3000000;
  entry.user_name = "j\xc3\xb6rg";
  entry.group_name = "staff";
  entry.mtime_ns = -1'500'000'000;
  entry.mode = 04755;
  entry.xattrs = {{"security.capability", std::string("\1\0\0\2", 4)}, {"user.a", "b"}};
  entry.pax_records = {{"comment", "kept"}};
  const auto members = read_all(archive_of(entry, "12345", TarTimes::nanoseconds)).value();
  REQUIRE(members.size() == 1);
  const TarEntry& back = members[0].entry;
  CHECK(back.name == entry.name);
  CHECK(back.uid == entry.uid);
  CHECK(back.gid == entry.gid);
  CHECK(back.user_name == entry.user_name);
  CHECK(back.group_name == entry.group_name);
  CHECK(back.mtime_ns == entry.mtime_ns);
  CHECK(back.mode == entry.mode);
  CHECK(back.xattrs == entry.xattrs);
  CHECK(back.pax_records == entry.pax_records);
  CHECK(members[0].content == "12345");
}

TEST_CASE("links, devices and directories are read back as such") {
  for (const TarType type : {TarType::hard_link, TarType::symlink, TarType::character_device, TarType::block_device,
                             TarType::directory, TarType::fifo}) {
    TarEntry entry = file("name");
    entry.type = type;
    if (type == TarType::hard_link || type == TarType::symlink) entry.link_name = std::string(150, 'l');
    if (type == TarType::character_device) entry.device_minor = 1048575;
    const TarEntry back = read_all(archive_of(entry)).value()[0].entry;
    CHECK(back.type == type);
    CHECK(back.link_name == entry.link_name);
    CHECK(back.device_minor == entry.device_minor);
    CHECK(back.name == (type == TarType::directory ? "name/" : "name"));
  }
}

TEST_CASE("a name of 100 bytes fits the header, one more takes a pax record") {
  CHECK(archive_of(file(std::string(100, 'n'))).size() == 512 + 1024);
  const std::string longer = archive_of(file("d/" + std::string(99, 'n')));
  CHECK(longer.size() == 512 + 512 + 512 + 1024);
  CHECK(longer.substr(0, 15) == "d/PaxHeaders.0/");
  CHECK(longer[156] == 'x');
  CHECK(longer.substr(512, 10) == "111 path=d");
}

TEST_CASE("times are cut to seconds downwards unless nanoseconds are wanted") {
  CHECK(read_all(archive_of(file("a"))).value()[0].entry.mtime_ns == 1'700'000'000'000'000'000);
  TarEntry old = file("a");
  old.mtime_ns = -1;
  CHECK(read_all(archive_of(old)).value()[0].entry.mtime_ns == -1'000'000'000);
  CHECK(read_all(archive_of(old, "", TarTimes::nanoseconds)).value()[0].entry.mtime_ns == -1);
}

TEST_CASE("a file of eight gigabytes takes a pax record for its size") {
  TarWriter writer;
  std::string out;
  REQUIRE(writer.begin(file("big", 8589934592), out).ok());
  CHECK(out.substr(512, 18) == "19 size=8589934592");
  CHECK(writer.left() == 8589934592);
  REQUIRE(writer.skip(8589934592, out).ok());
  CHECK(writer.finish(out).ok());
}

TEST_CASE("a member must get all its bytes and no more") {
  TarWriter writer;
  std::string out;
  REQUIRE(writer.begin(file("a", 5), out).ok());
  REQUIRE(writer.write("ab", out).ok());
  CHECK(writer.begin(file("b"), out).error().message == "archive/tar: missed writing 3 bytes");
  CHECK(writer.finish(out).error().kind == ErrorKind::conflict);
  CHECK(writer.write("cdef", out).error().message == "archive/tar: write too long");
  REQUIRE(writer.write("cde", out).ok());
  CHECK(writer.finish(out).ok());
}

TEST_CASE("what a tar header cannot hold is refused") {
  TarWriter writer;
  std::string out;
  CHECK(writer.begin(file(""), out).error().kind == ErrorKind::invalid_argument);
  CHECK(writer.begin(file(std::string("a\0b", 3)), out).error().kind == ErrorKind::invalid_argument);
  TarEntry directory = file("d", 1);
  directory.type = TarType::directory;
  CHECK(writer.begin(directory, out).error().kind == ErrorKind::invalid_argument);
  TarEntry strange = file("a");
  strange.xattrs = {{"a=b", "c"}};
  CHECK(writer.begin(strange, out).error().kind == ErrorKind::invalid_argument);
  CHECK(out.empty());
}
