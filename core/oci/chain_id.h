#pragma once
// ChainIDs: the name of a stack of layers (image-spec: config.md, Layer ChainID).

#include <vector>

#include "archive/digest.h"

namespace drydock::oci {

using archive::Digest;

/// The stack `parent` with the layer `diff` on top; an empty `parent` is the empty stack.
Digest chain_id(const Digest& parent, const Digest& diff);
/// One for each layer, lowest first: the last one names the whole stack.
std::vector<Digest> chain_ids(const std::vector<Digest>& diffs);

}  // namespace drydock::oci
