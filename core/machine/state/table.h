#pragma once
// A table of kernel objects by id, of which a copy is a snapshot: copying costs one pointer per 64 objects, and an
// object is copied only when it is touched while a snapshot holds it too.
//
// Ids begin at 1 and are never used again, so that a stale id finds nothing instead of somebody else. Objects refer to
// each other by id, never by pointer; a reference that operator[] or find() gave stays valid until the object is erased
// or the table is copied (which only happens between two steps of the machine).

#include <array>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "machine/state/shared.h"

namespace drydock::machine {

template <class T>
struct Id {
  std::uint32_t value = 0;  // 0: none
  explicit operator bool() const { return value != 0; }
  friend bool operator==(Id, Id) = default;
  friend bool operator<(Id left, Id right) { return left.value < right.value; }
};

template <class T>
class Table {
 public:
  Id<T> insert(std::unique_ptr<T> object) {
    const std::uint32_t index = next_++;
    if (index / kChunk >= chunks_.size()) chunks_.resize(index / kChunk + 1);
    Shared<Chunk>& chunk = chunks_[index / kChunk];
    if (!chunk) chunk = Shared<Chunk>(std::make_unique<Chunk>());
    chunk.edit().slots[index % kChunk] = Shared<T>(std::move(object));
    ++chunk.edit().used;
    ++size_;
    return Id<T>{index};
  }
  /// Only for T that is not polymorphic: makes the object in place.
  template <class... Args>
  Id<T> emplace(Args&&... args) {
    return insert(std::make_unique<T>(std::forward<Args>(args)...));
  }
  /// Null when there is no such object (any more).
  T* find(Id<T> id) { return holds(id) ? &chunks_[id.value / kChunk].edit().slots[id.value % kChunk].edit() : nullptr; }
  const T* find(Id<T> id) const { return holds(id) ? &*chunks_[id.value / kChunk]->slots[id.value % kChunk] : nullptr; }
  /// The object must exist: an id that was kept has to be one that is still good.
  T& operator[](Id<T> id) {
    T* object = find(id);
    DD_ASSERT(object != nullptr);
    return *object;
  }
  const T& operator[](Id<T> id) const {
    const T* object = find(id);
    DD_ASSERT(object != nullptr);
    return *object;
  }
  void erase(Id<T> id) {
    if (!holds(id)) return;
    Shared<Chunk>& chunk = chunks_[id.value / kChunk];
    chunk.edit().slots[id.value % kChunk] = Shared<T>();
    --size_;
    if (--chunk.edit().used == 0) chunk = Shared<Chunk>();
  }
  std::size_t size() const { return size_; }
  /// All ids, ascending. A list of its own, so that the caller may insert and erase meanwhile.
  std::vector<Id<T>> ids() const {
    std::vector<Id<T>> all;
    all.reserve(size_);
    for (std::size_t at = 0; at < chunks_.size(); ++at) {
      if (!chunks_[at]) continue;
      for (std::uint32_t slot = 0; slot < kChunk; ++slot)
        if (chunks_[at]->slots[slot]) all.push_back(Id<T>{static_cast<std::uint32_t>(at * kChunk + slot)});
    }
    return all;
  }

 private:
  static constexpr std::uint32_t kChunk = 64;
  struct Chunk {
    std::array<Shared<T>, kChunk> slots;
    std::uint32_t used = 0;
  };
  bool holds(Id<T> id) const {
    const std::size_t at = id.value / kChunk;
    return id && at < chunks_.size() && chunks_[at] && chunks_[at]->slots[id.value % kChunk];
  }
  std::vector<Shared<Chunk>> chunks_;
  std::uint32_t next_ = 1;
  std::size_t size_ = 0;
};

}  // namespace drydock::machine
