#pragma once
// The names by which kernel objects refer to each other (state/table.h). Forward declarations only.

#include "machine/state/table.h"

namespace drydock::machine {

class Kernel;
class Task;
class Process;
class AddressSpace;
class FdTable;
class FsContext;
class SignalHandlers;
class Inode;
class Dentry;
class Superblock;
class MountPoint;
class File;
class MountNamespace;
class UserNamespace;
class PidNamespace;
class UtsNamespace;
class IpcNamespace;
class NetNamespace;
class CgroupNamespace;
class TimeNamespace;
class Cgroup;

using TaskId = Id<Task>;        // a thread
using ProcessId = Id<Process>;  // a thread group: what a pid names
using AddressSpaceId = Id<AddressSpace>;
using FdTableId = Id<FdTable>;
using FsContextId = Id<FsContext>;  // cwd, root, umask
using SignalHandlersId = Id<SignalHandlers>;
using InodeId = Id<Inode>;
using DentryId = Id<Dentry>;
using SuperblockId = Id<Superblock>;
using MountId = Id<MountPoint>;
using FileId = Id<File>;  // an open file description
using MountNamespaceId = Id<MountNamespace>;
using UserNamespaceId = Id<UserNamespace>;
using PidNamespaceId = Id<PidNamespace>;
using UtsNamespaceId = Id<UtsNamespace>;
using IpcNamespaceId = Id<IpcNamespace>;
using NetNamespaceId = Id<NetNamespace>;
using CgroupNamespaceId = Id<CgroupNamespace>;
using TimeNamespaceId = Id<TimeNamespace>;
using CgroupId = Id<Cgroup>;

}  // namespace drydock::machine
