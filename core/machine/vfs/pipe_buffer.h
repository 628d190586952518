#pragma once
// The buffer of a pipe or FIFO: slots of one page, as Linux has them, so that a pipe is full when Linux's is. pipe(7).
// The files that read and write it are in fs/pipe.

#include <cstdint>
#include <string>
#include <vector>

namespace drydock::machine {

inline constexpr std::uint32_t kPipeSlotsDefault = 16;
inline constexpr std::uint64_t kPipeBytesMax = 1048576;  // F_SETPIPE_SZ by those without CAP_SYS_RESOURCE

struct PipeSlot {
  std::string bytes;
  std::uint32_t taken = 0;  // of them, those that were read
  bool packet = false;      // O_DIRECT: is never merged with the next write, and what a read leaves of it is dropped
};

class PipeBuffer {
 public:
  std::uint32_t slots_max = kPipeSlotsDefault;
  std::vector<PipeSlot> slots;
  std::uint32_t readers = 0, writers = 0;                // open ends
  std::uint64_t readers_opened = 0, writers_opened = 0;  // ever: what open(2) of a FIFO waits for

  bool full() const { return slots.size() >= slots_max; }
  bool empty() const { return slots.empty(); }
  std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const PipeSlot& slot : slots) sum += slot.bytes.size() - slot.taken;
    return sum;
  }
};

}  // namespace drydock::machine
