#pragma once
// Mount options as mount(8) writes them, translated to what mount(2) and mount_setattr(2) take. Linux's values, written
// out because plans are the same on every platform.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drydock::runtime {

inline constexpr std::uint64_t kMsRdonly = 0x1;
inline constexpr std::uint64_t kMsNosuid = 0x2;
inline constexpr std::uint64_t kMsNodev = 0x4;
inline constexpr std::uint64_t kMsNoexec = 0x8;
inline constexpr std::uint64_t kMsSynchronous = 0x10;
inline constexpr std::uint64_t kMsRemount = 0x20;
inline constexpr std::uint64_t kMsMandlock = 0x40;
inline constexpr std::uint64_t kMsDirsync = 0x80;
inline constexpr std::uint64_t kMsNosymfollow = 0x100;
inline constexpr std::uint64_t kMsNoatime = 0x400;
inline constexpr std::uint64_t kMsNodiratime = 0x800;
inline constexpr std::uint64_t kMsBind = 0x1000;
inline constexpr std::uint64_t kMsRec = 0x4000;
inline constexpr std::uint64_t kMsSilent = 0x8000;
inline constexpr std::uint64_t kMsUnbindable = 0x20000;
inline constexpr std::uint64_t kMsPrivate = 0x40000;
inline constexpr std::uint64_t kMsSlave = 0x80000;
inline constexpr std::uint64_t kMsShared = 0x100000;
inline constexpr std::uint64_t kMsRelatime = 0x200000;
inline constexpr std::uint64_t kMsIversion = 0x800000;
inline constexpr std::uint64_t kMsStrictatime = 0x1000000;
inline constexpr std::uint64_t kMsLazytime = 0x2000000;

inline constexpr std::uint64_t kMountAttrRdonly = 0x1;
inline constexpr std::uint64_t kMountAttrNosuid = 0x2;
inline constexpr std::uint64_t kMountAttrNodev = 0x4;
inline constexpr std::uint64_t kMountAttrNoexec = 0x8;
inline constexpr std::uint64_t kMountAttrAtimeMask = 0x70;  // an enumeration within the flags; 0 is relatime
inline constexpr std::uint64_t kMountAttrNoatime = 0x10;
inline constexpr std::uint64_t kMountAttrStrictatime = 0x20;
inline constexpr std::uint64_t kMountAttrNodiratime = 0x80;
inline constexpr std::uint64_t kMountAttrNosymfollow = 0x200000;

struct MountOptions {
  std::uint64_t flags = 0;
  std::uint64_t cleared = 0;      // flags that were asked not to be set ("rw", "suid"): what a bind mount needs to know
  std::uint64_t propagation = 0;  // the last one that is named
  std::uint64_t recursive_set = 0;
  std::uint64_t recursive_clear = 0;
  std::string data;  // the file system's own options, in order, joined by commas
  bool copy_up = false;
  bool id_mapped = false;
};

/// Later options win over earlier ones. What is not known belongs to the file system.
MountOptions parse_mount_options(const std::vector<std::string>& options);

/// "rslave" and the like; 0 for another word.
std::uint64_t propagation_flag(std::string_view word);

/// True for an option that is about the mount, not the file system's own.
bool is_mount_option(std::string_view option);

/// "nosuid,nodev,noexec": the words of the flags, for people.
std::string mount_flag_words(std::uint64_t flags);

}  // namespace drydock::runtime
