#pragma once
// What containers may be called, and what they are called when nobody says.

#include <string>
#include <string_view>

#include "base/random.h"

namespace drydock::engine {

/// [a-zA-Z0-9][a-zA-Z0-9_.-]+
bool is_valid_name(std::string_view name);

/// adjective_surname, of people whom computing owes something; with a digit after `attempt` tries.
std::string random_name(Random& random, int attempt);

}  // namespace drydock::engine
