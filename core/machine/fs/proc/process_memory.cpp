// /proc/PID/{cmdline,environ,auxv,maps,smaps,smaps_rollup,numa_maps}. proc(5).
//
// Not counted per mapping: which pages are resident, shared or dirty (smaps shows what is private and written as a
// whole). /proc/PID/mem and pagemap are not there.

#include <algorithm>

#include "base/text.h"
#include "machine/fs/proc/process_view.h"
#include "machine/mm/kernel_pages.h"
#include "machine/vfs/path_text.h"
#include "machine/vfs/walk.h"

namespace drydock::machine {

namespace {

constexpr std::uint64_t kTextBytesMax = 1 << 20;  // of cmdline and environ
constexpr std::size_t kMapsNameColumn = 73;

AddressSpace* memory_of(Kernel& kernel, const ProcessView& view) {
  const Task* task = std::as_const(kernel.tasks).find(view.task);
  return task != nullptr ? kernel.memories.find(task->memory) : nullptr;
}

std::string bytes_at(Kernel& kernel, TaskId task, AddressSpace& memory, std::uint64_t start, std::uint64_t end) {
  std::string bytes(end > start ? std::min(end - start, kTextBytesMax) : 0, '\0');
  KernelPages pages(kernel, task);
  bytes.resize(memory.read(pages, start, bytes));
  return bytes;
}

std::string text_of_path(const Caller& caller, const Path& path) {
  const FsContext* place = std::as_const(caller.kernel).fs_contexts.find(caller.self().fs);
  return replace_all(link_text(caller.kernel, path, place != nullptr ? place->root : Path{}), "\n", "\\012");
}

std::string mapping_name(const Caller& caller, const Mapping& mapping) {
  const File* file = std::as_const(caller.kernel).files.find(mapping.file);
  if (file != nullptr && file->path) return text_of_path(caller, file->path);
  if (mapping.shared && mapping.inode) return "/dev/zero (deleted)";
  return mapping.name;
}

std::string mapping_line(const Caller& caller, const Mapping& mapping) {
  const auto flag = [&](std::uint32_t bit, char letter) { return (mapping.protection & bit) != 0 ? letter : '-'; };
  const Inode* inode = std::as_const(caller.kernel).inodes.find(mapping.inode);
  const Superblock* superblock =
      inode != nullptr ? std::as_const(caller.kernel).superblocks.find(inode->superblock) : nullptr;
  const std::uint64_t device = superblock != nullptr ? superblock->device : 0;
  std::string line =
      concat(hex_number(mapping.start, 8), '-', hex_number(mapping.end, 8), ' ', flag(kProtRead, 'r'),
             flag(kProtWrite, 'w'), flag(kProtExec, 'x'), mapping.shared ? 's' : 'p', ' ',
             hex_number(mapping.offset, 8), ' ', hex_number(device >> 8 & 0xfff, 2), ':',
             hex_number((device & 0xff) | (device >> 12 & 0xfff00), 2), ' ', inode != nullptr ? inode->number : 0, ' ');
  const std::string name = mapping_name(caller, mapping);
  return name.empty() ? line + "\n" : padded_right(line, kMapsNameColumn) + name + "\n";
}

std::string size_line(std::string_view label, std::uint64_t bytes) {
  return concat(padded_right(concat(label, ':'), 16), padded_left(concat(bytes / 1024), 8), " kB\n");
}

std::string smaps_numbers(std::uint64_t resident) {
  std::string text = size_line("Rss", resident) + size_line("Pss", resident) + size_line("Pss_Dirty", resident) +
                     size_line("Shared_Clean", 0) + size_line("Shared_Dirty", 0) + size_line("Private_Clean", 0) +
                     size_line("Private_Dirty", resident) + size_line("Referenced", resident) +
                     size_line("Anonymous", resident);
  for (const std::string_view label : {"LazyFree", "AnonHugePages", "ShmemPmdMapped", "FilePmdMapped", "Shared_Hugetlb",
                                       "Private_Hugetlb", "Swap", "SwapPss", "Locked"})
    text += size_line(label, 0);
  return text;
}

std::string vm_flags(const Mapping& mapping) {
  std::string flags = "VmFlags: ";
  if ((mapping.protection & kProtRead) != 0) flags += "rd ";
  if ((mapping.protection & kProtWrite) != 0) flags += "wr ";
  if ((mapping.protection & kProtExec) != 0) flags += "ex ";
  if (mapping.shared) flags += "sh ";
  flags += "mr mw me ";
  if (mapping.grows_down) flags += "gd ";
  return flags + "\n";
}

}  // namespace

Result<std::string, Errno> cmdline_text(const Caller& caller, const ProcessView& view) {
  const Task* task = std::as_const(caller.kernel.tasks).find(view.task);
  if (task == nullptr) return Errno::esrch;
  // A hosted task's memory is only the scratch of its system calls.
  if (task->body == TaskBody::hosted) return std::as_const(caller.kernel.processes)[view.process].hosted_command_line;
  AddressSpace* memory = memory_of(caller.kernel, view);
  if (memory == nullptr) return std::string();
  std::string text = bytes_at(caller.kernel, view.task, *memory, memory->arguments_start, memory->arguments_end);
  // A program that overwrote its last NUL has made a title of it, which may go on where the environment was.
  if (!text.empty() && text.back() != '\0') {
    text += bytes_at(caller.kernel, view.task, *memory, memory->arguments_end, memory->environment_end);
    text.resize(std::min(text.find('\0'), text.size()));
  }
  return text;
}

Result<std::string, Errno> environ_text(const Caller& caller, const ProcessView& view) {
  AddressSpace* memory = memory_of(caller.kernel, view);
  if (memory == nullptr) return std::string();
  return bytes_at(caller.kernel, view.task, *memory, memory->environment_start, memory->environment_end);
}

Result<std::string, Errno> auxv_text(const Caller& caller, const ProcessView& view) {
  const AddressSpace* memory = memory_of(caller.kernel, view);
  std::string text;
  if (memory == nullptr) return text;
  for (const std::uint64_t value : memory->auxv)
    for (int byte = 0; byte < 8; ++byte) text += static_cast<char>(value >> (8 * byte) & 0xff);
  return text;
}

Result<std::string, Errno> maps_text(const Caller& caller, const ProcessView& view) {
  const AddressSpace* memory = memory_of(caller.kernel, view);
  std::string text;
  if (memory == nullptr) return text;
  for (const auto& [start, mapping] : memory->mappings()) text += mapping_line(caller, mapping);
  return text;
}

Result<std::string, Errno> smaps_text(const Caller& caller, const ProcessView& view) {
  const AddressSpace* memory = memory_of(caller.kernel, view);
  std::string text;
  if (memory == nullptr) return text;
  for (const auto& [start, mapping] : memory->mappings()) {
    const bool counted = !mapping.shared && (mapping.protection & kProtWrite) != 0;
    const std::uint64_t resident =
        counted ? std::min(memory->resident_pages * kPageBytes, mapping.bytes()) : std::uint64_t{0};
    text += mapping_line(caller, mapping) + size_line("Size", mapping.bytes()) +
            size_line("KernelPageSize", kPageBytes) + size_line("MMUPageSize", kPageBytes) + smaps_numbers(resident) +
            "THPeligible:           0\n" + vm_flags(mapping);
  }
  return text;
}

Result<std::string, Errno> smaps_rollup_text(const Caller& caller, const ProcessView& view) {
  const AddressSpace* memory = memory_of(caller.kernel, view);
  if (memory == nullptr || memory->mappings().empty()) return Errno::esrch;
  const auto& mappings = memory->mappings();
  const std::string range = concat(hex_number(mappings.begin()->second.start, 8), '-',
                                   hex_number(mappings.rbegin()->second.end, 8), " ---p 00000000 00:00 0 ");
  return padded_right(range, kMapsNameColumn) + "[rollup]\n" + smaps_numbers(memory->resident_pages * kPageBytes);
}

Result<std::string, Errno> numa_maps_text(const Caller& caller, const ProcessView& view) {
  const AddressSpace* memory = memory_of(caller.kernel, view);
  std::string text;
  if (memory == nullptr) return text;
  for (const auto& [start, mapping] : memory->mappings()) text += concat(hex_number(mapping.start, 8), " default\n");
  return text;
}

}  // namespace drydock::machine
