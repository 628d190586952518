#pragma once
// A pointer to a value that may be shared by snapshots: copies of the pointer are cheap and see one value, and edit()
// gives the holder a copy of its own first when somebody else holds the value too. Not for use by several threads.
//
// T is copied by its copy constructor, or, when it is polymorphic, by `std::unique_ptr<T> clone() const`.

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace drydock::machine {

template <class T>
class Shared {
 public:
  Shared() = default;
  explicit Shared(std::unique_ptr<T> value) : holder_(value ? new Holder{std::move(value), 1} : nullptr) {}
  Shared(const Shared& other) : holder_(other.holder_) {
    if (holder_ != nullptr) ++holder_->count;
  }
  Shared(Shared&& other) noexcept : holder_(std::exchange(other.holder_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(holder_, other.holder_);
    return *this;
  }
  ~Shared() {
    if (holder_ != nullptr && --holder_->count == 0) delete holder_;
  }

  explicit operator bool() const { return holder_ != nullptr; }
  const T& operator*() const { return *holder_->value; }
  const T* operator->() const { return holder_->value.get(); }
  bool is_shared() const { return holder_ != nullptr && holder_->count > 1; }

  /// The value, no longer shared with anybody. Copies it if it was.
  T& edit() {
    if (holder_->count > 1) {
      auto* own = new Holder{copy(*holder_->value), 1};
      --holder_->count;
      holder_ = own;
    }
    return *holder_->value;
  }

 private:
  struct Holder {
    std::unique_ptr<T> value;
    std::uint32_t count;
  };
  static std::unique_ptr<T> copy(const T& value) {
    if constexpr (std::is_polymorphic_v<T>) {
      return value.clone();
    } else {
      return std::make_unique<T>(value);
    }
  }
  Holder* holder_ = nullptr;
};

}  // namespace drydock::machine
