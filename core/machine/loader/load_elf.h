#pragma once
// Maps an ELF program into the caller's (new, empty) address space.

#include "machine/loader/elf_file.h"

namespace drydock::machine {

struct LoadedElf {
  std::uint64_t bias = 0;     // what was added to the addresses in the file
  std::uint64_t entry = 0;    // absolute
  std::uint64_t headers = 0;  // where the program headers are in memory; 0: nowhere
  std::uint64_t code_start = 0, code_end = 0, data_start = 0, data_end = 0;
  std::uint64_t end = 0;  // of the last page
};

enum class LoadPlace : std::uint8_t {
  program,              // a position-independent one among the mappings, as one that needs no interpreter is
  interpreted_program,  // a position-independent one at the base for programs
  interpreter,
};

/// Every error is fatal for the caller: it has no other program any more.
Result<LoadedElf, Errno> load_elf(const Caller& caller, FileId file, const ElfFile& elf, LoadPlace place);

/// Where position-independent programs are put: two thirds up, as Linux without randomisation does.
inline constexpr std::uint64_t kProgramBase = 0x0000'5555'5555'4000;

}  // namespace drydock::machine
