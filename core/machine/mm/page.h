#pragma once
// The size of a page, the unit of translation, protection and sharing.

#include <cstdint>

namespace drydock::machine {

inline constexpr std::uint64_t kPageBytes = 4096;
inline constexpr std::uint64_t kPageMask = ~(kPageBytes - 1);

}  // namespace drydock::machine
