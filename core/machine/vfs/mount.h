#pragma once
// Mount points and mount namespaces. mount_namespaces(7), shared subtrees included.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "machine/kernel/ids.h"
#include "machine/vfs/path.h"

namespace drydock::machine {

class MountPoint {
 public:
  MountNamespaceId mount_namespace;  // none once it is detached
  MountId parent;                    // itself for a namespace's root
  DentryId mountpoint;               // the dentry of the parent mount's tree it hangs on
  SuperblockId superblock;
  DentryId root;  // what it shows of the superblock: not its root for a bind mount
  std::string source;
  std::uint64_t flags =
      0;  // MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME of this mount
  std::uint64_t locked_flags = 0;  // those that a less privileged namespace may not clear
  bool locked = false;             // came with a less privileged namespace: may not be unmounted alone
  std::uint32_t peer_group = 0;    // shared:N; 0: not shared
  std::uint32_t master = 0;        // master:N; 0: no slave
  bool unbindable = false;
  std::uint32_t number = 0;              // the id that mountinfo shows
  bool expiring = false;                 // umount2(MNT_EXPIRE) has marked it, and nobody has used it since
  std::map<DentryId, MountId> children;  // the mounts on it, by the dentry they hang on
};

class MountNamespace {
 public:
  std::uint32_t users = 0;  // tasks, nsfs files and binds
  UserNamespaceId owner;
  std::uint64_t number = 0;  // inode number in nsfs
  MountId root;
  std::vector<MountId> mounts;  // in mount order
};

}  // namespace drydock::machine
