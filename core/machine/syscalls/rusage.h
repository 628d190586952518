#pragma once
// struct rusage as getrusage(2), wait4(2) and waitid(2) write it.

#include "machine/syscalls/call.h"

namespace drydock::machine {

struct Usage {
  std::uint64_t user_ns = 0, system_ns = 0, peak_pages = 0;
};

/// NOTE(not modelled): faults, blocks and switches are 0.
inline StructWriter rusage_bytes(const Usage& usage) {
  StructWriter out;
  out.u64(usage.user_ns / 1'000'000'000).u64(usage.user_ns % 1'000'000'000 / 1000);
  out.u64(usage.system_ns / 1'000'000'000).u64(usage.system_ns % 1'000'000'000 / 1000);
  out.u64(usage.peak_pages * (kPageBytes / 1024)).zeros(13 * 8);
  return out;
}

}  // namespace drydock::machine
