#pragma once
// A process's memory: mappings, page table, program break. mmap(2), mprotect(2), munmap(2), mremap(2), brk(2).
//
// Private pages are in the page table (a FrameTree) with copy-on-write by reference counts; pages of shared mappings
// are never in it but looked up in the mapped inode at every TLB miss, so that all mappings see one frame.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "machine/cpu/memory.h"
#include "machine/kernel/ids.h"
#include "machine/mm/frame_tree.h"

namespace drydock::machine {

inline constexpr std::uint64_t kUserAddressEnd = 0x0000'7fff'ffff'f000;
inline constexpr std::uint64_t kMmapTop = 0x0000'7fff'f000'0000;  // no address space randomisation: the same every time
inline constexpr std::uint64_t kStackTop = 0x0000'7fff'ffff'e000;
inline constexpr std::uint32_t kProtRead = 1, kProtWrite = 2, kProtExec = 4;

struct Mapping {
  std::uint64_t start = 0, end = 0;  // page-aligned
  std::uint32_t protection = 0;
  bool shared = false;
  bool grows_down = false;   // the stack
  FileId file;               // a reference is held; none: anonymous
  InodeId inode;             // whose pages it shows; shared anonymous memory has one too (a tmpfs inode)
  std::uint64_t offset = 0;  // of `start` in the file, bytes, page-aligned
  std::string name;          // "[heap]", "[stack]", "" ; files are named by their path
};

/// Where the pages of mapped files come from, and who pays for private ones. Implemented by the kernel.
class PageProvider {
 public:
  virtual ~PageProvider() = default;
  virtual Result<FrameRef, Errno> file_page(InodeId inode, std::uint64_t index, bool for_write) = 0;
  /// A private page is about to be made in this address space's cgroup: false is out of memory.
  virtual bool charge_page() = 0;
};

enum class FaultResult { mapped, segv_maperr, segv_accerr, sigbus, out_of_memory };

class AddressSpace {
 public:
  std::uint32_t users = 1;           // tasks that share it (CLONE_VM)
  CgroupId cgroup;                   // where its private pages are charged
  std::uint64_t resident_pages = 0;  // private frames in the page table (the zero page not counted)
  std::uint64_t brk_start = 0, brk_end = 0;
  std::uint64_t code_start = 0, code_end = 0, data_start = 0, data_end = 0, stack_start = 0;
  std::uint64_t arguments_start = 0, arguments_end = 0, environment_start = 0, environment_end = 0;
  std::vector<std::uint64_t> auxv;  // pairs, as in /proc/PID/auxv
  InodeId executable;               // /proc/PID/exe
  FileId executable_file;
  std::uint64_t peak_resident_pages = 0;
  std::uint32_t dumpable = 1;

  /// All mappings, ascending by start.
  const std::map<std::uint64_t, Mapping>& mappings() const { return mappings_; }
  const Mapping* mapping_at(std::uint64_t address) const;

  /// The lowest-level calls; the system calls in sys_memory.cpp check arguments and limits and close files of what
  /// goes. Frees what was there (MAP_FIXED). `dropped` collects the files whose reference a removed mapping held.
  void map(Mapping mapping, std::vector<FileId>* dropped);
  void unmap(std::uint64_t start, std::uint64_t end, std::vector<FileId>* dropped, std::vector<FileId>* kept);
  Result<void, Errno> protect(std::uint64_t start, std::uint64_t end, std::uint32_t protection,
                              std::vector<FileId>* kept);
  /// A free range of that many bytes, top-down below kMmapTop, or at `hint` if that is free.
  std::optional<std::uint64_t> find_free(std::uint64_t bytes, std::uint64_t hint) const;

  /// Makes the page of `address` present for that access, or says why not. Writes are copy-on-write here.
  FaultResult fault(PageProvider& pages, std::uint64_t address, Access access);
  /// The page for the interpreter's TLB, after fault(): see cpu/memory.h.
  PageView view(PageProvider& pages, std::uint64_t page_address, Access access);
  void mark_code(PageProvider& pages, std::uint64_t page_address);

  /// Kernel access to user memory: faults pages in, checks protections, and stops at the first page that cannot be had.
  /// Returns how many bytes were copied.
  std::uint64_t read(PageProvider& pages, std::uint64_t address, std::span<char> out);
  std::uint64_t write(PageProvider& pages, std::uint64_t address, std::span<const char> bytes);
  /// How many of these bytes could be accessed, from the first.
  std::uint64_t accessible(PageProvider& pages, std::uint64_t address, std::uint64_t bytes, Access access);

  /// Raised whenever what a TLB may hold became wrong; the machine compares it before it runs a task.
  std::uint64_t tlb_generation() const { return tlb_generation_; }

 private:
  std::map<std::uint64_t, Mapping> mappings_;
  FrameTree pages_;
  std::uint64_t tlb_generation_ = 1;
};

}  // namespace drydock::machine
