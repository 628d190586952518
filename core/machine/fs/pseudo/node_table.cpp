// Directories, files and links of a NodeTable.

#include "machine/fs/pseudo/node_table.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace drydock::machine {

namespace {

std::uint32_t mode_of(const NodeRow& row) {
  if (row.mode != 0) return (row.mode & abi::s_ifmt) != 0 ? row.mode : row.mode | abi::s_ifreg;
  return abi::s_ifreg | (row.store != nullptr ? 0644 : 0444);
}

/// Directories are numbered after the first file below them, and by their depth.
std::uint64_t directory_number(const NodeTable& table, std::size_t row, std::string_view prefix) {
  return table.first_inode_number + (row + 1) * 16 +
         static_cast<std::uint64_t>(std::count(prefix.begin(), prefix.end(), '/'));
}

class TableFile final : public TextInode {
 public:
  TableFile(const NodeTable& table, const NodeRow& row) : table_(&table), row_(&row) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<TableFile>(*this); }
  Result<std::string, Errno> text(const Caller& caller) override {
    if (row_->text != nullptr) return row_->text(caller);
    if ((mode & 0444) == 0) return Errno::einval;
    return std::string(row_->fixed);
  }
  Result<void, Errno> store(const Caller& caller, std::string_view text) override {
    return row_->store != nullptr ? row_->store(caller, text) : Result<void, Errno>(Errno::einval);
  }
  Result<void, Errno> change(const Caller& caller, const AttributeChange& change) override {
    if (table_->owner_can_change) return {};
    return PseudoInode::change(caller, change);
  }
  std::optional<Result<void, Errno>> own_permission(const Caller& caller, int mask) override {
    if (table_->permission == nullptr) return std::nullopt;
    return table_->permission(caller, row_->path, mode, mask);
  }

 private:
  const NodeTable* table_;
  const NodeRow* row_;
};

class TableLink final : public PseudoInode {
 public:
  explicit TableLink(const NodeRow& row) : row_(&row) {}
  std::unique_ptr<Inode> clone() const override { return std::make_unique<TableLink>(*this); }
  Result<std::string, Errno> readlink(const Caller& caller) override {
    return row_->text != nullptr ? row_->text(caller) : std::string(row_->fixed);
  }

 private:
  const NodeRow* row_;
};

std::unique_ptr<PseudoInode> make_node(const Caller& caller, const NodeTable& table, const NodeRow& row) {
  if (row.make != nullptr) return row.make(caller);
  const std::uint32_t mode = mode_of(row);
  std::unique_ptr<PseudoInode> node;
  if (abi::is_directory(mode)) {
    node = std::make_unique<TableDirectory>(table, std::string(row.path), mode & 07777);
  } else if (abi::is_symlink(mode)) {
    node = std::make_unique<TableLink>(row);
  } else {
    node = std::make_unique<TableFile>(table, row);
    node->size = table.text_size;
  }
  node->mode = mode;
  return node;
}

}  // namespace

TableDirectory::TableDirectory(const NodeTable& table, std::string prefix, std::uint32_t permissions)
    : table_(&table), prefix_(std::move(prefix)) {
  if (!prefix_.empty() && prefix_.back() != '/') prefix_ += '/';
  mode = abi::s_ifdir | permissions;
  links = 2;
  only_what_is_there = table.only_what_is_there;
  for (std::size_t at = 0; at < table.rows.size(); ++at)
    if (table.rows[at].path.starts_with(prefix_)) {
      number = directory_number(table, at, prefix_);
      break;
    }
}

std::optional<Result<void, Errno>> TableDirectory::own_permission(const Caller& caller, int mask) {
  if (table_->permission == nullptr) return std::nullopt;
  return table_->permission(caller, prefix_, mode, mask);
}

Result<InodeId, Errno> TableDirectory::lookup(const Caller& caller, std::string_view name) {
  const std::string path = concat(prefix_, name), below = path + "/";
  std::unique_ptr<PseudoInode> node;
  for (std::size_t at = 0; at < table_->rows.size() && !node; ++at) {
    const NodeRow& row = table_->rows[at];
    if (row.path == path) {
      node = make_node(caller, *table_, row);
      if (!node) return Errno::enoent;
      if (node->number == 0) node->number = table_->first_inode_number + (at + 1) * 16;
    } else if (row.path.starts_with(below)) {
      node = std::make_unique<TableDirectory>(*table_, path);
    }
  }
  if (!node) return Errno::enoent;
  node->time_ns = caller.kernel.boot_time_ns;
  return add_inode(caller.kernel, superblock, std::move(node));
}

Result<std::vector<DirectoryItem>, Errno> TableDirectory::list(const Caller& caller, std::uint64_t cookie,
                                                               std::size_t count_max) {
  (void)caller;
  std::vector<DirectoryItem> items;
  std::set<std::string_view> seen;
  for (std::size_t at = 0; at < table_->rows.size() && items.size() < count_max; ++at) {
    const NodeRow& row = table_->rows[at];
    if (row.path.size() <= prefix_.size() || !row.path.starts_with(prefix_)) continue;
    const std::string_view rest = row.path.substr(prefix_.size());
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (!seen.insert(name).second || at < cookie) continue;
    DirectoryItem item;
    item.name = name;
    const bool directory = name.size() != rest.size() || abi::is_directory(mode_of(row));
    item.inode_number = directory ? directory_number(*table_, at, concat(prefix_, name, '/'))
                                  : table_->first_inode_number + (at + 1) * 16;
    item.type = static_cast<std::uint8_t>((directory ? abi::s_ifdir : mode_of(row)) >> 12);
    item.next_cookie = at + 1;
    items.push_back(std::move(item));
  }
  return items;
}

}  // namespace drydock::machine
