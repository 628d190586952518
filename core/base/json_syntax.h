#pragma once
// What is wrong with a text that is no JSON (RFC 8259), in the words of Go's decoder, which Docker's users know.

#include <optional>
#include <string>
#include <string_view>

namespace drydock {

/// The first syntax error, for example "invalid character 'o' in literal null (expecting 'u')"; nothing if there is
/// none. `text` must not be nested deeper than kJsonDepthMax.
std::optional<std::string> json_syntax_error(std::string_view text);

}  // namespace drydock
