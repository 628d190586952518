#pragma once
// Numbers in tar headers: octal text, and GNU's base-256 for what octal cannot hold.

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace drydock::archive {

/// Octal between blanks and NULs (an empty field is 0), or base-256 when the top bit is set.
/// Errors: corrupt, for any other character and for what 64 bits cannot hold.
Result<std::int64_t> parse_tar_number(std::string_view field);

/// True if `number` fits into a field of `width` bytes as octal digits and a NUL.
bool fits_in_octal(std::int64_t number, std::size_t width);

/// The one error for headers that make no sense, in Go's words.
Error invalid_tar_header();

}  // namespace drydock::archive
