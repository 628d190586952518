#pragma once
// Finds out what a directory's file system and this process' rights allow, by trying.

#include "native/hostfs/proc_path.h"
#include "native/kernel/fd.h"
#include "storage/host_fs.h"

namespace drydock::native::hostfs {

/// Works in a temporary directory below `root` that is gone afterwards. Overlay mounts are tried by a child process in
/// a mount namespace of its own.
storage::HostFsFeatures probe_features(int root);

}  // namespace drydock::native::hostfs
