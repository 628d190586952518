#pragma once
// A place in the tree of mounts, as the kernel's struct path: a directory entry seen through one mount.

#include "machine/kernel/ids.h"

namespace drydock::machine {

struct Path {
  MountId mount;
  DentryId dentry;
  explicit operator bool() const { return static_cast<bool>(dentry); }
  friend bool operator==(const Path&, const Path&) = default;
};

}  // namespace drydock::machine
