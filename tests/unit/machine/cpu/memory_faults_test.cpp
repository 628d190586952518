// Faults: where, why, and that nothing of the instruction has been done; accesses across pages.

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/machine/cpu/machine_code.h"

using namespace drydock::machine;
using Bytes = std::vector<std::uint8_t>;

TEST_CASE("a read of what is not mapped is a page fault at the address, and can be restarted") {
  MachineCode m({0x90, 0x48, 0x8b, 0x03, 0x0f, 0x05});  // nop; mov rax,[rbx]; syscall
  m.cpu.gpr[rbx] = 0x123456;
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.access == Access::read);
  CHECK(stop.address == 0x123456);
  CHECK(m.cpu.rip == kCode + 1);
  CHECK(m.retired == 1);
  m.memory.map(0x123000, PagedMemory::readable | PagedMemory::writable);
  m.memory.poke(0x123456, "ABCDEFGH", 8);
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.cpu.gpr[rax] == 0x4847464544434241);
  CHECK(m.retired == 3);
}

TEST_CASE("a write to a page without write permission faults though it was read before") {
  MachineCode m({0x8b, 0x03, 0x89, 0x03});  // mov eax,[rbx]; mov [rbx],eax
  m.memory.protect(kData, PagedMemory::readable);
  m.cpu.gpr[rbx] = kData;
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.access == Access::write);
  CHECK(m.cpu.rip == kCode + 2);
}

TEST_CASE("execution of a page without execute permission faults with the address of the instruction") {
  MachineCode m({0xff, 0xe3});  // jmp rbx
  m.cpu.gpr[rbx] = kData + 0x10;
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.access == Access::execute);
  CHECK(stop.address == kData + 0x10);
  CHECK(m.cpu.rip == kData + 0x10);
  CHECK(m.retired == 1);
}

TEST_CASE("an instruction that reaches into a page that is not there faults at that page") {
  MachineCode m({0x48, 0xb8}, {}, kCode + 2 * kPageBytes - 2);  // mov rax,imm64, cut
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.access == Access::execute);
  CHECK(stop.address == kCode + 2 * kPageBytes);
  CHECK(m.cpu.rip == kCode + 2 * kPageBytes - 2);
}

TEST_CASE("an instruction across two pages runs, and is decoded again when the second changes") {
  MachineCode m({0xb8, 0x01, 0x00, 0x00, 0x00, 0x0f, 0x05}, {}, kCode + kPageBytes - 2);  // mov eax,1; syscall
  Cpu again = m.cpu;
  m.run();
  CHECK(m.cpu.gpr[rax] == 1);
  m.memory.poke(kCode + kPageBytes + 1, "\x7f", 1);
  m.cpu = again;
  m.run();
  CHECK(m.cpu.gpr[rax] == 0x7f0001);
}

TEST_CASE("an address that is not canonical is a general protection fault") {
  MachineCode m({0x8b, 0x03});
  m.cpu.gpr[rbx] = 0x8000000000000000;
  CHECK(m.run().reason == Stop::Reason::general_protection);
}

TEST_CASE("movaps faults on an address that is not aligned, movups does not") {
  MachineCode aligned({0x0f, 0x28, 0x03});
  aligned.cpu.gpr[rbx] = kData + 8;
  CHECK(aligned.run().reason == Stop::Reason::general_protection);
  MachineCode unaligned({0x0f, 0x10, 0x03, 0x0f, 0x05});
  unaligned.cpu.gpr[rbx] = kData + 8;
  CHECK(unaligned.run().reason == Stop::Reason::syscall);
}

TEST_CASE("a write across two pages is done in both, or in none when the second cannot be written") {
  const Bytes code = {0x48, 0x89, 0x03, 0x90, 0x0f, 0x05};  // mov [rbx],rax; nop; syscall
  MachineCode m(code);
  m.cpu.gpr[rbx] = kData + kPageBytes - 3;
  m.cpu.gpr[rax] = 0x1122334455667788;
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.retired == 3);
  CHECK(m.memory.get<std::uint64_t>(kData + kPageBytes - 3) == 0x1122334455667788);

  MachineCode half(code);
  half.memory.protect(kData + kPageBytes, PagedMemory::readable);
  half.cpu.gpr[rbx] = kData + kPageBytes - 3;
  half.cpu.gpr[rax] = 0x1122334455667788;
  const Stop stop = half.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.address == kData + kPageBytes);
  CHECK(half.memory.get<std::uint64_t>(kData + kPageBytes - 3) == 0);
}

TEST_CASE("a read-modify-write across two pages changes both") {
  MachineCode m({0x48, 0x83, 0x03, 0x01, 0x0f, 0x05});  // add qword [rbx],1; syscall
  m.cpu.gpr[rbx] = kData + kPageBytes - 4;
  const std::uint64_t before = 0x00000000ffffffff;
  m.memory.poke(m.cpu.gpr[rbx], &before, 8);
  m.run();
  CHECK(m.memory.get<std::uint64_t>(kData + kPageBytes - 4) == 0x0000000100000000);
}

TEST_CASE("push that faults leaves rsp as it was") {
  MachineCode m({0x50});
  m.cpu.gpr[rsp] = 0x1000;
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.access == Access::write);
  CHECK(stop.address == 0xff8);
  CHECK(m.cpu.gpr[rsp] == 0x1000);
}

TEST_CASE("call that cannot push does not go anywhere") {
  MachineCode m({0xe8, 0x10, 0x00, 0x00, 0x00});
  m.cpu.gpr[rsp] = 0x1004;  // across into what is not mapped
  CHECK(m.run().reason == Stop::Reason::page_fault);
  CHECK(m.cpu.rip == kCode);
  CHECK(m.retired == 0);
}

TEST_CASE("pop to memory that faults leaves rsp as it was") {
  MachineCode m({0x8f, 0x03});  // pop [rbx]
  m.cpu.gpr[rsp] = kStackTop - 8;
  m.cpu.gpr[rbx] = 0x1000;
  CHECK(m.run().reason == Stop::Reason::page_fault);
  CHECK(m.cpu.gpr[rsp] == kStackTop - 8);
}

TEST_CASE("pop and ret at the end of the stack: the pop is done, the ret faults") {
  MachineCode m({0x5b, 0xc3});  // pop rbx; ret
  m.cpu.gpr[rsp] = kStackTop - 8;
  m.memory.poke(kStackTop - 8, "ABCDEFGH", 8);
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.address == kStackTop);
  CHECK(m.cpu.gpr[rbx] == 0x4847464544434241);
  CHECK(m.cpu.gpr[rsp] == kStackTop);
  CHECK(m.cpu.rip == kCode + 1);
  CHECK(m.retired == 1);
}

TEST_CASE("pushes and pops in pairs, and a return, work and are counted one by one") {
  // mov ebx,1; mov ebp,2; call F; syscall; F: push rbx; push rbp; pop rax; pop rsi; push rbx; pop rdi; ret 0
  const Bytes code = {0xbb, 1, 0,    0,    0,    0xbd, 2,    0,    0,    0,    0xe8, 2, 0,
                      0,    0, 0x0f, 0x05, 0x53, 0x55, 0x58, 0x5e, 0x53, 0x5f, 0xc2, 0, 0};
  MachineCode m(code);
  CHECK(m.run().reason == Stop::Reason::syscall);
  CHECK(m.retired == 11);
  CHECK(m.cpu.gpr[rax] == 2);
  CHECK(m.cpu.gpr[rsi] == 1);
  CHECK(m.cpu.gpr[rdi] == 1);
  CHECK(m.cpu.gpr[rsp] == kStackTop);
  MachineCode stepped(code);
  while (stepped.run(1).reason == Stop::Reason::budget) continue;
  CHECK(stepped.retired == 11);
  CHECK(stepped.cpu.gpr == m.cpu.gpr);
}

TEST_CASE("a repeated move that faults has done what came before, and says so in its registers") {
  MachineCode m({0xf3, 0xa4});  // rep movsb
  m.cpu.gpr[rsi] = kData;
  m.cpu.gpr[rdi] = kData + 2 * kPageBytes - 10;  // ten bytes, then nothing
  m.cpu.gpr[rcx] = 100;
  m.memory.poke(kData, "0123456789abcdef", 16);
  const Stop stop = m.run();
  CHECK(stop.reason == Stop::Reason::page_fault);
  CHECK(stop.address == kData + 2 * kPageBytes);
  CHECK(m.cpu.gpr[rcx] == 90);
  CHECK(m.cpu.gpr[rsi] == kData + 10);
  CHECK(m.cpu.gpr[rdi] == kData + 2 * kPageBytes);
  CHECK(m.cpu.rip == kCode);
  CHECK(m.memory.get<std::uint8_t>(kData + 2 * kPageBytes - 1) == '9');
}

TEST_CASE("a page that is unmapped between runs is not found in the TLB") {
  MachineCode m({0x8b, 0x03, 0xeb, 0xfc});  // L: mov eax,[rbx]; jmp L
  m.cpu.gpr[rbx] = kData;
  CHECK(m.run(100).reason == Stop::Reason::budget);
  m.memory.unmap(kData);
  CHECK(m.run(100).reason == Stop::Reason::page_fault);
}

TEST_CASE("the soft TLB tells pages, permissions and straddling accesses apart") {
  SoftTlb tlb;
  std::uint8_t page[kPageBytes] = {};
  CHECK(tlb.read(0x5000, 1) == nullptr);
  tlb.insert(0x5000, page, false);
  CHECK(tlb.read(0x5010, 8) == page + 0x10);
  CHECK(tlb.write(0x5010, 8) == nullptr);
  CHECK(tlb.read(0x5ff9, 8) == nullptr);  // into the next page
  CHECK(tlb.read(0x5ff8, 8) == page + 0xff8);
  CHECK(tlb.read(0x105000, 1) == nullptr);  // the same entry
  tlb.insert(0x5000, page, true);
  CHECK(tlb.write(0x5010, 8) == page + 0x10);
  tlb.flush_writes();
  CHECK(tlb.write(0x5010, 8) == nullptr);
  CHECK(tlb.read(0x5010, 8) == page + 0x10);
  tlb.flush_page(0x5000);
  CHECK(tlb.read(0x5010, 8) == nullptr);
}
