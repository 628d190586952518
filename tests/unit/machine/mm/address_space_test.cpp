// Mappings and pages, with a file system of one file in memory.

#include "machine/mm/address_space.h"

#include <doctest/doctest.h>

#include <string>

using namespace drydock;
using namespace drydock::machine;

namespace {

/// One file, of as many pages as are asked for, and a purse for private pages.
class TestPages final : public PageProvider {
 public:
  Result<FrameRef, Errno> file_page(InodeId, std::uint64_t index, bool for_write) override {
    if (index >= file_pages) return Errno::efault;
    if (data.find(index) == nullptr) data.set(index, FrameRef::zeroed());
    if (for_write) data.unshare(index);
    return *data.find(index);
  }
  bool charge_page() override {
    if (purse == 0) return false;
    --purse;
    return true;
  }
  std::uint64_t stack_bytes_max() override { return stack_max; }

  FrameTree data;
  std::uint64_t file_pages = 4, purse = 1000, stack_max = 8 << 20;
};

Mapping anonymous(std::uint64_t start, std::uint64_t pages, std::uint32_t protection = kProtRead | kProtWrite) {
  Mapping mapping;
  mapping.start = start;
  mapping.end = start + pages * kPageBytes;
  mapping.protection = protection;
  return mapping;
}

Mapping of_file(std::uint64_t start, std::uint64_t pages, bool shared) {
  Mapping mapping = anonymous(start, pages);
  mapping.shared = shared;
  mapping.file = FileId{7};
  mapping.inode = InodeId{9};
  return mapping;
}

std::string read_text(AddressSpace& space, TestPages& pages, std::uint64_t address, std::size_t bytes) {
  std::string text(bytes, '?');
  text.resize(space.read(pages, address, text));
  return text;
}

constexpr std::uint64_t kAt = 0x10000000;

struct Fixture {
  AddressSpace space;
  TestPages pages;
  FileReferences files;
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "an anonymous page reads as zeros and costs nothing until it is written to") {
  space.map(anonymous(kAt, 2), &files);
  CHECK(read_text(space, pages, kAt + 10, 4) == std::string(4, '\0'));
  CHECK(space.resident_pages == 0);
  CHECK(space.write(pages, kAt + 10, std::string("abcd")) == 4);
  CHECK(read_text(space, pages, kAt + 9, 6) == std::string("\0abcd\0", 6));
  CHECK(space.resident_pages == 1);
  CHECK(pages.purse == 999);
}

TEST_CASE_FIXTURE(Fixture, "accesses stop where the mapping or its permission ends") {
  space.map(anonymous(kAt, 1), &files);
  space.map(anonymous(kAt + kPageBytes, 1, kProtRead), &files);
  CHECK(space.write(pages, kAt + 4090, std::string(100, 'x')) == 6);
  CHECK(read_text(space, pages, kAt + 4090, 100).size() == 100);
  CHECK(read_text(space, pages, kAt + 8190, 100).size() == 2);
  CHECK(space.fault(pages, kAt + 4096, Access::write) == FaultResult::segv_accerr);
  CHECK(space.fault(pages, kAt + 8192, Access::read) == FaultResult::segv_maperr);
  CHECK(space.fault(pages, kAt, Access::execute) == FaultResult::segv_accerr);
  CHECK(space.fault(pages, ~std::uint64_t{0}, Access::read) == FaultResult::segv_maperr);
}

TEST_CASE_FIXTURE(Fixture, "a page that cannot be paid for is out of memory") {
  pages.purse = 1;
  space.map(anonymous(kAt, 2), &files);
  CHECK(space.fault(pages, kAt, Access::write) == FaultResult::mapped);
  CHECK(space.fault(pages, kAt + kPageBytes, Access::write) == FaultResult::out_of_memory);
  CHECK(space.fault(pages, kAt + kPageBytes, Access::read) == FaultResult::mapped);
}

TEST_CASE_FIXTURE(Fixture, "unmapping the middle leaves two mappings, which hold a reference each") {
  space.map(of_file(kAt, 3, false), &files);
  space.unmap(kAt + kPageBytes, kAt + 2 * kPageBytes, &files);
  REQUIRE(space.mappings().size() == 2);
  CHECK(space.mapping_at(kAt + kPageBytes) == nullptr);
  CHECK(space.mapping_at(kAt + 2 * kPageBytes)->offset == 2 * kPageBytes);
  // Three pieces at first, of which one went.
  CHECK(files.kept.size() == 2);
  CHECK(files.dropped.size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "neighbours that have become alike are one mapping again") {
  space.map(anonymous(kAt, 3), &files);
  space.change(kAt + kPageBytes, kAt + 2 * kPageBytes, &files, [](Mapping& part) { part.protection = 0; });
  CHECK(space.mappings().size() == 3);
  space.change(kAt + kPageBytes, kAt + 2 * kPageBytes, &files, [](Mapping& part) { part.protection = 3; });
  CHECK(space.mappings().size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "what is written after a fork stays with who wrote it") {
  space.map(anonymous(kAt, 2), &files);
  space.write(pages, kAt, std::string("before"));
  const std::uint64_t generation = space.tlb_generation();
  AddressSpace child = space.forked(&files);
  CHECK(space.tlb_generation() != generation);
  space.write(pages, kAt, std::string("parent"));
  CHECK(read_text(child, pages, kAt, 6) == "before");
  child.write(pages, kAt, std::string("childs"));
  CHECK(read_text(space, pages, kAt, 6) == "parent");
  CHECK(child.resident_pages == 1);
  CHECK(child.charged_pages == 0);
}

TEST_CASE_FIXTURE(Fixture, "a page that is shared after a fork may not be written without asking") {
  space.map(anonymous(kAt, 1), &files);
  space.write(pages, kAt, std::string("x"));
  CHECK(space.view(pages, kAt, Access::write).write_fast);
  AddressSpace child = space.forked(&files);
  const std::uint8_t* before = child.view(pages, kAt, Access::read).data;
  CHECK(space.view(pages, kAt, Access::read).data == before);
  CHECK(space.view(pages, kAt, Access::write).data != before);
  CHECK(child.view(pages, kAt, Access::read).data == before);
}

TEST_CASE_FIXTURE(Fixture, "private file pages follow the file until they are written to") {
  space.map(of_file(kAt, 2, false), &files);
  pages.data.set(0, FrameRef::zeroed());
  pages.data.edit(0)->bytes[0] = 'f';
  CHECK(read_text(space, pages, kAt, 1) == "f");
  pages.data.edit(0)->bytes[0] = 'g';
  CHECK(read_text(space, pages, kAt, 1) == "g");
  space.write(pages, kAt, std::string("p"));
  pages.data.edit(0)->bytes[0] = 'h';
  CHECK(read_text(space, pages, kAt, 1) == "p");
  CHECK((*pages.data.find(0))->bytes[0] == 'h');
}

TEST_CASE_FIXTURE(Fixture, "pages behind the end of the file are SIGBUS") {
  space.map(of_file(kAt, 6, true), &files);
  CHECK(space.fault(pages, kAt + 3 * kPageBytes, Access::write) == FaultResult::mapped);
  CHECK(space.fault(pages, kAt + 4 * kPageBytes, Access::read) == FaultResult::sigbus);
}

TEST_CASE_FIXTURE(Fixture, "the stack grows to its limit and keeps its distance") {
  Mapping stack = anonymous(kStackTop - kPageBytes, 1);
  stack.grows_down = true;
  space.map(stack, &files);
  CHECK(space.fault(pages, kStackTop - (1 << 20), Access::write) == FaultResult::mapped);
  CHECK(space.mapping_at(kStackTop - (1 << 20)) != nullptr);
  CHECK(space.fault(pages, kStackTop - (9 << 20), Access::write) == FaultResult::segv_maperr);
  space.map(anonymous(kStackTop - (4 << 20), 1), &files);
  CHECK(space.fault(pages, kStackTop - (3 << 20) - 2 * kPageBytes, Access::read) == FaultResult::segv_maperr);
  CHECK(space.fault(pages, kStackTop - (2 << 20), Access::read) == FaultResult::mapped);
}

TEST_CASE_FIXTURE(Fixture, "moved pages keep their content, and leave nothing behind") {
  space.map(anonymous(kAt, 2), &files);
  space.write(pages, kAt + kPageBytes, std::string("moved"));
  space.move(kAt, 2 * kPageBytes, kAt + 0x100000, &files);
  CHECK(space.mapping_at(kAt) == nullptr);
  CHECK(read_text(space, pages, kAt + 0x100000 + kPageBytes, 5) == "moved");
  CHECK(space.resident_pages == 1);
}

TEST_CASE_FIXTURE(Fixture, "free places are found from the top, and where they are asked for") {
  CHECK(space.find_free(kPageBytes, 0) == kMmapTop - kPageBytes);
  space.map(anonymous(kMmapTop - 2 * kPageBytes, 1), &files);
  CHECK(space.find_free(kPageBytes, 0) == kMmapTop - kPageBytes);
  CHECK(space.find_free(2 * kPageBytes, 0) == kMmapTop - 4 * kPageBytes);
  CHECK(space.find_free(kPageBytes, kAt) == kAt);
  space.map(anonymous(kAt, 1), &files);
  CHECK(space.find_free(kPageBytes, kAt) == kMmapTop - kPageBytes);
  CHECK_FALSE(space.find_free(kUserAddressEnd + kPageBytes, 0).has_value());
}

TEST_CASE_FIXTURE(Fixture, "equal code has one key in all address spaces; writing to it gives it another") {
  AddressSpace other;
  space.map(anonymous(kAt, 1, 7), &files);
  other.map(anonymous(0x20000000, 1, 7), &files);
  space.write(pages, kAt, std::string("\xc3"));
  other.write(pages, 0x20000000, std::string("\xc3"));
  const std::uint64_t key = space.view(pages, kAt, Access::execute).code_key;
  CHECK(key != 0);
  CHECK(other.view(pages, 0x20000000, Access::execute).code_key == key);
  space.mark_code(pages, kAt);
  const PageView written = space.view(pages, kAt, Access::write);
  CHECK_FALSE(written.write_fast);
  written.data[0] = 0x90;
  CHECK(space.view(pages, kAt, Access::execute).code_key != key);
  const std::uint64_t generation = space.tlb_generation();
  space.write(pages, kAt, std::string("\xc3"));
  CHECK(space.tlb_generation() != generation);
  CHECK(space.view(pages, kAt, Access::execute).code_key == key);
}
