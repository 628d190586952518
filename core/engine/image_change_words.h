#pragma once
// The words of a Dockerfile instruction: quotes, escapes and variables, as Docker's shell lexer reads them.
// Of ${...} there are the plain form, :- and :+.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace drydock::engine {

/// Splits at blanks outside of quotes; quotes and backslashes stay.
std::vector<std::string> split_words(std::string_view text);

/// Takes quotes and backslashes off and puts the variables' values in. `env`: "NAME=value", the last one counts.
/// Errors: invalid_argument, `failed to process "\"x": unexpected end of statement while looking for matching
/// double-quote`.
Result<std::string> process_word(std::string_view word, const std::vector<std::string>& env);

/// A Go duration ("1h2m3.5s") in ns. Errors: invalid_argument, `time: invalid duration "x"`.
Result<std::int64_t> parse_go_duration(std::string_view text);

}  // namespace drydock::engine
