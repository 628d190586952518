// Reading ELF headers. What Linux 6.1 refuses (fs/binfmt_elf.c) is refused with the same errno; what it does not look
// at (the class and version bytes, section headers) is not looked at.

#include "machine/loader/elf_file.h"

#include "machine/syscalls/call.h"

namespace drydock::machine {
namespace {

constexpr std::uint16_t kExecutable = 2, kShared = 3, kMachineX86_64 = 62;
constexpr std::uint64_t kHeadersBytesMax = 65536;

ElfSegment segment_at(const StructReader& reader, std::size_t at) {
  ElfSegment segment;
  segment.type = reader.u32(at);
  segment.flags = reader.u32(at + 4);
  segment.offset = reader.u64(at + 8);
  segment.address = reader.u64(at + 16);
  segment.file_bytes = reader.u64(at + 32);
  segment.memory_bytes = reader.u64(at + 40);
  segment.alignment = reader.u64(at + 48);
  return segment;
}

}  // namespace

Result<std::string, Errno> read_bytes(const Caller& caller, InodeId id, std::uint64_t offset, std::size_t bytes) {
  Inode* inode = caller.kernel.inodes.find(id);
  if (inode == nullptr) return Errno::eio;
  // Offsets are signed in the kernel; one behind the end of every file reads nothing.
  if (offset > static_cast<std::uint64_t>(INT64_MAX) - bytes) return std::string();
  std::string text(bytes, '\0');
  const std::size_t got = TRY(inode->read_data(caller, offset, text));
  text.resize(got);
  return text;
}

Result<ElfFile, Errno> read_elf(const Caller& caller, InodeId inode) {
  const StructReader header(TRY(read_bytes(caller, inode, 0, kElfHeaderBytes)));
  if (header.size() < kElfHeaderBytes || header.u32(0) != 0x464c457f) return Errno::enoexec;
  const std::uint16_t type = header.u16(16);
  if ((type != kExecutable && type != kShared) || header.u16(18) != kMachineX86_64) return Errno::enoexec;
  ElfFile elf;
  elf.position_independent = type == kShared;
  elf.entry = header.u64(24);
  elf.headers_offset = header.u64(32);
  const std::uint64_t count = header.u16(56);
  const std::uint64_t bytes = count * kProgramHeaderBytes;
  if (header.u16(54) != kProgramHeaderBytes || count == 0 || bytes > kHeadersBytesMax) return Errno::enoexec;
  const StructReader headers(TRY(read_bytes(caller, inode, elf.headers_offset, static_cast<std::size_t>(bytes))));
  if (headers.size() < bytes) return Errno::enoexec;
  for (std::size_t at = 0; at < bytes; at += kProgramHeaderBytes) elf.segments.push_back(segment_at(headers, at));
  return elf;
}

Result<std::string, Errno> read_interpreter(const Caller& caller, InodeId inode, const ElfFile& elf) {
  for (const ElfSegment& segment : elf.segments) {
    if (segment.type != kSegmentInterpreter) continue;
    if (segment.file_bytes > kPathBytesMax || segment.file_bytes < 2) return Errno::enoexec;
    std::string path = TRY(read_bytes(caller, inode, segment.offset, static_cast<std::size_t>(segment.file_bytes)));
    if (path.size() < segment.file_bytes) return Errno::eio;
    if (path.back() != '\0') return Errno::enoexec;
    path.resize(path.find('\0'));
    return path;
  }
  return std::string();
}

}  // namespace drydock::machine
