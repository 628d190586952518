// The persistent map from page number to frame. A node has 64 slots; a tree is only as high as its highest page needs,
// so that a small file costs one node. Nodes are counted: one that two trees refer to is copied before it is changed.

#include "machine/mm/frame_tree.h"

#include <array>
#include <bit>
#include <utility>

#include "base/assert.h"

namespace drydock::machine {
namespace {

constexpr unsigned kBits = 6;
constexpr std::uint64_t kSlots = 1 << kBits;
constexpr unsigned kHeightMax = 6;

/// How many pages a tree of that height has room for.
constexpr std::uint64_t span_of(unsigned height) {
  return std::uint64_t{1} << (kBits * height);
}

constexpr unsigned slot_of(std::uint64_t page, unsigned height) {
  return static_cast<unsigned>((page >> (kBits * (height - 1))) % kSlots);
}

}  // namespace

/// A leaf (height 1) holds frames, a branch nodes; which of them a node is, its depth says.
struct FrameTree::Node {
  std::uint32_t references = 1;
  std::uint64_t used = 0;  // bit N: slot N holds something

  static Branch* branch(Node* node);
  static Leaf* leaf(Node* node);
  static Node* make(unsigned height);
  static Node* copy_of(Node* node, unsigned height);
  static void drop(Node* node, unsigned height);
  /// The node that `slot` refers to, no longer shared with another tree.
  static Node* own(Node** slot, unsigned height);
  static std::uint64_t count(Node* node, unsigned height);
  /// Removes what is in [first, last] of the node, counted from its own first page; tells how many frames went.
  static std::uint64_t erase(Node** slot, unsigned height, std::uint64_t first, std::uint64_t last);
  static bool next(Node* node, unsigned height, std::uint64_t page, std::uint64_t* found);
};

struct FrameTree::Branch : Node {
  std::array<Node*, kSlots> nodes{};
};

struct FrameTree::Leaf : Node {
  std::array<FrameRef, kSlots> frames;
};

FrameTree::Branch* FrameTree::Node::branch(Node* node) {
  return static_cast<Branch*>(node);
}

FrameTree::Leaf* FrameTree::Node::leaf(Node* node) {
  return static_cast<Leaf*>(node);
}

FrameTree::Node* FrameTree::Node::make(unsigned height) {
  return height == 1 ? static_cast<Node*>(new Leaf) : static_cast<Node*>(new Branch);
}

FrameTree::Node* FrameTree::Node::copy_of(Node* node, unsigned height) {
  if (height == 1) {
    auto* copy = new Leaf(*leaf(node));
    copy->references = 1;
    return copy;
  }
  auto* copy = new Branch(*branch(node));
  copy->references = 1;
  for (Node* child : copy->nodes)
    if (child != nullptr) ++child->references;
  return copy;
}

void FrameTree::Node::drop(Node* node, unsigned height) {
  if (node == nullptr || --node->references > 0) return;
  if (height == 1) {
    delete leaf(node);
    return;
  }
  for (Node* child : branch(node)->nodes) drop(child, height - 1);
  delete branch(node);
}

FrameTree::Node* FrameTree::Node::own(Node** slot, unsigned height) {
  Node* node = *slot;
  if (node->references == 1) return node;
  Node* copy = copy_of(node, height);
  --node->references;
  *slot = copy;
  return copy;
}

std::uint64_t FrameTree::Node::count(Node* node, unsigned height) {
  if (height == 1) return static_cast<std::uint64_t>(std::popcount(node->used));
  std::uint64_t total = 0;
  for (Node* child : branch(node)->nodes)
    if (child != nullptr) total += count(child, height - 1);
  return total;
}

std::uint64_t FrameTree::Node::erase(Node** slot, unsigned height, std::uint64_t first, std::uint64_t last) {
  const std::uint64_t step = span_of(height - 1);
  if (first == 0 && last == span_of(height) - 1) {
    const std::uint64_t removed = count(*slot, height);
    drop(*slot, height);
    *slot = nullptr;
    return removed;
  }
  std::uint64_t ignored = 0;
  // Nothing there: shared nodes need not be copied.
  if (!next(*slot, height, first, &ignored) || ignored > last) return 0;
  Node* node = own(slot, height);
  std::uint64_t removed = 0;
  for (std::uint64_t at = first / step; at <= last / step; ++at) {
    const std::uint64_t bit = std::uint64_t{1} << at;
    if ((node->used & bit) == 0) continue;
    if (height == 1) {
      leaf(node)->frames[at] = FrameRef();
      node->used &= ~bit;
      ++removed;
      continue;
    }
    const std::uint64_t from = at == first / step ? first % step : 0;
    const std::uint64_t to = at == last / step ? last % step : step - 1;
    removed += erase(&branch(node)->nodes[at], height - 1, from, to);
    if (branch(node)->nodes[at] == nullptr) node->used &= ~bit;
  }
  if (node->used == 0) {
    drop(node, height);
    *slot = nullptr;
  }
  return removed;
}

bool FrameTree::Node::next(Node* node, unsigned height, std::uint64_t page, std::uint64_t* found) {
  const std::uint64_t step = span_of(height - 1);
  std::uint64_t at = page / step;
  const std::uint64_t later = node->used & (~std::uint64_t{0} << at);
  if (height == 1) {
    if (later == 0) return false;
    *found = static_cast<std::uint64_t>(std::countr_zero(later));
    return true;
  }
  for (std::uint64_t left = later; left != 0; left &= left - 1) {
    at = static_cast<std::uint64_t>(std::countr_zero(left));
    const std::uint64_t from = at == page / step ? page % step : 0;
    if (next(branch(node)->nodes[at], height - 1, from, found)) {
      *found += at * step;
      return true;
    }
  }
  return false;
}

FrameTree::FrameTree() = default;

FrameTree::FrameTree(const FrameTree& other) : root_(other.root_), height_(other.height_), size_(other.size_) {
  if (root_ != nullptr) ++root_->references;
}

FrameTree::FrameTree(FrameTree&& other) noexcept
    : root_(std::exchange(other.root_, nullptr)),
      height_(std::exchange(other.height_, 0)),
      size_(std::exchange(other.size_, 0)) {}

FrameTree& FrameTree::operator=(FrameTree other) noexcept {
  std::swap(root_, other.root_);
  std::swap(height_, other.height_);
  std::swap(size_, other.size_);
  return *this;
}

FrameTree::~FrameTree() {
  Node::drop(root_, height_);
}

const FrameRef* FrameTree::find(std::uint64_t page) const {
  if (root_ == nullptr || page >= span_of(height_)) return nullptr;
  Node* node = root_;
  for (unsigned height = height_; height > 1; --height) {
    node = Node::branch(node)->nodes[slot_of(page, height)];
    if (node == nullptr) return nullptr;
  }
  const FrameRef& frame = Node::leaf(node)->frames[page % kSlots];
  return frame ? &frame : nullptr;
}

Frame* FrameTree::edit(std::uint64_t page, bool* replaced) {
  Frame* frame = unshare(page, replaced);
  if (frame != nullptr && frame->has_code) {
    frame->forget_content();
    if (replaced != nullptr) *replaced = true;
  }
  return frame;
}

Frame* FrameTree::unshare(std::uint64_t page, bool* replaced) {
  if (replaced != nullptr) *replaced = false;
  if (find(page) == nullptr) return nullptr;
  // A frame with one reference may still be seen through a node that another tree shares: owning the path copies that
  // node, which adds a reference.
  Node** slot = &root_;
  for (unsigned height = height_; height > 1; --height)
    slot = &Node::branch(Node::own(slot, height))->nodes[slot_of(page, height)];
  FrameRef& frame = Node::leaf(Node::own(slot, 1))->frames[page % kSlots];
  if (frame.is_shared()) {
    frame = frame.copy();
    if (replaced != nullptr) *replaced = true;
  }
  return &*frame;
}

void FrameTree::set(std::uint64_t page, FrameRef frame) {
  if (!frame) {
    erase(page);
    return;
  }
  DD_ASSERT(page < span_of(kHeightMax));
  if (root_ == nullptr) {
    height_ = 1;
    while (page >= span_of(height_)) ++height_;
    root_ = Node::make(height_);
  }
  while (page >= span_of(height_)) {
    Node* higher = Node::make(height_ + 1);
    Node::branch(higher)->nodes[0] = root_;
    higher->used = 1;
    root_ = higher;
    ++height_;
  }
  Node** slot = &root_;
  for (unsigned height = height_; height > 1; --height) {
    Node* node = Node::own(slot, height);
    const unsigned at = slot_of(page, height);
    Node*& child = Node::branch(node)->nodes[at];
    if (child == nullptr) {
      child = Node::make(height - 1);
      node->used |= std::uint64_t{1} << at;
    }
    slot = &child;
  }
  Node* node = Node::own(slot, 1);
  const std::uint64_t bit = std::uint64_t{1} << (page % kSlots);
  if ((node->used & bit) == 0) ++size_;
  node->used |= bit;
  Node::leaf(node)->frames[page % kSlots] = std::move(frame);
}

void FrameTree::erase(std::uint64_t page) {
  erase_range(page, 1);
}

std::uint64_t FrameTree::erase_range(std::uint64_t first, std::uint64_t count) {
  if (root_ == nullptr || count == 0 || first >= span_of(height_)) return 0;
  const std::uint64_t room = span_of(height_) - first;
  const std::uint64_t last = first + (count < room ? count : room) - 1;
  const std::uint64_t removed = Node::erase(&root_, height_, first, last);
  size_ -= removed;
  if (root_ == nullptr) height_ = 0;
  return removed;
}

std::uint64_t FrameTree::size() const {
  return size_;
}

bool FrameTree::next(std::uint64_t page, std::uint64_t* found) const {
  if (root_ == nullptr || page >= span_of(height_)) return false;
  return Node::next(root_, height_, page, found);
}

}  // namespace drydock::machine
