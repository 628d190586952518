// How the interpreter is run and stops. What each instruction does is compared with a real processor in tests/isa.

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/machine/cpu/machine_code.h"

using namespace drydock::machine;
using Bytes = std::vector<std::uint8_t>;

namespace {

// xor eax,eax; mov ecx,1000; L: add eax,ecx; imul edx,eax,7; dec ecx; jnz L; syscall
const Bytes kLoop = {0x31, 0xc0, 0xb9, 0xe8, 0x03, 0x00, 0x00, 0x01, 0xc8,
                     0x6b, 0xd0, 0x07, 0xff, 0xc9, 0x75, 0xf7, 0x0f, 0x05};
constexpr std::uint64_t kLoopInstructions = 2 + 4 * 1000 + 1;

}  // namespace

TEST_CASE("a system call stops after the SYSCALL, with its address in rcx and the flags in r11") {
  MachineCode m({0xb8, 0x27, 0x00, 0x00, 0x00, 0x31, 0xdb, 0x0f, 0x05});  // mov eax,39; xor ebx,ebx; syscall
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.retired == 3);
  CHECK(m.cpu.gpr[rax] == 39);
  CHECK(m.cpu.rip == kCode + 9);
  CHECK(m.cpu.gpr[rcx] == kCode + 9);
  CHECK(m.cpu.gpr[r11] == 0x246);
}

TEST_CASE("a loop computes and is counted to the instruction") {
  MachineCode m(kLoop);
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.retired == kLoopInstructions);
  CHECK(m.cpu.gpr[rax] == 500500);
  CHECK(m.cpu.gpr[rdx] == 3503500);
}

TEST_CASE("any budget retires exactly so many, and the way there does not matter") {
  unsigned slices = 0;
  for (std::uint64_t budget : {1, 2, 3, 5, 7, 64, 1000}) {
    MachineCode m(kLoop);
    std::uint64_t before = 0;
    while (m.run(budget).reason == Stop::Reason::budget) {
      CHECK(m.retired - before == budget);
      before = m.retired;
      ++slices;
    }
    CHECK(m.retired == kLoopInstructions);
    CHECK(m.cpu.gpr[rdx] == 3503500);
  }
  CHECK(slices > 6000);
}

TEST_CASE("a budget of nothing does nothing") {
  MachineCode m(kLoop);
  CHECK(m.run(0).reason == Stop::Reason::budget);
  CHECK(m.retired == 0);
  CHECK(m.cpu.rip == kCode);
}

TEST_CASE("results and counts are the same with a cache that is always too small") {
  MachineCode roomy(kLoop);
  MachineCode tight(kLoop, InterpreterLimits{1});
  roomy.run();
  while (tight.run(10).reason == Stop::Reason::budget) tight.interpreter.forget_code();
  CHECK(roomy.retired == tight.retired);
  CHECK(roomy.cpu.gpr == tight.cpu.gpr);
  CHECK(roomy.cpu.rflags() == tight.cpu.rflags());
}

TEST_CASE("rdtsc reads the kernel's clock and advances with each instruction") {
  MachineCode m({0x90, 0x0f, 0x31, 0x90, 0x0f, 0x05});  // nop; rdtsc; nop; syscall
  m.cpu.tsc = 0x100000000;
  m.cpu.tsc_per_instruction = 8;
  m.run();
  CHECK(m.cpu.gpr[rax] == 8);
  CHECK(m.cpu.gpr[rdx] == 1);
}

TEST_CASE("cpuid shows x86-64-v1 of an AMD and nothing later") {
  MachineCode m({0x0f, 0xa2, 0x0f, 0x05});
  m.cpu.gpr[rax] = 1;
  m.run();
  const std::uint64_t wanted = 1 << 0 | 1 << 8 | 1 << 15 | 1 << 23 | 1 << 24 | 1 << 25 | 1 << 26;
  CHECK((m.cpu.gpr[rdx] & wanted) == wanted);
  MachineCode vendor({0x0f, 0xa2, 0x90, 0xf4});
  vendor.run();
  CHECK(vendor.cpu.gpr[rbx] == 0x68747541);
  CHECK(vendor.cpu.gpr[rcx] == 0x444d4163);
}

TEST_CASE("an instruction that is not known stops with its bytes") {
  MachineCode m({0x90, 0xd9, 0xe8, 0x90});  // nop; fld1
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::illegal_instruction);
  CHECK(m.cpu.rip == kCode + 1);
  CHECK(m.retired == 1);
  CHECK(stop.length == 15);
  CHECK(stop.bytes[0] == 0xd9);
  CHECK(stop.bytes[1] == 0xe8);
}

TEST_CASE("an illegal instruction at the very end of mapped code gives the bytes that there are") {
  MachineCode m({0x0f, 0x0b}, {}, kCode + 2 * kPageBytes - 2);
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::illegal_instruction);
  CHECK(stop.length == 2);
}

TEST_CASE("more than fifteen bytes are a general protection fault") {
  MachineCode m(Bytes(20, 0x66));
  CHECK(m.run().reason == Stop::Reason::general_protection);
  CHECK(m.cpu.rip == kCode);
}

TEST_CASE("division by zero and a quotient too large stop at the instruction and change nothing") {
  MachineCode m({0x90, 0xf7, 0xf3});  // nop; div ebx
  m.cpu.gpr[rax] = 5;
  m.cpu.gpr[rdx] = 7;
  CHECK(m.run().reason == Stop::Reason::divide_error);
  CHECK(m.cpu.rip == kCode + 1);
  CHECK(m.retired == 1);
  m.cpu.gpr[rbx] = 3;  // 7:5 / 3 does not fit
  CHECK(m.run().reason == Stop::Reason::divide_error);
  CHECK(m.cpu.gpr[rax] == 5);
  CHECK(m.cpu.gpr[rdx] == 7);
}

TEST_CASE("int3 is a trap: rip is after it, and it counts") {
  MachineCode m({0xcc});
  CHECK(m.run().reason == Stop::Reason::breakpoint);
  CHECK(m.cpu.rip == kCode + 1);
  CHECK(m.retired == 1);
}

TEST_CASE("what user mode may not do is a general protection fault") {
  unsigned tried = 0;
  for (const Bytes& code : {Bytes{0xf4}, Bytes{0xfa}, Bytes{0xe4, 0x10}, Bytes{0x0f, 0x30}}) {
    MachineCode m(code);
    CHECK(m.run().reason == Stop::Reason::general_protection);
    CHECK(m.cpu.rip == kCode);
    ++tried;
  }
  CHECK(tried == 4);
}

TEST_CASE("with TF set each instruction traps, branches too") {
  MachineCode m(kLoop);
  m.cpu.set_rflags(rflag::tf);
  unsigned traps = 0;
  while (m.run().reason == Stop::Reason::debug_trap) {
    ++traps;
    CHECK(m.retired == traps);
  }
  CHECK(traps == kLoopInstructions - 1);
}

TEST_CASE("popf that sets TF traps after the next instruction") {
  MachineCode m({0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d, 0x90, 0x90});  // pushf; or [rsp],100h; popf; nop
  CHECK(m.run().reason == Stop::Reason::debug_trap);
  CHECK(m.cpu.rip == kCode + 10);
}

TEST_CASE("a repeated move lets go after 4096 iterations and goes on where it was") {
  MachineCode m({0xf3, 0xaa, 0x0f, 0x05});  // rep stosb; syscall
  m.cpu.gpr[rcx] = 6000;
  m.cpu.gpr[rdi] = kData;
  m.cpu.gpr[rax] = 0x5a;
  CHECK(m.run(1).reason == Stop::Reason::budget);
  CHECK(m.cpu.gpr[rcx] == 6000 - 4096);
  CHECK(m.cpu.gpr[rdi] == kData + 4096);
  CHECK(m.cpu.rip == kCode);
  CHECK(m.retired == 1 + 64);
  m.run();
  CHECK(m.cpu.gpr[rcx] == kCode + 4);  // of the system call
  CHECK(m.memory.get<std::uint8_t>(kData + 5999) == 0x5a);
  CHECK(m.memory.get<std::uint8_t>(kData + 6000) == 0);
  CHECK(m.retired == 1 + 64 + 1 + (6000 - 4096) / 64 + 1);
}

TEST_CASE("one interpreter runs two address spaces with different code at the same address") {
  MachineCode a({0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05});
  MachineCode b({0xb8, 0x02, 0x00, 0x00, 0x00, 0x0f, 0x05});
  // Keys are the sources' own here: they must differ between frames of one machine.
  b.memory.poke(kCode, "\xb8\x02", 2);
  std::uint64_t retired = 0;
  unsigned rounds = 0;
  for (; rounds < 3; ++rounds) {
    Cpu first = a.cpu;
    a.interpreter.forget_code();
    a.interpreter.run(first, a.memory, 100, retired);
    CHECK(first.gpr[rax] == 1);
    Cpu second = b.cpu;
    a.interpreter.forget_code();
    a.interpreter.run(second, b.memory, 100, retired);
    CHECK(second.gpr[rax] == 2);
  }
  CHECK(rounds == 3);
}

TEST_CASE("a NaN that arises is the negative quiet one, whatever the host's is") {
  // xorps xmm0,xmm0; divss xmm0,xmm0; movd eax,xmm0; syscall
  MachineCode m({0x0f, 0x57, 0xc0, 0xf3, 0x0f, 0x5e, 0xc0, 0x66, 0x0f, 0x7e, 0xc0, 0x0f, 0x05});
  m.run();
  CHECK(m.cpu.gpr[rax] == 0xffc00000);
}

TEST_CASE("conversions to integers follow MXCSR's rounding") {
  const std::uint64_t half_past_two = 0x4004000000000000;  // 2.5
  const std::uint32_t wanted[] = {2, 2, 3, 2};
  unsigned modes = 0;
  for (std::uint32_t mode = 0; mode < 4; ++mode, ++modes) {
    MachineCode m({0xf2, 0x0f, 0x2d, 0xc0, 0x0f, 0x05});  // cvtsd2si eax,xmm0; syscall
    m.cpu.xmm[0].low = half_past_two;
    m.cpu.mxcsr = 0x1f80 | mode << 13;
    m.run();
    CHECK(m.cpu.gpr[rax] == wanted[mode]);
  }
  CHECK(modes == 4);
}
