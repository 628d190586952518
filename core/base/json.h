#pragma once
// JSON with checked access: a wrong type is an Error that names the member, never an exception or an abort.
// Objects keep the order of their members, since clients show what we send as we send it.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace drydock {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t kJsonDepthMax = 128;

/// Parses one JSON text (RFC 8259). Errors: invalid_argument in the words of Go's decoder; deeper than kJsonDepthMax.
Result<Json> parse_json(std::string_view text);
/// Compact, without spaces; invalid UTF-8 becomes U+FFFD, as Go's encoder does.
std::string to_json_text(const Json& json);

/// Each getter takes a member of an object. A missing or null member gives the fallback; a member of another type is
/// invalid_argument in the words of Go's decoder ("json: cannot unmarshal string into ... field NAME of type int").
Result<std::string> get_string(const Json& object, std::string_view name, std::string fallback = "");
Result<bool> get_bool(const Json& object, std::string_view name, bool fallback = false);
Result<std::int64_t> get_int(const Json& object, std::string_view name, std::int64_t fallback = 0);
Result<std::optional<bool>> get_optional_bool(const Json& object, std::string_view name);
Result<std::optional<std::int64_t>> get_optional_int(const Json& object, std::string_view name);
Result<std::vector<std::string>> get_strings(const Json& object, std::string_view name);
/// Name and value in the object's order.
Result<std::vector<std::pair<std::string, std::string>>> get_string_map(const Json& object, std::string_view name);
/// The member if it is an object (array); null if missing or null. The pointer lives as long as `object`.
Result<const Json*> get_object(const Json& object, std::string_view name);
Result<const Json*> get_array(const Json& object, std::string_view name);

}  // namespace drydock
