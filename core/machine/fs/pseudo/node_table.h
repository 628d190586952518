#pragma once
// A tree of files written down as a table: a row per file, directories are understood from the paths. Most of /proc and
// /sys is such a table.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "machine/fs/pseudo/pseudo_inode.h"

namespace drydock::machine {

struct NodeRow {
  std::string_view path;        // "sys/kernel/hostname", below the file system's root
  std::uint32_t mode = 0;       // with type; 0: a regular file 0444, or 0644 where `store` is set
  std::string_view fixed = {};  // the text, or a symbolic link's target, where it never changes
  Result<std::string, Errno> (*text)(const Caller&) = nullptr;
  Result<void, Errno> (*store)(const Caller&, std::string_view) = nullptr;
  /// A node with a class of its own (a directory of interfaces, a magic link); all of the above is its business then.
  std::unique_ptr<PseudoInode> (*make)(const Caller&) = nullptr;
};

/// Rows in the order in which a directory lists them. Static storage: inodes refer to it.
struct NodeTable {
  std::span<const NodeRow> rows;
  std::uint64_t first_inode_number = 0;
  std::uint64_t text_size = 0;      // st_size of files: 0 in /proc, 4096 in /sys
  bool owner_can_change = false;    // chmod(2) and chown(2) are taken (and forgotten): sysfs, but not /proc
  bool only_what_is_there = false;  // PseudoInode's, of all directories
  /// Whose mode bits hold for root, too: /proc/sys. Null: the ordinary rules.
  std::optional<Result<void, Errno>> (*permission)(const Caller&, std::string_view path, std::uint32_t mode,
                                                   int mask) = nullptr;
};

/// The directory at `prefix` ("" or "sys/kernel").
class TableDirectory : public PseudoInode {
 public:
  TableDirectory(const NodeTable& table, std::string prefix, std::uint32_t permissions = 0555);
  std::unique_ptr<Inode> clone() const override { return std::make_unique<TableDirectory>(*this); }
  std::optional<Result<void, Errno>> own_permission(const Caller& caller, int mask) override;
  Result<InodeId, Errno> lookup(const Caller& caller, std::string_view name) override;
  Result<std::vector<DirectoryItem>, Errno> list(const Caller& caller, std::uint64_t cookie,
                                                 std::size_t count_max) override;

 protected:
  const NodeTable* table_;
  std::string prefix_;  // with its '/' at the end, or empty
};

}  // namespace drydock::machine
