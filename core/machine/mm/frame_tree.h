#pragma once
// A persistent map from page number to frame: page tables, and the data of files. Copying it is one reference; a change
// copies the path from the root to the leaf where nodes are shared (6 bits a level).

#include <cstdint>
#include <memory>

#include "machine/mm/frame.h"

namespace drydock::machine {

class FrameTree {
 public:
  FrameTree();
  FrameTree(const FrameTree& other);
  FrameTree(FrameTree&& other) noexcept;
  FrameTree& operator=(FrameTree other) noexcept;
  ~FrameTree();

  /// Null when there is none. Page numbers are below 2^36.
  const FrameRef* find(std::uint64_t page) const;
  /// The frame of that page for writing: copied first when anybody else holds it or its node. Null when there is none.
  /// `replaced` (may be null) tells whether translations of the page and code decoded from it are wrong now.
  Frame* edit(std::uint64_t page, bool* replaced = nullptr);
  /// The same for a frame that will be written through translations: whoever does so sees to the code in it.
  Frame* unshare(std::uint64_t page, bool* replaced = nullptr);
  void set(std::uint64_t page, FrameRef frame);
  void erase(std::uint64_t page);
  /// Removes [first, first + count); returns how many frames there were.
  std::uint64_t erase_range(std::uint64_t first, std::uint64_t count);
  std::uint64_t size() const;
  /// The first page at or after `page` that has a frame; false: none.
  bool next(std::uint64_t page, std::uint64_t* found) const;

 private:
  struct Node;
  struct Branch;
  struct Leaf;
  Node* root_ = nullptr;
  unsigned height_ = 0;  // levels below root_
  std::uint64_t size_ = 0;
};

}  // namespace drydock::machine
