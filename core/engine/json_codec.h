#pragma once
// A table of members per struct, read by a decoder and by an encoder: encoding/json of Go in small. For the .cpp files
// of this room that turn Docker's types into JSON and back; a struct takes part by a function `fields(visitor, value)`.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/json.h"
#include "base/text.h"

namespace drydock::engine::codec {

/// When a member is shown: by its value, and by the API version (1.since to 1.until).
struct Shown {
  enum class Empty { shown, omitted } empty = Empty::shown;
  unsigned since = 0;
  unsigned until = 1u << 30;
  unsigned omitted_since = 1u << 30;  // from this version on it is omitted when empty
};
inline constexpr Shown kAlways = {};
inline constexpr Shown kOmitEmpty = {Shown::Empty::omitted};

/// Go's word for a JSON value in its errors.
inline std::string_view go_kind(const Json& value) {
  if (value.is_string()) return "string";
  if (value.is_boolean()) return "bool";
  if (value.is_array()) return "array";
  if (value.is_object()) return "object";
  return "number";
}

/// Where a value stands: the struct it is a member of, and the members' names from the root.
struct Where {
  std::string_view structure;
  std::string path;
};

inline Failure<Error> wrong_type(const Json& value, const Where& where, std::string_view go_type) {
  if (where.path.empty())
    return fail(ErrorKind::invalid_argument, "json: cannot unmarshal ", go_kind(value), " into Go value of type ",
                go_type);
  return fail(ErrorKind::invalid_argument, "json: cannot unmarshal ", go_kind(value), " into Go struct field ",
              where.structure, ".", where.path, " of type ", go_type);
}

inline const Json* member(const Json& object, std::string_view name) {
  const auto found = object.find(name);
  if (found != object.end()) return &*found;
  for (const auto& item : object.items())
    if (equals_ignoring_case(item.key(), name)) return &item.value();
  return nullptr;
}

// Every overload before the first use: two-phase lookup finds the room's own types by their namespace only.
inline Result<void> decode_value(const Json& value, const Where& where, std::string& out) {
  if (!value.is_string()) return wrong_type(value, where, "string");
  out = value.get_ref<const std::string&>();
  return {};
}
inline Result<void> decode_value(const Json& value, const Where& where, bool& out) {
  if (!value.is_boolean()) return wrong_type(value, where, "bool");
  out = value.get<bool>();
  return {};
}
inline Result<void> decode_value(const Json& value, const Where& where, std::int64_t& out) {
  if (!value.is_number_integer()) return wrong_type(value, where, "int64");
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    return fail(ErrorKind::invalid_argument, "json: cannot unmarshal number ", value.get<std::uint64_t>(),
                " into Go struct field ", where.structure, ".", where.path, " of type int64");
  out = value.get<std::int64_t>();
  return {};
}
/// A Go map[string]struct{}: only the names count.
inline Result<void> decode_value(const Json& value, const Where& where, std::map<std::string, bool>& out) {
  if (!value.is_object()) return wrong_type(value, where, "map[string]struct {}");
  for (const auto& item : value.items()) {
    if (!item.value().is_object() && !item.value().is_null()) return wrong_type(item.value(), where, "struct {}");
    out[item.key()] = true;
  }
  return {};
}

template <class T>
Result<void> decode_value(const Json& value, const Where& where, std::optional<T>& out);
template <class T>
Result<void> decode_value(const Json& value, const Where& where, std::vector<T>& out);
template <class T>
Result<void> decode_value(const Json& value, const Where& where, std::map<std::string, T>& out);
template <class T>
requires requires(T& value) {
  struct_name(value);
}
Result<void> decode_value(const Json& value, const Where& where, T& out);

template <class T>
Result<void> decode_value(const Json& value, const Where& where, std::optional<T>& out) {
  T inner{};
  TRY(decode_value(value, where, inner));
  out = std::move(inner);
  return {};
}
template <class T>
Result<void> decode_value(const Json& value, const Where& where, std::vector<T>& out) {
  if (!value.is_array()) return wrong_type(value, where, "[]string");
  out.clear();
  for (const Json& element : value) {
    T inner{};
    if (!element.is_null()) TRY(decode_value(element, where, inner));
    out.push_back(std::move(inner));
  }
  return {};
}
template <class T>
Result<void> decode_value(const Json& value, const Where& where, std::map<std::string, T>& out) {
  if (!value.is_object()) return wrong_type(value, where, "map[string]string");
  out.clear();
  for (const auto& item : value.items()) {
    T inner{};
    if (!item.value().is_null()) TRY(decode_value(item.value(), where, inner));
    out.insert_or_assign(item.key(), std::move(inner));
  }
  return {};
}

class Decoder {
 public:
  Decoder(const Json& object, std::string_view structure, std::string path)
      : object_(object), structure_(structure), path_(std::move(path)) {}

  template <class T>
  void operator()(std::string_view name, T& out, Shown = kAlways) {
    const Json* value = failure_ ? nullptr : member(object_, name);
    if (value == nullptr || value->is_null()) return;
    const Where where{structure_, path_.empty() ? std::string(name) : concat(path_, ".", name)};
    if (auto decoded = decode_value(*value, where, out); !decoded.ok()) failure_ = std::move(decoded).error();
  }
  /// strslice.StrSlice: a string counts as a list of one.
  void string_or_list(std::string_view name, std::optional<std::vector<std::string>>& out) {
    const Json* value = failure_ ? nullptr : member(object_, name);
    if (value != nullptr && value->is_string()) {
      out = {value->get<std::string>()};
      return;
    }
    if (value != nullptr && value->is_object()) {
      failure_ = wrong_type(*value, {structure_, std::string(name)}, "string").error;
      return;
    }
    (*this)(name, out);
  }
  Result<void> finish() {
    if (failure_) return *failure_;
    return {};
  }

 private:
  const Json& object_;
  std::string_view structure_;
  std::string path_;
  std::optional<Error> failure_;
};

template <class T>
requires requires(T& value) {
  struct_name(value);
}
Result<void> decode_value(const Json& value, const Where& where, T& out) {
  if (!value.is_object()) return wrong_type(value, where, struct_name(out));
  Decoder decoder(value, struct_name(out), where.path);
  fields(decoder, out);
  return decoder.finish();
}

class Encoder {
 public:
  explicit Encoder(unsigned minor) : minor_(minor) {}

  template <class T>
  void operator()(std::string_view name, const T& value, Shown shown = kAlways) {
    if (minor_ < shown.since || minor_ > shown.until) return;
    const bool omit = shown.empty == Shown::Empty::omitted || minor_ >= shown.omitted_since;
    if (omit && is_empty(value)) return;
    object_.emplace(std::string(name), value_of(value));
  }
  void string_or_list(std::string_view name, const std::optional<std::vector<std::string>>& value) {
    (*this)(name, value);
  }
  Json take() { return std::move(object_); }

  static bool is_empty(const std::string& value) { return value.empty(); }
  static bool is_empty(bool value) { return !value; }
  static bool is_empty(std::int64_t value) { return value == 0; }
  template <class T>
  static bool is_empty(const std::vector<T>& value) {
    return value.empty();
  }
  template <class T>
  static bool is_empty(const std::map<std::string, T>& value) {
    return value.empty();
  }
  /// A Go pointer is empty when nil; a slice or a map when it has no elements.
  template <class T>
  static bool is_empty(const std::optional<T>& value) {
    if constexpr (requires(const T& inner) { inner.empty(); }) return !value || value->empty();
    return !value;
  }
  template <class T>
  requires requires(T& value) { struct_name(value); }
  static bool is_empty(const T&) { return false; }

  Json value_of(const std::string& value) const { return value; }
  Json value_of(bool value) const { return value; }
  Json value_of(std::int64_t value) const { return value; }
  Json value_of(const std::map<std::string, bool>& value) const {
    Json object = Json::object();
    for (const auto& item : value) object.emplace(item.first, Json::object());
    return object;
  }
  template <class T>
  Json value_of(const std::optional<T>& value) const {
    return value ? value_of(*value) : Json(nullptr);
  }
  template <class T>
  Json value_of(const std::vector<T>& value) const {
    Json array = Json::array();
    for (const T& element : value) array.push_back(value_of(element));
    return array;
  }
  template <class T>
  Json value_of(const std::map<std::string, T>& value) const {
    Json object = Json::object();
    for (const auto& item : value) object.emplace(item.first, value_of(item.second));
    return object;
  }
  template <class T>
  requires requires(T& value) { struct_name(value); }
  Json value_of(const T& value) const {
    Encoder inner(minor_);
    // The same table serves both ways; an encoder only reads.
    fields(inner, const_cast<T&>(value));
    return inner.take();
  }

 private:
  unsigned minor_;
  Json object_ = Json::object();
};

}  // namespace drydock::engine::codec
