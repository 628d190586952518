// /proc/PID/{mounts,mountinfo,mountstats}. proc_pid_mountinfo(5).

#include <algorithm>
#include <array>

#include "base/text.h"
#include "machine/fs/proc/process_view.h"
#include "machine/vfs/walk.h"

namespace drydock::machine {

namespace {

/// The characters that separate fields, as \ooo.
std::string escaped(std::string_view text, std::string_view specials) {
  std::string out;
  for (const char c : text) {
    if (specials.find(c) == std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<std::uint8_t>(c);
    out += '\\';
    for (int shift = 6; shift >= 0; shift -= 3) out += static_cast<char>('0' + (byte >> shift & 7));
  }
  return out;
}
constexpr std::string_view kPathSpecials = " \t\n\\", kSourceSpecials = " \t\n\\#";

struct FlagName {
  std::uint64_t flag;
  std::string_view text;
};
constexpr std::array<FlagName, 7> kMountFlags{{{abi::ms_nosuid, ",nosuid"},
                                               {abi::ms_nodev, ",nodev"},
                                               {abi::ms_noexec, ",noexec"},
                                               {abi::ms_noatime, ",noatime"},
                                               {abi::ms_nodiratime, ",nodiratime"},
                                               {abi::ms_relatime, ",relatime"},
                                               {abi::ms_nosymfollow, ",nosymfollow"}}};

std::string mount_flags(const MountPoint& mount) {
  std::string text;
  for (const FlagName& name : kMountFlags)
    if ((mount.flags & name.flag) != 0) text += name.text;
  return text;
}

/// The path of a mount's root within its file system.
std::string path_in_file_system(const Kernel& kernel, const MountPoint& mount) {
  DentryId id = mount.root;
  if (kernel.superblocks[mount.superblock].type == "nsfs") return kernel.dentries[id].name;
  std::string text;
  for (const Dentry* at = &kernel.dentries[id]; at->parent != id; at = &kernel.dentries[id]) {
    text.insert(0, "/" + at->name);
    id = at->parent;
  }
  return text.empty() ? "/" : text;
}

struct Line {
  const MountPoint& mount;
  Superblock& superblock;
  std::string place;  // as the process's root shows it
};

/// Calls `print` for each mount of the process's namespace that its root can reach, in mount order.
template <class Print>
Result<std::string, Errno> each_mount(const Caller& caller, const ProcessView& view, Print print) {
  Kernel& kernel = caller.kernel;
  const Task* task = std::as_const(kernel.tasks).find(view.task);
  const MountNamespace* space =
      task != nullptr ? std::as_const(kernel.mount_namespaces).find(task->namespaces.mnt) : nullptr;
  const FsContext* context = task != nullptr ? std::as_const(kernel.fs_contexts).find(task->fs) : nullptr;
  if (space == nullptr || context == nullptr) return Errno::einval;
  std::string text;
  for (const MountId id : space->mounts) {
    const MountPoint& mount = std::as_const(kernel.mounts)[id];
    std::string place = path_text(kernel, {id, mount.root}, context->root);
    if (place.empty() || place[0] != '/') continue;
    text += print(Line{mount, kernel.superblocks[mount.superblock], escaped(place, kPathSpecials)});
  }
  return text;
}

}  // namespace

Result<std::string, Errno> mounts_text(const Caller& caller, const ProcessView& view) {
  return each_mount(caller, view, [&](const Line& line) {
    const bool read_only = line.superblock.read_only || (line.mount.flags & abi::ms_rdonly) != 0;
    return concat(escaped(line.mount.source, kSourceSpecials), ' ', line.place, ' ', line.superblock.type, ' ',
                  read_only ? "ro" : "rw", mount_flags(line.mount), line.superblock.show_options(caller), " 0 0\n");
  });
}

Result<std::string, Errno> mountinfo_text(const Caller& caller, const ProcessView& view) {
  return each_mount(caller, view, [&](const Line& line) {
    const MountPoint& mount = line.mount;
    const MountPoint& parent = std::as_const(caller.kernel.mounts)[mount.parent];
    const std::uint64_t device = line.superblock.device;
    std::string text = concat(mount.number, ' ', parent.number, ' ', device >> 8 & 0xfff, ':',
                              (device & 0xff) | (device >> 12 & 0xfff00), ' ',
                              escaped(path_in_file_system(caller.kernel, mount), kPathSpecials), ' ', line.place, ' ',
                              (mount.flags & abi::ms_rdonly) != 0 ? "ro" : "rw", mount_flags(mount));
    if (mount.peer_group != 0) text += concat(" shared:", mount.peer_group);
    if (mount.master != 0) text += concat(" master:", mount.master);
    if (mount.unbindable) text += " unbindable";
    return concat(text, " - ", line.superblock.type, ' ', escaped(mount.source, kSourceSpecials), ' ',
                  line.superblock.read_only ? "ro" : "rw", line.superblock.show_options(caller), "\n");
  });
}

Result<std::string, Errno> mountstats_text(const Caller& caller, const ProcessView& view) {
  return each_mount(caller, view, [&](const Line& line) {
    return concat("device ", escaped(line.mount.source, kSourceSpecials), " mounted on ", line.place, " with fstype ",
                  line.superblock.type, "\n");
  });
}

}  // namespace drydock::machine
