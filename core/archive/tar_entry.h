#pragma once
// One member of a tar archive, as data: what TarReader gives and TarWriter takes.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drydock::archive {

enum class TarType { regular, hard_link, symlink, character_device, block_device, directory, fifo };

using TarRecords = std::vector<std::pair<std::string, std::string>>;

struct TarEntry {
  /// As written in the archive: may be absolute, contain "..", end in '/' for a directory. Never empty, no NUL.
  std::string name;
  std::string link_name;  // of a symlink; of a hard link the name of an earlier member
  TarType type = TarType::regular;
  std::uint32_t mode = 0;  // permission bits incl. setuid, setgid, sticky: 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user_name;
  std::string group_name;
  std::uint64_t size = 0;  // of a regular file, holes included; else 0
  std::int64_t mtime_ns = 0;
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  /// Names without the "SCHILY.xattr." they have in the archive. Values may hold any byte.
  TarRecords xattrs;
  /// pax records that no field above stands for, global ones included.
  TarRecords pax_records;
};

inline constexpr std::uint64_t kTarBlockBytes = 512;
inline constexpr std::string_view kPaxXattrPrefix = "SCHILY.xattr.";

// What an archive may ask for. A member beyond a limit is an error (too_large), never cut.
inline constexpr std::size_t kTarNameBytesMax = 4096;  // Linux's PATH_MAX; of name and link name each
inline constexpr std::size_t kPaxHeaderBytesMax = 1 << 20;
inline constexpr std::size_t kPaxRecordsMax = 4096;
inline constexpr std::size_t kXattrBytesMax = 64 << 10;  // Linux's XATTR_SIZE_MAX, of each value
inline constexpr std::size_t kXattrNameBytesMax = 255;   // Linux's XATTR_NAME_MAX
inline constexpr std::size_t kSparseFragmentsMax = 1 << 16;
/// Header blocks (long names, pax) that may come before one member.
inline constexpr std::size_t kTarHeadersPerEntryMax = 16;

}  // namespace drydock::archive
