// Code that is written while it runs: by itself, by another mapping, by the kernel. SDM vol. 3, 12.6: the next
// instruction is the new one.

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/machine/cpu/machine_code.h"

using namespace drydock::machine;

namespace {
constexpr unsigned kAll = PagedMemory::readable | PagedMemory::writable | PagedMemory::executable;
}

TEST_CASE("an instruction that is overwritten by the one before it is executed as it is then") {
  // mov byte [rip+1],0x42 (writes the immediate of the next); mov eax,1; syscall
  MachineCode m({0xc6, 0x05, 0x01, 0x00, 0x00, 0x00, 0x42, 0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05});
  m.memory.protect(kCode, kAll);
  m.run();
  CHECK(m.cpu.gpr[rax] == 0x42);
  CHECK(m.retired == 3);
}

TEST_CASE("a loop that changes its own body sees each change, and counts the same as without") {
  // mov ecx,50; L: add byte [rip+1],1 (the immediate below); mov eax,0; add ebx,eax; dec ecx; jnz L; syscall
  MachineCode m({0xb9, 50,   0x00, 0x00, 0x00, 0x80, 0x05, 0x01, 0x00, 0x00, 0x00, 0x01, 0xb8,
                 0x00, 0x00, 0x00, 0x00, 0x01, 0xc3, 0xff, 0xc9, 0x75, 0xee, 0x0f, 0x05});
  m.memory.protect(kCode, kAll);
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.cpu.gpr[rbx] == 50 * 51 / 2);
  CHECK(m.retired == 1 + 5 * 50 + 1);
}

TEST_CASE("a write by another mapping of the frame is seen by code that is linked already") {
  // L: mov eax,1; cmp ecx,1; je S; mov ecx,1; mov byte [rbx],7 (the other mapping); jmp L; S: syscall
  MachineCode m({0xb8, 0x01, 0x00, 0x00, 0x00, 0x83, 0xf9, 0x01, 0x74, 0x0a, 0xb9,
                 0x01, 0x00, 0x00, 0x00, 0xc6, 0x03, 0x07, 0xeb, 0xec, 0x0f, 0x05});
  m.memory.alias(kData, kCode, PagedMemory::readable | PagedMemory::writable);
  m.cpu.gpr[rbx] = kData + 1;
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.cpu.gpr[rax] == 7);
}

TEST_CASE("a page that was written quickly before becomes slow once code of it runs") {
  // The code page is written first through its mapping (which fills the TLB), then executed, then written again.
  // mov byte [rbx],5; call rdx; mov byte [rbx],6; call rdx; syscall
  MachineCode m({0xc6, 0x03, 0x05, 0xff, 0xd2, 0xc6, 0x03, 0x06, 0xff, 0xd2, 0x0f, 0x05});
  m.memory.map(0x800000, kAll);
  m.memory.poke(0x800000, "\xb8\x01\x00\x00\x00\x01\xc6\xc3", 8);  // mov eax,1; add esi,eax; ret
  m.cpu.gpr[rbx] = 0x800001;
  m.cpu.gpr[rdx] = 0x800000;
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.cpu.gpr[rsi] == 11);
}

TEST_CASE("a repeated move over the code that follows it") {
  // rep movsb; mov eax,1; syscall, where the bytes written are those of mov eax,0x55
  MachineCode m({0xf3, 0xa4, 0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05});
  m.memory.protect(kCode, kAll);
  m.memory.poke(kData, "\xb8\x55\x00\x00\x00", 5);
  m.cpu.gpr[rsi] = kData;
  m.cpu.gpr[rdi] = kCode + 2;
  m.cpu.gpr[rcx] = 5;
  m.run();
  CHECK(m.cpu.gpr[rax] == 0x55);
}

TEST_CASE("call pushes its return address onto code and goes on with it") {
  // The stack lies over the instructions after the call: the target is not there, but in the next page.
  MachineCode m({0xe8, 0xfb, 0x0f, 0x00, 0x00});  // call kCode + 0x1000
  m.memory.protect(kCode, kAll);
  m.memory.poke(kCode + kPageBytes, "\x0f\x05", 2);
  m.cpu.gpr[rsp] = kCode + 16;
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.memory.get<std::uint64_t>(kCode + 8) == kCode + 5);
}

TEST_CASE("what the kernel writes into code between two runs is executed") {
  MachineCode m({0xb8, 0x01, 0x00, 0x00, 0x00, 0xeb, 0xf9});  // L: mov eax,1; jmp L
  m.run(100);
  CHECK(m.cpu.gpr[rax] == 1);
  m.memory.poke(kCode + 1, "\x09", 1);
  m.run(100);
  CHECK(m.cpu.gpr[rax] == 9);
}

TEST_CASE("a write across into a page with code is seen") {
  // mov [rbx],rax; jmp rdx: the last bytes of the value are the first of the code
  MachineCode m({0x48, 0x89, 0x03, 0xff, 0xe2});
  m.memory.map(0x800000, PagedMemory::readable | PagedMemory::writable);
  m.memory.map(0x801000, kAll);
  m.memory.poke(0x801000, "\xf4\xf4\x90\x90", 4);
  Cpu warm = m.cpu;
  warm.rip = 0x801002;
  m.memory.poke(0x801004, "\x0f\x05", 2);
  std::uint64_t retired = 0;
  m.interpreter.run(warm, m.memory, 10, retired);  // marks the page as code
  m.cpu.gpr[rbx] = 0x800ffa;
  m.cpu.gpr[rax] = 0x050f000000000000;  // syscall, at 0x801000
  m.cpu.gpr[rdx] = 0x801000;
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.cpu.rip == 0x801002);
}

TEST_CASE("code that changes thousands of times between runs is always the current one") {
  // Stamps of translations are used up on the way, and start again.
  MachineCode m({0xb8, 0x00, 0x00, 0x00, 0x00, 0xff, 0xe2});  // L: mov eax,0; jmp rdx
  m.cpu.gpr[rdx] = kCode;
  unsigned current = 0;
  for (std::uint32_t i = 1; i <= 9000; ++i) {
    m.memory.poke(kCode + 1, &i, 4);
    m.cpu.rip = kCode;
    m.run(8);
    current += m.cpu.gpr[rax] == i;
  }
  CHECK(current == 9000);
}
