#pragma once
// The files of a cgroup as a table: name, who may write, which controller it belongs to, what it shows and takes.
// Linux's admin-guide/cgroup-v2.rst and admin-guide/cgroup-v1/.

#include <span>
#include <string>
#include <string_view>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

struct ControlRow {
  std::string_view name;
  std::string_view controller;  // "": every group has it
  enum class Where : std::uint8_t { everywhere, below_root, root_only } where = Where::everywhere;
  std::uint32_t permissions = 0;  // 0: 0444, or 0644 where `store` is set
  Result<std::string, Errno> (*text)(const Caller&, CgroupId) = nullptr;
  Result<void, Errno> (*store)(const Caller&, CgroupId, std::string_view) = nullptr;
  /// Files that only keep what they are told: the text before anything was written. With `text` null.
  std::string_view initial = {};
};

std::span<const ControlRow> unified_rows();  // version 2
std::span<const ControlRow> legacy_rows();   // version 1

/// cgroup.procs and cgroup.threads, as the caller's pid namespace numbers them: a line each, ascending.
Result<std::string, Errno> members_text(const Caller& caller, CgroupId group);
/// A pid (0: the caller's) is moved here. ESRCH, EACCES, EBUSY (v2: a group with enabled controllers holds no
/// processes), ENOENT (outside of the caller's cgroup namespace, of a hierarchy mounted with nsdelegate), EINVAL.
Result<void, Errno> move_member(const Caller& caller, CgroupId group, std::string_view text);
/// In it or anywhere below.
bool is_populated(const Kernel& kernel, CgroupId group);
std::size_t descendants(const Kernel& kernel, CgroupId group);

/// What was written to a file that only keeps it.
std::string kept(const Cgroup& group, std::string_view name, std::string_view initial);

/// "max" or bytes with K, M, G, T; rounded down to pages. EINVAL.
Result<std::optional<std::uint64_t>, Errno> parse_bytes(std::string_view text, std::string_view unlimited);
/// The controllers a group may have: those its parent gives it.
std::vector<std::string> available_controllers(const Kernel& kernel, CgroupId group);

}  // namespace drydock::machine
