#pragma once
// Directory entries: the cached tree of names. A dentry is one name of one directory of one superblock.

#include <functional>
#include <map>
#include <string>

#include "machine/kernel/ids.h"

namespace drydock::machine {

class Dentry {
 public:
  DentryId parent;  // itself for a root
  std::string name;
  InodeId inode;
  SuperblockId superblock;
  bool unlinked = false;                                  // removed while somebody held it: d_path shows " (deleted)"
  std::uint32_t mounts = 0;                               // mounts on it, in any namespace
  std::map<std::string, DentryId, std::less<>> children;  // cached ones
};

}  // namespace drydock::machine
