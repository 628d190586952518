// RFLAGS and the FXSAVE image of a Cpu. SDM vol. 1, 3.4.3 and 10.5.1 (table 10-2).

#include "machine/cpu/cpu.h"

#include <cstring>

#include "machine/cpu/flags.h"

namespace drydock::machine {
namespace {

// What POPF changes at privilege level 3 with IOPL 0, beside the arithmetic flags.
constexpr std::uint64_t kUserFlags = rflag::tf | rflag::df | rflag::nt | rflag::ac | rflag::id;

template <class T>
void put(FxsaveImage& image, std::size_t at, T value) {
  std::memcpy(image.data() + at, &value, sizeof value);
}
template <class T>
T get(const FxsaveImage& image, std::size_t at) {
  T value;
  std::memcpy(&value, image.data() + at, sizeof value);
  return value;
}

}  // namespace

std::uint64_t Cpu::rflags() const {
  return arithmetic_flags(lazy_flags) | other_flags;
}

void Cpu::set_rflags(std::uint64_t value) {
  set_stored(lazy_flags, value & rflag::arithmetic);
  other_flags = (value & kUserFlags) | rflag::always_one | rflag::interrupt;
}

FxsaveImage Cpu::fxsave_image() const {
  FxsaveImage image{};
  put(image, 0, x87_control);
  put(image, 2, x87_status);
  put(image, 4, x87_tags);
  put(image, 6, x87_opcode);
  put(image, 8, x87_rip);
  put(image, 16, x87_rdp);
  put(image, 24, mxcsr);
  put(image, 28, kMxcsrMask);
  for (std::size_t i = 0; i < 8; ++i) {
    put(image, 32 + 16 * i, x87[i].significand);
    put(image, 40 + 16 * i, x87[i].sign_exponent);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    put(image, 160 + 16 * i, xmm[i].low);
    put(image, 168 + 16 * i, xmm[i].high);
  }
  return image;
}

void Cpu::load_fxsave_image(const FxsaveImage& image) {
  x87_control = get<std::uint16_t>(image, 0);
  x87_status = get<std::uint16_t>(image, 2);
  x87_tags = get<std::uint8_t>(image, 4);
  x87_opcode = get<std::uint16_t>(image, 6) & 0x7ff;
  x87_rip = get<std::uint64_t>(image, 8);
  x87_rdp = get<std::uint64_t>(image, 16);
  mxcsr = get<std::uint32_t>(image, 24) & kMxcsrMask;
  for (std::size_t i = 0; i < 8; ++i) {
    x87[i].significand = get<std::uint64_t>(image, 32 + 16 * i);
    x87[i].sign_exponent = get<std::uint16_t>(image, 40 + 16 * i);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    xmm[i].low = get<std::uint64_t>(image, 160 + 16 * i);
    xmm[i].high = get<std::uint64_t>(image, 168 + 16 * i);
  }
}

}  // namespace drydock::machine
