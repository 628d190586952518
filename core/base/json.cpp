#include "base/json.h"

#include "base/json_syntax.h"

namespace drydock {

namespace {

Result<void> check_depth(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && depth > 0) --depth;
    if (depth > kJsonDepthMax) return fail(ErrorKind::invalid_argument, "exceeded max depth of ", kJsonDepthMax);
  }
  return {};
}

/// Keeps the message of the first error instead of throwing it: for what Go's decoder would take, as bad UTF-8.
class ErrorKeeper : public nlohmann::detail::json_sax_dom_parser<Json> {
 public:
  using Base = nlohmann::detail::json_sax_dom_parser<Json>;
  explicit ErrorKeeper(Json& root) : Base(root, false) {}

  bool parse_error(std::size_t position, const std::string& last_token, const nlohmann::detail::exception& error) {
    const std::string_view what = error.what();
    const std::size_t colon = what.find(": ");  // "[json.exception...] parse error at line 1, column 2: ..."
    message = concat("invalid JSON at offset ", position, " near ", go_quoted(last_token),
                     colon == std::string_view::npos ? "" : ": ",
                     colon == std::string_view::npos ? std::string_view() : what.substr(colon + 2));
    return false;
  }

  std::string message;
};

std::string_view type_name(const Json& value) {
  switch (value.type()) {
    case Json::value_t::object:
      return "object";
    case Json::value_t::array:
      return "array";
    case Json::value_t::string:
      return "string";
    case Json::value_t::boolean:
      return "bool";
    case Json::value_t::null:
      return "null";
    default:
      return "number";
  }
}

Failure<Error> wrong_type(const Json& value, std::string_view name, std::string_view wanted) {
  return fail(ErrorKind::invalid_argument, "json: cannot unmarshal ", type_name(value), " into Go struct field ", name,
              " of type ", wanted);
}

/// Null when there is no such member; an error when `object` is not an object at all.
Result<const Json*> member(const Json& object, std::string_view name) {
  if (object.is_null()) return nullptr;
  if (!object.is_object()) return wrong_type(object, name, "object");
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return nullptr;
  return &*found;
}

Result<std::int64_t> to_int(const Json& value, std::string_view name) {
  if (value.is_number_unsigned()) {
    const auto number = value.get<std::uint64_t>();
    if (number > static_cast<std::uint64_t>(INT64_MAX)) return wrong_type(value, name, "int64");
    return static_cast<std::int64_t>(number);
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return wrong_type(value, name, "int64");
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  TRY(check_depth(text));
  Json root;
  ErrorKeeper keeper(root);
  if (!Json::sax_parse(text.begin(), text.end(), &keeper)) {
    return fail(ErrorKind::invalid_argument, json_syntax_error(text).value_or(keeper.message));
  }
  return root;
}

std::string to_json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::string> get_string(const Json& object, std::string_view name, std::string fallback) {
  const Json* value = TRY(member(object, name));
  if (value == nullptr) return fallback;
  if (!value->is_string()) return wrong_type(*value, name, "string");
  return value->get<std::string>();
}

Result<bool> get_bool(const Json& object, std::string_view name, bool fallback) {
  return TRY(get_optional_bool(object, name)).value_or(fallback);
}

Result<std::int64_t> get_int(const Json& object, std::string_view name, std::int64_t fallback) {
  return TRY(get_optional_int(object, name)).value_or(fallback);
}

Result<std::optional<bool>> get_optional_bool(const Json& object, std::string_view name) {
  const Json* value = TRY(member(object, name));
  if (value == nullptr) return std::optional<bool>();
  if (!value->is_boolean()) return wrong_type(*value, name, "bool");
  return std::optional(value->get<bool>());
}

Result<std::optional<std::int64_t>> get_optional_int(const Json& object, std::string_view name) {
  const Json* value = TRY(member(object, name));
  if (value == nullptr) return std::optional<std::int64_t>();
  return std::optional(TRY(to_int(*value, name)));
}

Result<std::vector<std::string>> get_strings(const Json& object, std::string_view name) {
  std::vector<std::string> out;
  const Json* array = TRY(get_array(object, name));
  if (array == nullptr) return out;
  for (const Json& value : *array) {
    if (!value.is_string()) return wrong_type(value, name, "string");
    out.push_back(value.get<std::string>());
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> get_string_map(const Json& object, std::string_view name) {
  std::vector<std::pair<std::string, std::string>> out;
  const Json* map = TRY(get_object(object, name));
  if (map == nullptr) return out;
  for (const auto& [key, value] : map->items()) {
    if (!value.is_string()) return wrong_type(value, name, "string");
    out.emplace_back(key, value.get<std::string>());
  }
  return out;
}

Result<const Json*> get_object(const Json& object, std::string_view name) {
  const Json* value = TRY(member(object, name));
  if (value != nullptr && !value->is_object()) return wrong_type(*value, name, "object");
  return value;
}

Result<const Json*> get_array(const Json& object, std::string_view name) {
  const Json* value = TRY(member(object, name));
  if (value != nullptr && !value->is_array()) return wrong_type(*value, name, "[]string");
  return value;
}

}  // namespace drydock
