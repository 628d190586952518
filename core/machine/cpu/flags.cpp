// The flags of whatever kind was stored last: one case per kind and operand size.

#include "machine/cpu/flags.h"

namespace drydock::machine {
namespace {

template <FlagKind K, class Ask>
auto ask_size(const LazyFlags& flags, Ask ask) {
  switch (flags.kind & 3) {
    case 0:
      return ask(Flags<K, std::uint8_t>{static_cast<std::uint8_t>(flags.a), static_cast<std::uint8_t>(flags.b)});
    case 1:
      return ask(Flags<K, std::uint16_t>{static_cast<std::uint16_t>(flags.a), static_cast<std::uint16_t>(flags.b)});
    case 2:
      return ask(Flags<K, std::uint32_t>{static_cast<std::uint32_t>(flags.a), static_cast<std::uint32_t>(flags.b)});
    default:
      return ask(Flags<K, std::uint64_t>{flags.a, flags.b});
  }
}

template <class Ask>
auto ask_kind(const LazyFlags& flags, Ask ask) {
  switch (static_cast<FlagKind>(flags.kind >> 2)) {
    case FlagKind::add:
      return ask_size<FlagKind::add>(flags, ask);
    case FlagKind::add_carry:
      return ask_size<FlagKind::add_carry>(flags, ask);
    case FlagKind::sub:
      return ask_size<FlagKind::sub>(flags, ask);
    case FlagKind::sub_borrow:
      return ask_size<FlagKind::sub_borrow>(flags, ask);
    case FlagKind::inc:
      return ask_size<FlagKind::inc>(flags, ask);
    case FlagKind::dec:
      return ask_size<FlagKind::dec>(flags, ask);
    case FlagKind::shl:
      return ask_size<FlagKind::shl>(flags, ask);
    case FlagKind::shr:
      return ask_size<FlagKind::shr>(flags, ask);
    case FlagKind::sar:
      return ask_size<FlagKind::sar>(flags, ask);
    case FlagKind::multiply:
      return ask_size<FlagKind::multiply>(flags, ask);
    default:
      return ask_size<FlagKind::logic>(flags, ask);
  }
}

}  // namespace

std::uint64_t arithmetic_flags(const LazyFlags& flags) {
  if (flags.kind >> 2 == 0) return flags.a & rflag::arithmetic;
  return ask_kind(flags, [](const auto& of) { return of.bits(); });
}

}  // namespace drydock::machine
