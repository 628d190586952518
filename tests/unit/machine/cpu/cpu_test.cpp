// RFLAGS and FXSAVE images of Cpu.

#include "machine/cpu/cpu.h"

#include <doctest/doctest.h>

#include "machine/cpu/flags.h"

using namespace drydock::machine;

TEST_CASE("RFLAGS reads bit 1 and IF as set, and POPF's other bits as they were written") {
  Cpu cpu;
  CHECK(cpu.rflags() == 0x202);
  cpu.set_rflags(0xffffffffffffffff);
  CHECK(cpu.rflags() == (0x202 | 0x8d5 | rflag::tf | rflag::df | rflag::nt | rflag::ac | rflag::id));
  cpu.set_rflags(0);
  CHECK(cpu.rflags() == 0x202);
}

TEST_CASE("lazy flags give what the addition of two bytes sets") {
  Cpu cpu;
  set_lazy<FlagKind::add, std::uint8_t>(cpu.lazy_flags, 0x7f, 0x01);  // 0x80
  CHECK((cpu.rflags() & rflag::arithmetic) == (rflag::of | rflag::sf | rflag::af));
  set_lazy<FlagKind::add, std::uint8_t>(cpu.lazy_flags, 0xff, 0x01);  // 0x00
  CHECK((cpu.rflags() & rflag::arithmetic) == (rflag::cf | rflag::zf | rflag::af | rflag::pf));
}

TEST_CASE("CF alone and ZF alone are those of all flags, for each kind") {
  const std::uint64_t values[] = {0, 1, 2, 0x7f, 0x80, 0xff};
  unsigned compared = 0;
  for (std::uint32_t kind = 0; kind < 12; ++kind) {
    for (std::uint64_t a : values) {
      for (std::uint64_t b : values) {
        const bool is_shift = kind >= 8 && kind <= 10;
        if (is_shift && (b == 0 || b > 31)) continue;
        const LazyFlags flags{a, b, kind << 2};
        CHECK(carry_flag(flags) == ((arithmetic_flags(flags) & rflag::cf) != 0));
        CHECK(zero_flag(flags) == ((arithmetic_flags(flags) & rflag::zf) != 0));
        ++compared;
      }
    }
  }
  CHECK(compared > 200);
}

TEST_CASE("an FXSAVE image carries xmm registers, MXCSR and the x87 state there and back") {
  Cpu cpu;
  cpu.xmm[0] = {0x1122334455667788, 0x99aabbccddeeff00};
  cpu.xmm[15] = {1, 2};
  cpu.mxcsr = 0x1fa0;
  cpu.x87_control = 0x27f;
  cpu.x87[7] = {0x8000000000000000, 0x3fff};
  const FxsaveImage image = cpu.fxsave_image();
  CHECK(image[24] == 0xa0);
  CHECK(image[160] == 0x88);
  Cpu other;
  other.load_fxsave_image(image);
  CHECK(other.xmm == cpu.xmm);
  CHECK(other.mxcsr == 0x1fa0);
  CHECK(other.x87_control == 0x27f);
  CHECK(other.x87[7] == cpu.x87[7]);
}

TEST_CASE("reserved bits of MXCSR in an image are dropped") {
  FxsaveImage image{};
  image[26] = 0xff;
  Cpu cpu;
  cpu.load_fxsave_image(image);
  CHECK(cpu.mxcsr == 0);
}
