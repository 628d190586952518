#pragma once
// What a container changed: the list that `docker diff` prints, and the tar that `docker commit` makes a layer of.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "storage/id_map.h"
#include "storage/merged_tree.h"

namespace drydock::storage {

enum class ChangeKind { modified = 0, added = 1, deleted = 2 };  // the Engine API's numbers

struct Change {
  std::string path;  // "/etc/motd"
  ChangeKind kind = ChangeKind::modified;
};

/// The changes that the overlay upper directory `upper` makes to `lower`, sorted by path.
Result<std::vector<Change>> overlay_changes(HostFs& upper, const MergedTree& lower);
/// The same by comparing two whole trees: for the copying fallback.
Result<std::vector<Change>> tree_changes(const MergedTree& upper, const MergedTree& lower);

/// A tar of `changes`, contents from `tree` (the upper directory or the whole tree), deletions as whiteouts.
/// Owners are translated to the container's. Reads the files as it is read.
Result<std::unique_ptr<ByteSource>> make_changes_tar(MergedTree tree, std::vector<Change> changes, IdMaps ids);
/// A tar of everything in `tree`: docker export.
Result<std::unique_ptr<ByteSource>> make_tree_tar(MergedTree tree, IdMaps ids);

}  // namespace drydock::storage
