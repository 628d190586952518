// The families' rows put together, and a row without a handler for every other call that Linux has.

#include "machine/syscalls/table.h"

#include <array>
#include <vector>

#include "machine/syscalls/families.h"
#include "machine/syscalls/syscall_names.h"

namespace drydock::machine {
namespace {

constexpr std::uint16_t kNoRow = 0xffff;

struct Merged {
  std::vector<SyscallRow> rows;  // ascending by number
  std::array<std::uint16_t, kSyscallsEnd> index;

  Merged() {
    std::array<const SyscallRow*, kSyscallsEnd> modelled{};
    for (auto family : {memory_calls, file_calls, descriptor_calls, directory_calls, attribute_calls, mount_calls,
                        poll_calls, process_calls, signal_calls, credential_calls, time_calls, namespace_calls,
                        system_calls, queue_calls, socket_calls}) {
      for (const SyscallRow& row : family()) {
        DD_ASSERT(row.number < kSyscallsEnd && modelled[row.number] == nullptr);
        modelled[row.number] = &row;
      }
    }
    index.fill(kNoRow);
    for (std::uint16_t number = 0; number < kSyscallsEnd; ++number) {
      if (modelled[number] == nullptr && syscall_name(number).empty()) continue;
      index[number] = static_cast<std::uint16_t>(rows.size());
      rows.push_back(modelled[number] != nullptr
                         ? *modelled[number]
                         : SyscallRow{number, syscall_name(number), nullptr, {}, "", Support::none, ""});
    }
  }
};

const Merged& merged() {
  static const Merged table;  // constant once made
  return table;
}

}  // namespace

const SyscallRow* find_syscall(std::uint64_t number) {
  if (number >= kSyscallsEnd) return nullptr;
  const std::uint16_t at = merged().index[number];
  return at == kNoRow ? nullptr : &merged().rows[at];
}

std::span<const SyscallRow> all_syscalls() {
  return merged().rows;
}

}  // namespace drydock::machine
