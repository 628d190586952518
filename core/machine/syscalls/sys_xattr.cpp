// setxattr(2), getxattr(2), listxattr(2), removexattr(2).

#include "machine/abi/file.h"
#include "machine/syscalls/xattr_calls.h"
#include "machine/vfs/dcache.h"
#include "machine/vfs/operations.h"

namespace drydock::machine {
namespace {

constexpr std::size_t kXattrNameMax = 255, kXattrSizeMax = 65536, kXattrListMax = 65536;

enum class By { path, link, descriptor };

Result<Path, Errno> place_of(const Call& call, By by) {
  if (by == By::descriptor) {
    const FileId id = TRY(file_of(call, call.fd(0)));
    if ((call.kernel.files[id].flags & abi::o_path) != 0) return Errno::ebadf;
    return path_of_file(call.kernel, id);
  }
  WalkOptions options;
  options.follow_last = by == By::path;
  return walk(call, kAtFdCwd, TRY(call.path(0)), options);
}

Result<std::string, Errno> name_of(const Call& call) {
  auto name = call.string(call.address(1), kXattrNameMax + 1);
  if (!name.ok()) return name.error() == Errno::enametoolong ? Errno::erange : name.error();
  if (name->empty()) return Errno::erange;
  return name;
}

/// getxattr(2), listxattr(2): size 0 asks how much there is.
Outcome give(const Call& call, std::uint64_t address, std::uint64_t room, const std::string& bytes) {
  if (room == 0) return static_cast<std::int64_t>(bytes.size());
  if (bytes.size() > room) return Errno::erange;
  TRY(call.copy_out(address, bytes));
  return static_cast<std::int64_t>(bytes.size());
}

Outcome set(const Call& call, By by) {
  const auto flags = call.u32(4);
  if ((flags & ~(abi::xattr_create | abi::xattr_replace)) != 0) return Errno::einval;
  const std::string name = TRY(name_of(call));
  if (call.u64(3) > kXattrSizeMax) return Errno::e2big;
  std::string value(call.u64(3), '\0');
  TRY(call.copy_in(call.address(2), value));
  TRY(write_xattr(call, TRY(place_of(call, by)), name, value, flags));
  return done();
}

Outcome get(const Call& call, By by) {
  const std::string name = TRY(name_of(call));
  return give(call, call.address(2), call.u64(3), TRY(read_xattr(call, TRY(place_of(call, by)), name)));
}

Outcome list(const Call& call, By by) {
  std::string all;
  for (const std::string& name : TRY(list_xattrs(call, TRY(place_of(call, by))))) all.append(name).push_back('\0');
  if (all.size() > kXattrListMax) return Errno::e2big;
  return give(call, call.address(1), call.u64(2), all);
}

Outcome remove(const Call& call, By by) {
  const std::string name = TRY(name_of(call));
  TRY(erase_xattr(call, TRY(place_of(call, by)), name));
  return done();
}

}  // namespace

Outcome sys_setxattr(const Call& call) {
  return set(call, By::path);
}
Outcome sys_lsetxattr(const Call& call) {
  return set(call, By::link);
}
Outcome sys_fsetxattr(const Call& call) {
  return set(call, By::descriptor);
}
Outcome sys_getxattr(const Call& call) {
  return get(call, By::path);
}
Outcome sys_lgetxattr(const Call& call) {
  return get(call, By::link);
}
Outcome sys_fgetxattr(const Call& call) {
  return get(call, By::descriptor);
}
Outcome sys_listxattr(const Call& call) {
  return list(call, By::path);
}
Outcome sys_llistxattr(const Call& call) {
  return list(call, By::link);
}
Outcome sys_flistxattr(const Call& call) {
  return list(call, By::descriptor);
}
Outcome sys_removexattr(const Call& call) {
  return remove(call, By::path);
}
Outcome sys_lremovexattr(const Call& call) {
  return remove(call, By::link);
}
Outcome sys_fremovexattr(const Call& call) {
  return remove(call, By::descriptor);
}

}  // namespace drydock::machine
