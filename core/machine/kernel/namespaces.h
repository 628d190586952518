#pragma once
// namespaces(7), but mounts (vfs/mount.h) and networks (net/): user, pid, uts, ipc, cgroup, time.
// `number` is the inode number in /proc/PID/ns; `users` counts tasks, nsfs files, bind mounts and child namespaces.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "machine/kernel/ids.h"

namespace drydock::machine {

inline constexpr std::uint32_t kOverflowId = 65534;
inline constexpr std::size_t kUserNamespaceDepthMax = 32, kPidNamespaceDepthMax = 32;

struct IdMapLine {
  std::uint32_t inside = 0, outside = 0, count = 0;  // outside: in the parent user namespace
};

class UserNamespace {
 public:
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  UserNamespaceId parent;  // none: the initial one
  std::uint32_t level = 0;
  std::uint32_t owner = 0, group = 0;  // kernel ids of its creator
  std::vector<IdMapLine> uid_map, gid_map, projid_map;
  bool setgroups_denied = false;
};

class PidNamespace {
 public:
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  PidNamespaceId parent;
  std::uint32_t level = 0;
  UserNamespaceId owner;
  ProcessId init;  // its pid 1; none before the first and after the last process
  bool dying = false;
  std::uint32_t last_pid = 0;
  std::uint32_t pid_max = 4194304;
  std::map<std::uint32_t, TaskId> tasks;         // by tid in this namespace: every thread that is visible here
  std::map<std::uint32_t, ProcessId> processes;  // by pid, those included that only name a group or session any more
};

class UtsNamespace {
 public:
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  UserNamespaceId owner;
  std::string nodename, domainname = "(none)";
};

class IpcNamespace {
 public:
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  UserNamespaceId owner;
  SuperblockId message_queues;  // its mqueue file system
  // /proc/sys/fs/mqueue. mq_overview(7).
  std::uint32_t queues = 0, queues_max = 256, messages_max = 10, message_default = 10, message_bytes_max = 8192,
                message_bytes_default = 8192;
};

class CgroupNamespace {
 public:
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  UserNamespaceId owner;
  std::vector<CgroupId> roots;  // one per hierarchy, as Process::cgroups
};

class TimeNamespace {
 public:
  std::uint32_t users = 0;
  std::uint64_t number = 0;
  UserNamespaceId owner;
  std::int64_t monotonic_offset_ns = 0, boottime_offset_ns = 0;
};

struct NamespaceSet {
  MountNamespaceId mnt;
  UtsNamespaceId uts;
  IpcNamespaceId ipc;
  NetNamespaceId net;
  PidNamespaceId pid_for_children;
  CgroupNamespaceId cgroup;
  TimeNamespaceId time, time_for_children;
};

}  // namespace drydock::machine
