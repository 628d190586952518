#pragma once
// struct timespec and struct timeval in the caller's memory, and deadlines made of them.

#include <limits>

#include "machine/syscalls/call.h"

namespace drydock::machine {

inline constexpr std::uint64_t kSecondNs = 1'000'000'000;
inline constexpr std::uint64_t kForeverNs = std::numeric_limits<std::int64_t>::max();

/// Seconds and a part in nanoseconds, cut at what an int64 of nanoseconds holds.
inline std::uint64_t saturated_ns(std::int64_t seconds, std::int64_t nanoseconds) {
  if (seconds >= std::numeric_limits<std::int64_t>::max() / 1'000'000'000) return kForeverNs;
  return static_cast<std::uint64_t>(seconds) * kSecondNs + static_cast<std::uint64_t>(nanoseconds);
}

/// EFAULT; EINVAL: negative, or a part of a second that is none.
inline Result<std::uint64_t, Errno> read_timespec(const Call& call, std::uint64_t address) {
  const auto seconds = static_cast<std::int64_t>(TRY(call.load64(address)));
  const auto part = static_cast<std::int64_t>(TRY(call.load64(address + 8)));
  if (seconds < 0 || part < 0 || part >= 1'000'000'000) return Errno::einval;
  return saturated_ns(seconds, part);
}

inline Result<std::uint64_t, Errno> read_timeval(const Call& call, std::uint64_t address) {
  const auto seconds = static_cast<std::int64_t>(TRY(call.load64(address)));
  const auto part = static_cast<std::int64_t>(TRY(call.load64(address + 8)));
  if (seconds < 0 || part < 0 || part >= 1'000'000) return Errno::einval;
  return saturated_ns(seconds, part * 1000);
}

inline Result<void, Errno> write_timespec(const Call& call, std::uint64_t address, std::uint64_t ns) {
  StructWriter out;
  out.u64(ns / kSecondNs).u64(ns % kSecondNs);
  return call.copy_out(address, out.span());
}

inline Result<void, Errno> write_timeval(const Call& call, std::uint64_t address, std::uint64_t ns) {
  StructWriter out;
  out.u64(ns / kSecondNs).u64(ns % kSecondNs / 1000);
  return call.copy_out(address, out.span());
}

/// On the virtual clock; far enough away is never.
inline std::uint64_t deadline_after(const Kernel& kernel, std::uint64_t ns) {
  return ns >= kForeverNs - kernel.clock_ns ? kForeverNs : kernel.clock_ns + ns;
}

}  // namespace drydock::machine
