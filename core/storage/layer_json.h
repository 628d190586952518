#pragma once
// layer.json: what a layer's directory says of itself.

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/layer_store.h"

namespace drydock::storage {

std::string to_layer_json(const Layer& layer);
/// Errors: invalid_argument, corrupt (the chain id is not that of parent and diff id).
Result<Layer> parse_layer_json(std::string_view text);

}  // namespace drydock::storage
