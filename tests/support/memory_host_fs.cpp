#include "tests/support/memory_host_fs.h"

#include <algorithm>
#include <cstring>

namespace drydock::testing {
namespace {

using namespace storage;
using InodePtr = std::shared_ptr<MemoryInode>;

constexpr int kLinksMax = 40;

SysError error(Errno code, const char* operation, std::string_view path) {
  return {code, operation, std::string(path)};
}

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  for (std::string& part : split(path, '/')) {
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  }
  return parts;
}

FileInfo info_of(const MemoryInode& inode) {
  FileInfo info = inode.info;
  if (info.type == FileType::regular) info.size = inode.bytes.size();
  return info;
}

Result<void, SysError> spend_write(MemoryDisk& disk, std::string_view path) {
  if (disk.writes_left == 0) return error(Errno::eio, "write", path);
  --disk.writes_left;
  disk.clock_ns += 1'000'000'000;
  return {};
}

void apply(MemoryInode& inode, const Metadata& metadata) {
  const bool owner_changes = metadata.uid || metadata.gid;
  inode.info.uid = metadata.uid.value_or(inode.info.uid);
  inode.info.gid = metadata.gid.value_or(inode.info.gid);
  if (owner_changes && inode.info.type == FileType::regular) inode.info.mode &= 01777;
  if (inode.info.type != FileType::symlink) inode.info.mode = metadata.mode.value_or(inode.info.mode) & 07777;
  for (const auto& [name, value] : metadata.xattrs) {
    const auto at = std::find_if(inode.xattrs.begin(), inode.xattrs.end(),
                                 [&name = name](const auto& xattr) { return xattr.first == name; });
    if (at != inode.xattrs.end()) {
      at->second = value;
    } else {
      inode.xattrs.emplace_back(name, value);
    }
  }
  inode.info.mtime_ns = metadata.mtime_ns.value_or(inode.info.mtime_ns);
}

class Reader final : public FileReader {
 public:
  explicit Reader(InodePtr inode) : inode_(std::move(inode)), size_(inode_->bytes.size()) {}
  std::uint64_t size() const override { return size_; }
  Result<std::size_t, SysError> read_at(std::uint64_t offset, std::span<char> out) override {
    if (offset >= inode_->bytes.size()) return std::size_t{0};
    const auto at = static_cast<std::size_t>(offset);
    const std::size_t count = std::min(out.size(), inode_->bytes.size() - at);
    std::memcpy(out.data(), inode_->bytes.data() + at, count);
    return count;
  }

 private:
  InodePtr inode_;
  std::uint64_t size_;
};

class Writer final : public FileWriter {
 public:
  Writer(std::shared_ptr<MemoryDisk> disk, InodePtr inode) : disk_(std::move(disk)), inode_(std::move(inode)) {}
  Result<void, SysError> write(std::string_view bytes) override {
    if (inode_->bytes.size() + bytes.size() > kMemoryFileMax) return error(Errno::enospc, "write", "");
    TRY(spend_write(*disk_, ""));
    inode_->bytes.append(bytes);
    inode_->info.mtime_ns = disk_->clock_ns;
    return {};
  }
  Result<void, SysError> skip(std::uint64_t bytes) override {
    if (bytes > kMemoryFileMax - inode_->bytes.size()) return error(Errno::efbig, "truncate", "");
    TRY(spend_write(*disk_, ""));
    inode_->bytes.append(static_cast<std::size_t>(bytes), '\0');
    return {};
  }
  Result<void, SysError> set_metadata(const Metadata& metadata) override {
    TRY(spend_write(*disk_, ""));
    apply(*inode_, metadata);
    return {};
  }
  Result<void, SysError> sync() override { return {}; }

 private:
  std::shared_ptr<MemoryDisk> disk_;
  InodePtr inode_;
};

}  // namespace

MemoryHostFs::MemoryHostFs()
    : MemoryHostFs(std::make_shared<MemoryDisk>(), std::make_shared<MemoryInode>(), "/memory") {
  root_->info.type = FileType::directory;
  root_->info.mode = 0755;
  root_->info.inode = 1;
}

MemoryHostFs::MemoryHostFs(std::shared_ptr<MemoryDisk> disk, InodePtr root, std::string host_root)
    : disk_(std::move(disk)), root_(std::move(root)), host_root_(std::move(host_root)) {}

std::string MemoryHostFs::host_path(std::string_view path) const {
  const std::vector<std::string> parts = parts_of(path);
  return parts.empty() ? host_root_ : concat(host_root_, "/", join(parts, "/"));
}

Result<InodePtr, SysError> MemoryHostFs::walk(std::string_view path, bool follow_last) const {
  std::vector<std::string> todo = parts_of(path);
  std::reverse(todo.begin(), todo.end());
  const bool wants_directory = path.ends_with("/.");
  std::vector<InodePtr> stack{root_};
  int links = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (stack.back()->info.type != FileType::directory) return error(Errno::enotdir, "openat2", path);
    if (name == "..") {
      if (stack.size() > 1) stack.pop_back();
      continue;
    }
    if (name.size() > 255) return error(Errno::enametoolong, "openat2", path);
    const auto found = stack.back()->entries.find(name);
    if (found == stack.back()->entries.end()) return error(Errno::enoent, "openat2", path);
    const InodePtr inode = found->second;
    if (inode->info.type == FileType::symlink && (!todo.empty() || follow_last || wants_directory)) {
      if (++links > kLinksMax) return error(Errno::eloop, "openat2", path);
      if (inode->info.link_target.starts_with('/')) stack.resize(1);
      std::vector<std::string> target = parts_of(inode->info.link_target);
      todo.insert(todo.end(), std::make_move_iterator(target.rbegin()), std::make_move_iterator(target.rend()));
      continue;
    }
    stack.push_back(inode);
  }
  if (wants_directory && stack.back()->info.type != FileType::directory) return error(Errno::enotdir, "openat2", path);
  return stack.back();
}

Result<MemoryHostFs::Slot, SysError> MemoryHostFs::slot(std::string_view path) const {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == ".." || name.find('\0') != std::string_view::npos) {
    return error(Errno::einval, "openat2", path);
  }
  if (name.size() > 255) return error(Errno::enametoolong, "openat2", path);
  const std::string_view parent = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  InodePtr directory = TRY(walk(parent, true));
  if (directory->info.type != FileType::directory) return error(Errno::enotdir, "openat2", path);
  return Slot{std::move(directory), std::string(name)};
}

Result<InodePtr, SysError> MemoryHostFs::create(std::string_view path, FileType type, std::uint32_t mode) {
  const Slot at = TRY(slot(path));
  if (at.directory->entries.contains(at.name)) return error(Errno::eexist, "create", path);
  TRY(spend_write(*disk_, path));
  auto inode = std::make_shared<MemoryInode>();
  inode->info.type = type;
  inode->info.mode = type == FileType::symlink ? 0777 : mode & 07777;
  inode->info.inode = ++disk_->last_inode;
  inode->info.mtime_ns = disk_->clock_ns;
  at.directory->info.mtime_ns = disk_->clock_ns;
  at.directory->entries[at.name] = inode;
  return inode;
}

Result<std::unique_ptr<HostFs>, SysError> MemoryHostFs::subtree(std::string_view path) {
  InodePtr inode = TRY(walk(path, false));
  if (inode->info.type != FileType::directory) return error(Errno::enotdir, "openat2", path);
  return std::unique_ptr<HostFs>(std::make_unique<MemoryHostFs>(disk_, std::move(inode), host_path(path)));
}

Result<FileInfo, SysError> MemoryHostFs::stat(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return info_of(*TRY(walk(path, false)));
}

Result<std::vector<DirectoryEntry>, SysError> MemoryHostFs::list(std::string_view path) {
  const InodePtr inode = TRY(walk(path, false));
  if (inode->info.type != FileType::directory) return error(Errno::enotdir, "opendir", path);
  std::vector<DirectoryEntry> entries;
  for (const auto& [name, child] : inode->entries) entries.push_back({name, info_of(*child)});
  return entries;
}

Result<Xattrs, SysError> MemoryHostFs::xattrs(std::string_view path) {
  return TRY(walk(path, false))->xattrs;
}

Result<std::unique_ptr<FileReader>, SysError> MemoryHostFs::open_read(std::string_view path) {
  InodePtr inode = TRY(walk(path, false));
  if (inode->info.type == FileType::directory) return error(Errno::eisdir, "open", path);
  if (inode->info.type == FileType::symlink) return error(Errno::eloop, "open", path);
  if (inode->info.type != FileType::regular) return error(Errno::einval, "open", path);
  return std::unique_ptr<FileReader>(std::make_unique<Reader>(std::move(inode)));
}

Result<std::unique_ptr<FileWriter>, SysError> MemoryHostFs::open_write(std::string_view path, WriteMode mode,
                                                                       std::uint32_t permissions) {
  const Slot at = TRY(slot(path));
  const auto found = at.directory->entries.find(at.name);
  if (found == at.directory->entries.end()) {
    InodePtr inode = TRY(create(path, FileType::regular, permissions));
    return std::unique_ptr<FileWriter>(std::make_unique<Writer>(disk_, std::move(inode)));
  }
  if (mode == WriteMode::create_new) return error(Errno::eexist, "open", path);
  const InodePtr inode = found->second;
  if (inode->info.type == FileType::symlink) return error(Errno::eloop, "open", path);
  if (inode->info.type == FileType::directory) return error(Errno::eisdir, "open", path);
  if (inode->info.type != FileType::regular) return error(Errno::einval, "open", path);
  TRY(spend_write(*disk_, path));
  if (mode == WriteMode::truncate) inode->bytes.clear();
  return std::unique_ptr<FileWriter>(std::make_unique<Writer>(disk_, inode));
}

Result<void, SysError> MemoryHostFs::write_atomic(std::string_view path, std::string_view bytes,
                                                  std::uint32_t permissions) {
  const Slot at = TRY(slot(path));
  const auto found = at.directory->entries.find(at.name);
  if (found != at.directory->entries.end() && found->second->info.type == FileType::directory) {
    return error(Errno::eisdir, "rename", path);
  }
  TRY(spend_write(*disk_, path));
  auto inode = std::make_shared<MemoryInode>();
  inode->info.mode = permissions & 07777;
  inode->info.inode = ++disk_->last_inode;
  inode->info.mtime_ns = disk_->clock_ns;
  inode->bytes = bytes;
  if (found != at.directory->entries.end()) --found->second->info.links;
  at.directory->entries[at.name] = std::move(inode);
  at.directory->info.mtime_ns = disk_->clock_ns;
  return {};
}

Result<void, SysError> MemoryHostFs::make_node(std::string_view path, const NodeSpec& spec) {
  if (spec.type == FileType::regular || spec.type == FileType::socket) return error(Errno::einval, "mknod", path);
  const bool device = spec.type == FileType::character_device || spec.type == FileType::block_device;
  if (device && !disk_->features.device_nodes && (spec.device_major != 0 || spec.device_minor != 0)) {
    return error(Errno::eperm, "mknod", path);
  }
  if (spec.type == FileType::symlink && spec.link_target.empty()) return error(Errno::enoent, "symlink", path);
  const InodePtr inode = TRY(create(path, spec.type, spec.mode));
  inode->info.device_major = device ? spec.device_major : 0;
  inode->info.device_minor = device ? spec.device_minor : 0;
  inode->info.link_target = spec.type == FileType::symlink ? spec.link_target : "";
  inode->info.size = inode->info.link_target.size();
  return {};
}

Result<void, SysError> MemoryHostFs::make_hard_link(std::string_view existing, std::string_view path) {
  const InodePtr inode = TRY(walk(existing, false));
  if (inode->info.type == FileType::directory) return error(Errno::eperm, "link", concat(existing, " ", path));
  const Slot at = TRY(slot(path));
  if (at.directory->entries.contains(at.name)) return error(Errno::eexist, "link", concat(existing, " ", path));
  TRY(spend_write(*disk_, path));
  at.directory->entries[at.name] = inode;
  at.directory->info.mtime_ns = disk_->clock_ns;
  ++inode->info.links;
  return {};
}

Result<void, SysError> MemoryHostFs::set_metadata(std::string_view path, const Metadata& metadata) {
  const InodePtr inode = TRY(walk(path, false));
  if ((metadata.uid || metadata.gid) && !disk_->features.chown) return error(Errno::eperm, "lchown", path);
  TRY(spend_write(*disk_, path));
  apply(*inode, metadata);
  return {};
}

Result<void, SysError> MemoryHostFs::rename(std::string_view from, std::string_view to) {
  const Slot source = TRY(slot(from));
  const Slot target = TRY(slot(to));
  const auto moved = source.directory->entries.find(source.name);
  if (moved == source.directory->entries.end()) return error(Errno::enoent, "rename", from);
  const InodePtr inode = moved->second;
  const auto there = target.directory->entries.find(target.name);
  if (there != target.directory->entries.end()) {
    const bool is_directory = there->second->info.type == FileType::directory;
    if (there->second == inode) return {};
    if (is_directory && inode->info.type != FileType::directory) return error(Errno::eisdir, "rename", to);
    if (!is_directory && inode->info.type == FileType::directory) return error(Errno::enotdir, "rename", to);
    if (is_directory && !there->second->entries.empty()) return error(Errno::enotempty, "rename", to);
    --there->second->info.links;
  }
  TRY(spend_write(*disk_, from));
  source.directory->entries.erase(source.name);
  target.directory->entries[target.name] = inode;
  source.directory->info.mtime_ns = target.directory->info.mtime_ns = disk_->clock_ns;
  return {};
}

Result<void, SysError> MemoryHostFs::remove_tree(std::string_view path) {
  auto at = slot(path);
  if (!at.ok() && (at.error().code == Errno::enoent || at.error().code == Errno::enotdir)) return {};
  if (!at.ok()) return at.error();
  const auto found = at->directory->entries.find(at->name);
  if (found == at->directory->entries.end()) return {};
  TRY(spend_write(*disk_, path));
  --found->second->info.links;
  at->directory->entries.erase(found);
  at->directory->info.mtime_ns = disk_->clock_ns;
  return {};
}

}  // namespace drydock::testing
