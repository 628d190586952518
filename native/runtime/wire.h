#pragma once
// Plain structs to bytes and back, for what a daemon and its monitors tell each other. Both ends are the same build, so
// that there are no versions; the reader still trusts no length and no tag. Integers are little-endian, strings and
// lists have their length before them, variants and optionals a tag byte.

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace drydock::native {

class WireWriter {
 public:
  static constexpr bool kReads = false;

  template <class... T>
  void fields(const T&... values) {
    (put(values), ...);
  }
  std::string take() { return std::move(bytes_); }

 private:
  template <class T>
  requires(std::integral<T> || std::is_enum_v<T>) void put(const T& value) {
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = 0; i < sizeof(T); ++i, rest >>= 8) bytes_.push_back(static_cast<char>(rest & 0xff));
  }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text);
  }
  template <class T>
  void put(const std::vector<T>& list) {
    put(static_cast<std::uint32_t>(list.size()));
    for (const T& item : list) put(item);
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class... T>
  void put(const std::variant<T...>& value) {
    put(static_cast<std::uint8_t>(value.index()));
    std::visit([this](const auto& alternative) { put(alternative); }, value);
  }
  template <class T>
  requires std::is_class_v<T>
  void put(const T& value) { describe(*this, value); }

  std::string bytes_;
};

class WireReader {
 public:
  static constexpr bool kReads = true;

  explicit WireReader(std::string_view bytes) : rest_(bytes) {}
  template <class... T>
  void fields(T&... values) {
    (get(values), ...);
  }
  /// True when everything that was asked for was there, and nothing is left.
  bool complete() const { return good_ && rest_.empty(); }

 private:
  template <class T>
  requires(std::integral<T> || std::is_enum_v<T>) void get(T& value) {
    if (rest_.size() < sizeof(T)) return give_up();
    std::uint64_t number = 0;
    for (std::size_t i = sizeof(T); i-- > 0;) number = number << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(sizeof(T));
    if constexpr (std::same_as<T, bool>) {
      value = number != 0;
    } else {
      value = static_cast<T>(number);
    }
  }
  void get(std::string& text) {
    std::uint32_t size = 0;
    get(size);
    if (size > rest_.size()) return give_up();
    text.assign(rest_.substr(0, size));
    rest_.remove_prefix(size);
  }
  template <class T>
  void get(std::vector<T>& list) {
    std::uint32_t size = 0;
    get(size);
    // Every item takes a byte at least: a length beyond that is a lie, and would ask for memory.
    if (size > rest_.size()) return give_up();
    list.clear();
    for (std::uint32_t i = 0; i < size && good_; ++i) get(list.emplace_back());
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    value.reset();
    if (there && good_) get(value.emplace());
  }
  template <class... T>
  void get(std::variant<T...>& value) {
    std::uint8_t tag = 0;
    get(tag);
    if (!good_ || tag >= sizeof...(T)) return give_up();
    get_alternative(value, tag, std::index_sequence_for<T...>());
  }
  template <class Variant, std::size_t... I>
  void get_alternative(Variant& value, std::size_t tag, std::index_sequence<I...>) {
    ((tag == I ? get(value.template emplace<I>()) : void()), ...);
  }
  template <class T>
  requires std::is_class_v<T>
  void get(T& value) { describe(*this, value); }

  void give_up() {
    good_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool good_ = true;
};

/// What describe() takes: a constant reference when it is written, a plain one when it is read.
template <class Archive, class T>
using Described = std::conditional_t<Archive::kReads, T, const T>;

template <class T>
std::string to_wire(const T& value) {
  WireWriter writer;
  writer.fields(value);
  return writer.take();
}

template <class T>
std::optional<T> from_wire(std::string_view bytes) {
  T value{};
  WireReader reader(bytes);
  reader.fields(value);
  if (!reader.complete()) return std::nullopt;
  return value;
}

}  // namespace drydock::native
