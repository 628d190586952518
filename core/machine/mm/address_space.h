#pragma once
// A process's memory: mappings, page table, program break. mmap(2), mprotect(2), munmap(2), mremap(2), brk(2).
//
// Private pages are in the page table (a FrameTree) with copy-on-write by reference counts. Pages of files, those of
// private mappings that have not been written to included, are never in it but looked up in the mapped inode at every
// TLB miss, so that all mappings see one frame.
// Not modelled: protection keys, huge pages, swap, NUMA; a write by a shared mapping does not change the file's mtime.

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

inline constexpr std::size_t kMappingsMax = 65530;          // vm.max_map_count
inline constexpr std::uint64_t kLowestAddress = 65536;      // vm.mmap_min_addr
inline constexpr std::uint64_t kStackGuardBytes = 1 << 20;  // kept free below a mapping that grows down

struct Mapping {
  std::uint64_t start = 0, end = 0;  // page-aligned
  std::uint32_t protection = 0;
  bool shared = false;
  bool grows_down = false;    // the stack
  bool may_write = true;      // false: mprotect(2) cannot make it writable (the file was not opened for writing)
  bool may_execute = true;    // false: of a noexec mount
  bool no_reserve = false;    // MAP_NORESERVE
  bool locked = false;        // mlock(2)
  bool dont_fork = false;     // madvise(2): MADV_DONTFORK
  bool wipe_on_fork = false;  // MADV_WIPEONFORK
  FileId file;                // a reference is held; none: anonymous
  InodeId inode;              // whose pages it shows; shared anonymous memory has one too (a tmpfs inode)
  std::uint64_t offset = 0;   // of `start` in the file, bytes, page-aligned
  std::string name;           // "[heap]", "[stack]", "" ; files are named by their path

  std::uint64_t bytes() const { return end - start; }
};

/// Where the pages of mapped files come from, and who pays for private ones. Implemented by the kernel
/// (kernel_pages.h).
class PageProvider {
 public:
  virtual ~PageProvider() = default;
  /// A frame that the inode keeps: it is used without a reference until Kernel::file_pages_epoch changes. Or, for
  /// reading, one that nobody keeps, which stands for zeros (a hole). Any errno is SIGBUS.
  virtual Result<FrameRef, Errno> file_page(InodeId inode, std::uint64_t index, bool for_write) = 0;
  /// A private page is about to be made in this address space's cgroup: false is out of memory.
  virtual bool charge_page() = 0;
  /// RLIMIT_STACK and RLIMIT_AS, for a stack that grows.
  virtual std::uint64_t stack_bytes_max() { return 8 << 20; }
  virtual std::uint64_t address_space_bytes_max() { return ~std::uint64_t{0}; }
};

enum class FaultResult { mapped, segv_maperr, segv_accerr, sigbus, out_of_memory };

/// What a change of the mappings does to the counts of open files: those of `dropped` have one reference less
/// (put_file), those of `kept` one more (get_file). A file may be in them several times.
struct FileReferences {
  std::vector<FileId> dropped, kept;
};

class AddressSpace {
 public:
  std::uint32_t users = 1;           // tasks that share it (CLONE_VM)
  CgroupId cgroup;                   // where its private pages are charged
  std::uint64_t resident_pages = 0;  // private frames in the page table (the zero page not counted)
  std::uint64_t charged_pages = 0;   // of these, charged to the cgroup; kept by kernel/cgroup_accounting
  std::uint64_t brk_start = 0, brk_end = 0;
  std::uint64_t code_start = 0, code_end = 0, data_start = 0, data_end = 0, stack_start = 0;
  std::uint64_t arguments_start = 0, arguments_end = 0, environment_start = 0, environment_end = 0;
  std::vector<std::uint64_t> auxv;  // pairs, as in /proc/PID/auxv
  InodeId executable;               // /proc/PID/exe
  FileId executable_file;
  std::uint64_t peak_resident_pages = 0;
  std::uint32_t dumpable = 1;
  std::uint32_t membarrier_registered = 0;  // membarrier(2): MEMBARRIER_CMD_REGISTER_*
  bool lock_future = false;                 // mlockall(2): MCL_FUTURE

  /// All mappings, ascending by start.
  const std::map<std::uint64_t, Mapping>& mappings() const { return mappings_; }
  const Mapping* mapping_at(std::uint64_t address) const;

  /// The first mapping that ends above `address`, and the next ones, are what a range beginning there meets. Null:
  /// none.
  const Mapping* first_above(std::uint64_t address) const;
  /// Whether every page of [start, end) belongs to a mapping.
  bool is_mapped(std::uint64_t start, std::uint64_t end) const;
  std::uint64_t mapped_bytes() const;
  std::uint64_t data_bytes() const;    // private and writable, but the stack: RLIMIT_DATA
  std::uint64_t locked_bytes() const;  // mlock(2)

  /// The lowest-level calls; map_memory.h checks arguments and limits and closes the files of what goes.
  /// Frees what was there (MAP_FIXED). The mapping comes with a reference to its file.
  void map(Mapping mapping, FileReferences* files);
  void unmap(std::uint64_t start, std::uint64_t end, FileReferences* files);
  /// Changes the mappings, or parts of them, that lie in the range, by `change(Mapping&)`, which leaves its place
  /// alone.
  template <class Change>
  void change(std::uint64_t start, std::uint64_t end, FileReferences* files, Change change) {
    split(start, files);
    split(end, files);
    for (auto at = mappings_.lower_bound(start); at != mappings_.end() && at->first < end; ++at) change(at->second);
    merge(start, end, files);
    ++tlb_generation_;
  }
  /// Moves the pages and the mappings of [start, start + bytes) to a free place. mremap(2).
  void move(std::uint64_t start, std::uint64_t bytes, std::uint64_t to, FileReferences* files);
  /// Forgets the private pages of the range, which are then as they were at first. MADV_DONTNEED.
  void discard(std::uint64_t start, std::uint64_t end);
  /// A free range of that many bytes, top-down below kMmapTop, or at `hint` if that is free.
  std::optional<std::uint64_t> find_free(std::uint64_t bytes, std::uint64_t hint) const;
  /// For fork(2): a space with the same contents; pages are shared until one of both writes. Its users are 1, nothing
  /// is charged to it yet. `files->kept` are the references that it holds.
  AddressSpace forked(FileReferences* files);

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

  /// Whether the page is in memory. mincore(2).
  bool is_resident(std::uint64_t page_address) const;

  /// Raised whenever what a TLB may hold became wrong, but for what the interpreter itself did by view().
  std::uint64_t tlb_generation() const { return tlb_generation_; }

 private:
  struct Found {
    Frame* frame = nullptr;  // null: the page of zeros
    bool replaced = false;   // another frame than a TLB may have had for that page
  };
  FaultResult find_page(PageProvider& pages, std::uint64_t address, Access access, Found* found);
  FaultResult find_shared_page(PageProvider& pages, const Mapping& mapping, std::uint64_t address, Access access,
                               Found* found);
  FaultResult find_private_page_to_write(PageProvider& pages, const Mapping& mapping, std::uint64_t address,
                                         Found* found);
  const Mapping* mapping_for_access(PageProvider& pages, std::uint64_t address);
  bool grow_stack(PageProvider& pages, std::uint64_t mapping_start, std::uint64_t address);
  void split(std::uint64_t at, FileReferences* files);
  void merge(std::uint64_t start, std::uint64_t end, FileReferences* files);

  std::map<std::uint64_t, Mapping> mappings_;  // by start
  FrameTree pages_;
  std::uint64_t tlb_generation_ = 1;
};

}  // namespace drydock::machine
