#include "archive/tar_reader.h"

#include <doctest/doctest.h>

#include "archive/pax.h"
#include "tar_fixtures.h"

using namespace drydock;
using namespace drydock::archive;
using namespace drydock::archive::fixtures;

TEST_CASE("a ustar member has its fields and its content") {
  const auto members = read_all(member({.name = "etc/motd"}, "hello\n") + end()).value();
  REQUIRE(members.size() == 1);
  const TarEntry& entry = members[0].entry;
  CHECK(entry.name == "etc/motd");
  CHECK(entry.type == TarType::regular);
  CHECK(entry.mode == 0644);
  CHECK(entry.uid == 1000);
  CHECK(entry.gid == 100);
  CHECK(entry.user_name == "root");
  CHECK(entry.group_name == "wheel");
  CHECK(entry.size == 6);
  CHECK(entry.mtime_ns == 1'700'000'000'000'000'000);
  CHECK(members[0].content == "hello\n");
}

TEST_CASE("an archive may arrive one byte at a time") {
  std::string records;
  append_pax_record(records, "path", "renamed");
  const std::string archive = member({.name = "a"}, std::string(513, 'x')) + pax(records) + member({}, "y") + end();
  for (const std::size_t slice : {1, 511, 512, 513}) {
    const auto members = read_all(archive, slice).value();
    REQUIRE(members.size() == 2);
    CHECK(members[0].content == std::string(513, 'x'));
    CHECK(members[1].entry.name == "renamed");
    CHECK(members[1].content == "y");
  }
}

TEST_CASE("each type of member is told from the others") {
  const std::string archive = block_of({.name = "d/", .type = '5'}) + block_of({.type = '1', .link_name = "d/a"}) +
                              block_of({.type = '2', .link_name = "../b"}) + block_of({.type = '3'}) +
                              block_of({.type = '4'}) + block_of({.type = '6'}) + end();
  const auto members = read_all(archive).value();
  REQUIRE(members.size() == 6);
  CHECK(members[0].entry.type == TarType::directory);
  CHECK(members[1].entry.type == TarType::hard_link);
  CHECK(members[1].entry.link_name == "d/a");
  CHECK(members[2].entry.type == TarType::symlink);
  CHECK(members[2].entry.link_name == "../b");
  CHECK(members[3].entry.type == TarType::character_device);
  CHECK(members[3].entry.device_major == 1);
  CHECK(members[3].entry.device_minor == 3);
  CHECK(members[4].entry.type == TarType::block_device);
  CHECK(members[5].entry.type == TarType::fifo);
}

TEST_CASE("a member that is no file has no content, whatever its size says") {
  const std::string archive =
      block_of({.size = octal(512, 11), .type = '1', .link_name = "a"}) + member({}, "b") + end();
  const auto members = read_all(archive).value();
  REQUIRE(members.size() == 2);
  CHECK(members[0].entry.size == 0);
  CHECK(members[1].content == "b");
}

TEST_CASE("a ustar prefix goes before the name, GNU's other use of the place does not") {
  CHECK(read_all(block_of({.name = "c", .prefix = "a/b"}) + end()).value()[0].entry.name == "a/b/c");
  const Header gnu = {.name = "c", .magic = std::string("ustar  \0", 8), .prefix = "14512345670"};
  CHECK(read_all(block_of(gnu) + end()).value()[0].entry.name == "c");
}

TEST_CASE("V7 members have no owner names, and directories by a slash") {
  const Header v7 = {.name = "old/", .type = '\0', .magic = std::string(8, '\0')};
  const TarEntry entry = read_all(block_of(v7) + end()).value()[0].entry;
  CHECK(entry.type == TarType::directory);
  CHECK(entry.user_name.empty());
}

TEST_CASE("GNU long names replace the short ones of the next member only") {
  const std::string name(300, 'n');
  const std::string target(200, 't');
  const std::string archive = member({.type = 'L'}, name + '\0') + member({.type = 'K'}, target + '\0') +
                              block_of({.name = "short", .type = '2', .link_name = "x"}) + block_of({.name = "next"}) +
                              end();
  const auto members = read_all(archive).value();
  CHECK(members[0].entry.name == name);
  CHECK(members[0].entry.link_name == target);
  CHECK(members[1].entry.name == "next");
}

TEST_CASE("pax records replace the fields of the next member only") {
  std::string records;
  append_pax_record(records, "path", "dir/\xc3\xa4");
  append_pax_record(records, "uid", "3000000");
  append_pax_record(records, "gid", "4294967295");
  append_pax_record(records, "uname", "someone");
  append_pax_record(records, "mtime", "1700000000.25");
  append_pax_record(records, "size", "3");
  append_pax_record(records, "SCHILY.xattr.security.capability", std::string("\1\0\0\2", 4));
  append_pax_record(records, "comment", "kept");
  const std::string archive = pax(records) + block_of({.size = octal(0, 11)}) + padded("abc") + member({}, "z") + end();
  const auto members = read_all(archive).value();
  REQUIRE(members.size() == 2);
  const TarEntry& entry = members[0].entry;
  CHECK(entry.name == "dir/\xc3\xa4");
  CHECK(entry.uid == 3000000);
  CHECK(entry.gid == 4294967295);
  CHECK(entry.user_name == "someone");
  CHECK(entry.mtime_ns == 1'700'000'000'250'000'000);
  CHECK(members[0].content == "abc");
  CHECK(entry.xattrs == TarRecords{{"security.capability", std::string("\1\0\0\2", 4)}});
  CHECK(entry.pax_records == TarRecords{{"comment", "kept"}});
  CHECK(members[1].entry.uid == 1000);
  CHECK(members[1].entry.xattrs.empty());
}

TEST_CASE("global pax records hold until a member says otherwise") {
  std::string global;
  append_pax_record(global, "uid", "7");
  append_pax_record(global, "comment", "commit");
  std::string own;
  append_pax_record(own, "uid", "8");
  const auto members = read_all(pax(global, 'g') + block_of({}) + pax(own) + block_of({}) + end()).value();
  CHECK(members[0].entry.uid == 7);
  CHECK(members[0].entry.pax_records == TarRecords{{"comment", "commit"}});
  CHECK(members[1].entry.uid == 8);
  CHECK(read_all(pax(global, 'g')).value().empty());
}

TEST_CASE("a global path or size is refused") {
  for (const char* key : {"path", "linkpath", "size", "GNU.sparse.map"}) {
    std::string global;
    append_pax_record(global, key, "1");
    CHECK(error_kind(pax(global, 'g') + block_of({}) + end()) == ErrorKind::corrupt);
  }
}

TEST_CASE("base-256 numbers hold what octal cannot") {
  const Header big = {.uid = std::string("\x80\0\0\0\x7f\xff\xff\xff", 8)};
  CHECK(read_all(block_of(big) + end()).value()[0].entry.uid == 2147483647);
}

TEST_CASE("an archive may end at any member's end, and what follows its end is not looked at") {
  CHECK(read_all("").value().empty());
  CHECK(read_all(member({}, "x")).value().size() == 1);
  CHECK(read_all(member({}, "x") + std::string(512, '\0')).value().size() == 1);
  CHECK(read_all(block_of({.size = octal(1, 11)}) + "x").value().size() == 1);
  CHECK(read_all(member({}, "x") + end() + "anything").value().size() == 1);
}

TEST_CASE("an archive that is cut inside a member is an error at every length") {
  std::string records;
  append_pax_record(records, "path", "p");
  const std::string archive = pax(records) + member({}, std::string(600, 'x'));
  for (std::size_t length = 1; length < 2048 + 88; ++length) {
    const auto result = read_all(std::string_view(archive).substr(0, length));
    REQUIRE_FALSE(result.ok());
    REQUIRE(result.error().message == "unexpected EOF");
  }
}

TEST_CASE("a signed checksum, as some old tars wrote it, is taken") {
  std::string block = block_of({.name = "\xe4\xf6"});
  int sum = 0;
  block.replace(148, 8, "        ");
  for (const char byte : block) sum += static_cast<signed char>(byte);
  block.replace(148, 8, octal(static_cast<std::uint64_t>(sum), 6) + std::string("\0 ", 2));
  CHECK(read_all(block + end()).value()[0].entry.name == "\xe4\xf6");
}

TEST_CASE("hostile headers are refused") {
  std::string wrong_sum = block_of({});
  wrong_sum[0] ^= 1;
  CHECK(error_kind(wrong_sum) == ErrorKind::corrupt);
  CHECK(read_all(wrong_sum).error().message == "archive/tar: invalid tar header");
  CHECK(error_kind(std::string(512, 'x')) == ErrorKind::corrupt);
  CHECK(error_kind(block_of({.name = ""}) + end()) == ErrorKind::corrupt);
  CHECK(error_kind(block_of({.size = std::string(12, '\xff')}) + end()) == ErrorKind::corrupt);
  CHECK(error_kind(block_of({.uid = std::string(8, '\xff')}) + end()) == ErrorKind::corrupt);
  CHECK(error_kind(block_of({.mtime = "\x80" + std::string(3, '\0') + std::string(8, '\x7f')}) + end()) ==
        ErrorKind::corrupt);
  CHECK(error_kind(std::string(512, '\0') + block_of({})) == ErrorKind::corrupt);
  CHECK(error_kind(member({.type = 'L'}, "name") + end()) == ErrorKind::corrupt);
  CHECK(error_kind(block_of({.type = 'M'}) + end()) == ErrorKind::not_implemented);
  CHECK(error_kind(block_of({.type = 'Z'}) + end()) == ErrorKind::not_implemented);
}

TEST_CASE("hostile pax records are refused") {
  const auto kind_with = [](const std::string& key, const std::string& value) {
    std::string records;
    append_pax_record(records, key, value);
    return error_kind(pax(records) + block_of({}) + end());
  };
  CHECK(kind_with("size", "-1") == ErrorKind::corrupt);
  CHECK(kind_with("size", "99999999999999999999") == ErrorKind::corrupt);
  CHECK(kind_with("uid", "-5") == ErrorKind::corrupt);
  CHECK(kind_with("uid", "4294967296") == ErrorKind::corrupt);
  CHECK(kind_with("mtime", "soon") == ErrorKind::corrupt);
  CHECK(kind_with("path", std::string("a\0b", 3)) == ErrorKind::corrupt);
  CHECK(kind_with("SCHILY.xattr.", "x") == ErrorKind::corrupt);
  CHECK(kind_with("path", std::string(kTarNameBytesMax, 'p')) == ErrorKind::not_modified);
  CHECK(kind_with("path", std::string(kTarNameBytesMax + 1, 'p')) == ErrorKind::too_large);
  CHECK(kind_with("SCHILY.xattr.user.a", std::string(kXattrBytesMax, 'v')) == ErrorKind::not_modified);
  CHECK(kind_with("SCHILY.xattr.user.a", std::string(kXattrBytesMax + 1, 'v')) == ErrorKind::too_large);
  CHECK(kind_with("SCHILY.xattr." + std::string(kXattrNameBytesMax + 1, 'n'), "v") == ErrorKind::too_large);
}

TEST_CASE("headers before a member are bounded in size and number") {
  CHECK(error_kind(block_of({.size = octal(kPaxHeaderBytesMax + 1, 11), .type = 'x'})) == ErrorKind::too_large);
  CHECK(error_kind(block_of({.size = octal(kTarNameBytesMax + 2, 11), .type = 'L'})) == ErrorKind::too_large);
  CHECK(error_kind(block_of({.size = "77777777777", .type = 'g'})) == ErrorKind::too_large);
  std::string records;
  append_pax_record(records, "path", "p");
  std::string many;
  for (std::size_t i = 0; i < kTarHeadersPerEntryMax; ++i) many += pax(records);
  CHECK(read_all(many + block_of({}) + end()).ok());
  CHECK(error_kind(many + pax(records) + block_of({}) + end()) == ErrorKind::corrupt);
}

TEST_CASE("a file larger than four gigabytes keeps its size") {
  TarReader reader;
  const std::string block = block_of({.size = "77777777777"});
  CHECK(reader.next().value() == TarEvent::need_input);
  reader.feed(block);
  CHECK(reader.next().value() == TarEvent::entry);
  CHECK(reader.entry().size == 8589934591);
  CHECK(reader.next().value() == TarEvent::need_input);
}
