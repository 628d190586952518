#include <doctest/doctest.h>

#include "archive/pax.h"
#include "tar_fixtures.h"

using namespace drydock;
using namespace drydock::archive;
using namespace drydock::archive::fixtures;

namespace {

// A file of 5000 bytes: a hole, "abc" at 1000, "defg" at 3000, a hole.
const std::string kFile = std::string(1000, '\0') + "abc" + std::string(1997, '\0') + "defg" + std::string(1996, '\0');

std::string records(std::initializer_list<std::pair<const char*, const char*>> all) {
  std::string header;
  for (const auto& [key, value] : all) append_pax_record(header, key, value);
  return header;
}

void check_is_the_file(const std::string& archive) {
  for (const std::size_t slice : {1, 512, 100000}) {
    const auto members = read_all(archive + member({.name = "after"}, "z") + end(), slice).value();
    REQUIRE(members.size() == 2);
    CHECK(members[0].entry.name == "sparse");
    CHECK(members[0].entry.size == 5000);
    CHECK(members[0].content == kFile);
    CHECK(members[0].hole_bytes == 4993);
    CHECK(members[0].entry.pax_records.empty());
    CHECK(members[1].content == "z");
  }
}

std::string old_fragment(std::uint64_t offset, std::uint64_t size) {
  return octal(offset, 11) + std::string(1, '\0') + octal(size, 11) + std::string(1, '\0');
}

std::string old_tail(std::string fragments, char is_extended, std::uint64_t real_size) {
  fragments.resize(96);
  return fragments + is_extended + octal(real_size, 11);
}

Header old_header(const std::string& tail, std::uint64_t stored) {
  return {.name = "sparse", .size = octal(stored, 11), .type = 'S', .magic = std::string("ustar  \0", 8), .tail = tail};
}

std::string sparse_1_0(const std::string& map, const std::string& stored) {
  const std::string header = records({{"GNU.sparse.major", "1"},
                                      {"GNU.sparse.minor", "0"},
                                      {"GNU.sparse.name", "sparse"},
                                      {"GNU.sparse.realsize", "5000"}});
  return pax(header) + member({.name = "GNUSparseFile.1/sparse"}, padded(map) + stored);
}

}  // namespace

TEST_CASE("an old GNU sparse file has its map in the header") {
  const std::string tail = old_tail(old_fragment(1000, 3) + old_fragment(3000, 4) + old_fragment(5000, 0), '\0', 5000);
  check_is_the_file(block_of(old_header(tail, 7)) + padded("abcdefg"));
}

TEST_CASE("an old GNU sparse map goes on in further blocks") {
  std::string first;
  for (int i = 0; i < 4; ++i) first += old_fragment(1000, 0);
  std::string more = old_fragment(1000, 3) + old_fragment(3000, 4);
  more.resize(512);
  check_is_the_file(block_of(old_header(old_tail(first, '\1', 5000), 7)) + more + padded("abcdefg"));
}

TEST_CASE("a pax sparse file 0.0 has its map in repeated records") {
  check_is_the_file(pax(records({{"GNU.sparse.size", "5000"},
                                 {"GNU.sparse.numblocks", "2"},
                                 {"GNU.sparse.offset", "1000"},
                                 {"GNU.sparse.numbytes", "3"},
                                 {"GNU.sparse.offset", "3000"},
                                 {"GNU.sparse.numbytes", "4"}})) +
                    member({.name = "sparse"}, "abcdefg"));
}

TEST_CASE("a pax sparse file 0.1 has its map in one record") {
  check_is_the_file(pax(records({{"GNU.sparse.name", "sparse"},
                                 {"GNU.sparse.size", "5000"},
                                 {"GNU.sparse.numblocks", "2"},
                                 {"GNU.sparse.map", "1000,3,3000,4"}})) +
                    member({.name = "GNUSparseFile.1/sparse"}, "abcdefg"));
}

TEST_CASE("a pax sparse file 1.0 has its map before its content") {
  check_is_the_file(sparse_1_0("2\n1000\n3\n3000\n4\n", "abcdefg"));
  std::string long_map = "102\n";
  for (int i = 0; i < 100; ++i) long_map += "1000\n0\n";
  check_is_the_file(sparse_1_0(long_map + "1000\n3\n3000\n4\n", "abcdefg"));
}

TEST_CASE("a sparse file may be one hole") {
  const auto members = read_all(sparse_1_0("0\n", "") + end()).value();
  CHECK(members[0].content == std::string(5000, '\0'));
}

TEST_CASE("sparse maps that make no sense are refused") {
  const auto kind = [](const std::string& map) { return error_kind(sparse_1_0(map, "abcdefg") + end()); };
  CHECK(kind("2\n1000\n3\n3000\n4\n") == ErrorKind::not_modified);
  CHECK(kind("2\n3000\n3\n1000\n4\n") == ErrorKind::corrupt);                  // backwards
  CHECK(kind("2\n1000\n3\n1002\n4\n") == ErrorKind::corrupt);                  // overlapping
  CHECK(kind("2\n1000\n3\n4998\n4\n") == ErrorKind::corrupt);                  // beyond the file
  CHECK(kind("2\n1000\n3\n18446744073709551615\n4\n") == ErrorKind::corrupt);  // wrapping
  CHECK(kind("1\n1000\n18446744073709551615\n") == ErrorKind::corrupt);
  CHECK(kind("2\n1000\n3\n3000\n5\n") == ErrorKind::corrupt);  // more than is stored
  CHECK(kind("1\n1000\n3\n") == ErrorKind::corrupt);           // less than is stored
  CHECK(kind("3\n1000\n3\n3000\n4\n") == ErrorKind::corrupt);  // no third
  CHECK(kind("-1\n") == ErrorKind::corrupt);
  CHECK(kind("x\n") == ErrorKind::corrupt);
  CHECK(kind(std::string(600, '1')) == ErrorKind::corrupt);
  CHECK(kind(concat(kSparseFragmentsMax + 1, "\n")) == ErrorKind::too_large);
}

TEST_CASE("sparse records that do not fit together are refused") {
  const auto kind = [](std::initializer_list<std::pair<const char*, const char*>> all) {
    return error_kind(pax(records(all)) + member({}, "abc") + end());
  };
  CHECK(kind({{"GNU.sparse.size", "9"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.map", "1,3"}}) ==
        ErrorKind::not_modified);
  CHECK(kind({{"GNU.sparse.numblocks", "1"}, {"GNU.sparse.map", "1,3"}}) == ErrorKind::corrupt);
  CHECK(kind({{"GNU.sparse.size", "9"}, {"GNU.sparse.numblocks", "2"}, {"GNU.sparse.map", "1,3"}}) ==
        ErrorKind::corrupt);
  CHECK(kind({{"GNU.sparse.size", "9"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.map", "1"}}) == ErrorKind::corrupt);
  CHECK(kind({{"GNU.sparse.size", "9"}, {"GNU.sparse.numbytes", "3"}}) == ErrorKind::corrupt);
  CHECK(kind({{"GNU.sparse.size", "9"}, {"GNU.sparse.offset", "3"}, {"GNU.sparse.offset", "4"}}) == ErrorKind::corrupt);
  CHECK(kind({{"GNU.sparse.size", "9223372036854775808"}}) == ErrorKind::corrupt);
}

TEST_CASE("an old sparse map without end is bounded") {
  std::string more;
  for (int i = 0; i < 21; ++i) more += old_fragment(0, 0);
  more += '\1';
  more.resize(512);
  std::string archive = block_of(old_header(old_tail("", '\1', 5000), 0));
  for (std::size_t i = 0; i < kSparseFragmentsMax / 21 + 1; ++i) archive += more;
  CHECK(error_kind(archive) == ErrorKind::too_large);
}
