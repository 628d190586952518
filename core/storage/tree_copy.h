#pragma once
// Trees made from trees: the flat copy where overlayfs cannot be mounted, and the init layer.

#include "base/result.h"
#include "storage/host_fs.h"
#include "storage/merged_tree.h"

namespace drydock::storage {

/// Copies everything into the empty root of `target`: hard links, owners, modes, times, extended attributes.
Result<void> copy_tree(const MergedTree& tree, HostFs& target);

/// Makes in the empty root of `target` what a container needs and `lower` has not. New directories and files get
/// `metadata`; those that `lower` has and that only lead there keep their attributes.
Result<void> make_init_layer(const MergedTree& lower, HostFs& target, const Metadata& metadata);

}  // namespace drydock::storage
