#pragma once
// nsfs: namespaces as files. namespaces(7), ioctl_nsfs(2). /proc/PID/ns/* lead here; setns(2) takes such a file, and a
// bind mount of one keeps the namespace alive.

#include <memory>
#include <optional>
#include <string>

#include "machine/kernel/kernel.h"
#include "machine/kernel/namespace_set.h"
#include "machine/vfs/file.h"

namespace drydock::machine {

/// "mnt:[4026531841]".
std::string namespace_link_text(const Kernel& kernel, NamespaceRef which);
/// The place of the namespace's file: the same for everybody while anybody has it open or mounted.
Path namespace_path(Kernel& kernel, NamespaceRef which);
/// What an open file of nsfs refers to; none for every other file.
std::optional<NamespaceRef> namespace_of_file(const Kernel& kernel, FileId file);

}  // namespace drydock::machine
