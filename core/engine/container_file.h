#pragma once
// containers/<id>/config.json: a Container as text.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/container.h"

namespace drydock::engine {

inline constexpr std::uint64_t kContainerFileMax = 16u << 20;

std::string container_to_text(const Container& container);
/// Errors: corrupt.
Result<std::unique_ptr<Container>> container_from_text(std::string_view text);

}  // namespace drydock::engine
