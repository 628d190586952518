// The persistent map behind page tables and the data of files.

#include "machine/mm/frame_tree.h"

#include <doctest/doctest.h>

#include <map>
#include <vector>

#include "base/random.h"

using namespace drydock;
using namespace drydock::machine;

namespace {

FrameRef frame_with(std::uint8_t byte) {
  FrameRef frame = FrameRef::zeroed();
  frame->bytes[0] = byte;
  return frame;
}

int first_byte(const FrameTree& tree, std::uint64_t page) {
  const FrameRef* frame = tree.find(page);
  return frame == nullptr ? -1 : (*frame)->bytes[0];
}

}  // namespace

TEST_CASE("a frame is found under its page and under no other") {
  FrameTree tree;
  tree.set(5, frame_with(7));
  CHECK(first_byte(tree, 5) == 7);
  CHECK(first_byte(tree, 4) == -1);
  CHECK(first_byte(tree, 5 + 64) == -1);
  CHECK(tree.size() == 1);
}

TEST_CASE("a low page is still found after the tree has grown for a high one") {
  FrameTree tree;
  tree.set(3, frame_with(1));
  tree.set((std::uint64_t{1} << 36) - 1, frame_with(2));
  CHECK(first_byte(tree, 3) == 1);
  CHECK(first_byte(tree, (std::uint64_t{1} << 36) - 1) == 2);
}

TEST_CASE("what is written in a copy is not seen in the original, nor the other way round") {
  FrameTree original;
  original.set(10, frame_with(1));
  original.set(700, frame_with(2));
  FrameTree copy = original;
  copy.edit(10)->bytes[0] = 9;
  original.edit(700)->bytes[0] = 8;
  copy.set(11, frame_with(3));
  copy.erase(700);
  CHECK(first_byte(original, 10) == 1);
  CHECK(first_byte(copy, 10) == 9);
  CHECK(first_byte(original, 700) == 8);
  CHECK(first_byte(copy, 700) == -1);
  CHECK(first_byte(original, 11) == -1);
  CHECK(original.size() == 2);
  CHECK(copy.size() == 2);
}

TEST_CASE("edit says whether the frame had to be replaced") {
  FrameTree tree;
  tree.set(1, frame_with(1));
  bool replaced = true;
  tree.edit(1, &replaced);
  CHECK_FALSE(replaced);
  FrameTree copy = tree;
  tree.edit(1, &replaced);
  CHECK(replaced);
  tree.edit(1, &replaced);
  CHECK_FALSE(replaced);
}

TEST_CASE("a frame that somebody holds outside of the tree is copied before it is written") {
  FrameTree tree;
  FrameRef held = frame_with(4);
  tree.set(0, held);
  tree.edit(0)->bytes[0] = 5;
  CHECK(held->bytes[0] == 4);
  CHECK(first_byte(tree, 0) == 5);
}

TEST_CASE("next goes from frame to frame across empty regions") {
  FrameTree tree;
  for (std::uint64_t page : {2ULL, 63ULL, 64ULL, 5000ULL, 34359738367ULL}) tree.set(page, frame_with(1));
  std::vector<std::uint64_t> seen;
  std::uint64_t at = 0;
  while (tree.next(at, &at)) seen.push_back(at++);
  CHECK(seen == std::vector<std::uint64_t>{2, 63, 64, 5000, 34359738367});
}

TEST_CASE("erasing a range removes what is in it and counts it") {
  FrameTree tree;
  for (std::uint64_t page = 0; page < 200; ++page) tree.set(page, frame_with(1));
  tree.set(1 << 20, frame_with(1));
  FrameTree before = tree;
  CHECK(tree.erase_range(10, 150) == 150);
  CHECK(tree.erase_range(10, 150) == 0);
  CHECK(tree.size() == 51);
  CHECK(first_byte(tree, 9) == 1);
  CHECK(first_byte(tree, 10) == -1);
  CHECK(first_byte(tree, 159) == -1);
  CHECK(first_byte(tree, 160) == 1);
  CHECK(tree.erase_range(0, std::uint64_t{1} << 36) == 51);
  CHECK(tree.size() == 0);
  CHECK(before.size() == 201);
  CHECK(first_byte(before, 100) == 1);
}

TEST_CASE("random changes to three related trees agree with plain maps") {
  SeededRandom random(42);
  std::array<FrameTree, 3> trees;
  std::array<std::map<std::uint64_t, int>, 3> expected;
  int checked = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::size_t which = random.below(3);
    const std::uint64_t page = random.below(2) == 0 ? random.below(300) : (random.below(8) << 30) + random.below(4);
    const auto byte = static_cast<std::uint8_t>(random.below(200));
    switch (random.below(5)) {
      case 0:
      case 1:
        trees[which].set(page, frame_with(byte));
        expected[which][page] = byte;
        break;
      case 2:
        if (Frame* frame = trees[which].edit(page)) frame->bytes[0] = byte;
        if (expected[which].count(page) != 0) expected[which][page] = byte;
        break;
      case 3: {
        const std::uint64_t count = random.below(100);
        trees[which].erase_range(page, count);
        expected[which].erase(expected[which].lower_bound(page), expected[which].lower_bound(page + count));
        break;
      }
      default:
        if (random.below(20) != 0) break;
        const std::size_t from = random.below(3);
        trees[which] = FrameTree(trees[from]);
        expected[which] = std::map<std::uint64_t, int>(expected[from]);
    }
    if (round % 50 != 0) continue;
    for (std::size_t at = 0; at < 3; ++at) {
      REQUIRE(trees[at].size() == expected[at].size());
      std::uint64_t page_at = 0;
      for (const auto& [wanted, value] : expected[at]) {
        REQUIRE(trees[at].next(page_at, &page_at));
        REQUIRE(page_at == wanted);
        REQUIRE(first_byte(trees[at], wanted) == value);
        ++page_at;
        ++checked;
      }
    }
  }
  CHECK(checked > 1000);
}
