#pragma once
// ELF files as execve(2) reads them. System V ABI, AMD64 supplement; elf(5).

#include <cstdint>
#include <string>
#include <vector>

#include "machine/kernel/kernel.h"

namespace drydock::machine {

struct ElfSegment {
  std::uint32_t type = 0;
  std::uint32_t flags = 0;  // PF_X 1, PF_W 2, PF_R 4
  std::uint64_t offset = 0, address = 0, file_bytes = 0, memory_bytes = 0, alignment = 0;
};
inline constexpr std::uint32_t kSegmentLoad = 1, kSegmentInterpreter = 3, kSegmentStack = 0x6474e551;
inline constexpr std::uint64_t kElfHeaderBytes = 64, kProgramHeaderBytes = 56;

struct ElfFile {
  bool position_independent = false;  // ET_DYN
  std::uint64_t entry = 0;
  std::uint64_t headers_offset = 0;  // of the program headers in the file
  std::vector<ElfSegment> segments;  // all program headers, in order
};

/// The header and the program headers. ENOEXEC: not an x86-64 program.
Result<ElfFile, Errno> read_elf(const Caller& caller, InodeId inode);
/// The path in PT_INTERP; empty: there is none. ENOEXEC, EIO.
Result<std::string, Errno> read_interpreter(const Caller& caller, InodeId inode, const ElfFile& elf);

/// Bytes of a file through its inode, whatever the caller may read: execve(2)'s own reading. Fewer at the end.
Result<std::string, Errno> read_bytes(const Caller& caller, InodeId inode, std::uint64_t offset, std::size_t bytes);

}  // namespace drydock::machine
