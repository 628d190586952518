#pragma once
// What containers' roots must be like, on every HostFs and for both kinds of snapshot. Nothing is mounted here: what a
// container writes is written into the directory that RootMounts names.

#include "storage/snapshotter.h"
#include "tests/conformance/host_fs_suite.h"

namespace drydock::conformance {

void check_snapshotter(const HostFsFactory& make_root, storage::SnapshotKind kind);

}  // namespace drydock::conformance
