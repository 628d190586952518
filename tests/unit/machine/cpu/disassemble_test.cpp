// Text of instructions, in Intel's order.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "machine/cpu/interpreter.h"

using namespace drydock::machine;

namespace {
std::string text(const std::vector<std::uint8_t>& bytes, std::uint64_t address = 0x1000) {
  const auto decoded = disassemble(bytes.data(), bytes.size(), address);
  if (!decoded) return "(bad)";
  CHECK(decoded->length == bytes.size());
  return decoded->operands.empty() ? decoded->mnemonic : decoded->mnemonic + " " + decoded->operands;
}
}  // namespace

TEST_CASE("instructions are written with their operands' sizes and addresses") {
  CHECK(text({0x48, 0x89, 0xd8}) == "mov rax, rbx");
  CHECK(text({0x8b, 0x44, 0x8b, 0x10}) == "mov eax, dword ptr [rbx+rcx*4+0x10]");
  CHECK(text({0x88, 0x65, 0xff}) == "mov byte ptr [rbp-0x1], ah");
  CHECK(text({0x40, 0x88, 0xe0}) == "mov al, spl");
  CHECK(text({0x66, 0x41, 0xff, 0xc0}) == "inc r8w");
  CHECK(text({0x48, 0x8d, 0x05, 0x10, 0x00, 0x00, 0x00}) == "lea rax, [0x1017]");
  CHECK(text({0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0x00, 0x00, 0x00}) == "mov rax, qword ptr fs:[0x28]");
  CHECK(text({0xf0, 0x48, 0x0f, 0xb1, 0x0f}) == "lock cmpxchg qword ptr [rdi], rcx");
  CHECK(text({0x0f, 0xb6, 0x03}) == "movzx eax, byte ptr [rbx]");
  CHECK(text({0x83, 0xec, 0xf8}) == "sub esp, -0x8");
}

TEST_CASE("branches show their target") {
  CHECK(text({0x74, 0xfe}) == "je 0x1000");
  CHECK(text({0xe8, 0x00, 0x01, 0x00, 0x00}) == "call 0x1105");
  CHECK(text({0xff, 0xd0}) == "call rax");
  CHECK(text({0xc3}) == "ret");
}

TEST_CASE("names depend on prefixes and sizes") {
  CHECK(text({0xf3, 0x48, 0xab}) == "rep stosq");
  CHECK(text({0xf2, 0xae}) == "repne scasb");
  CHECK(text({0x48, 0x99}) == "cqo");
  CHECK(text({0x90}) == "nop");
  CHECK(text({0xf3, 0x90}) == "pause");
  CHECK(text({0xf3, 0x0f, 0x1e, 0xfa}) == "endbr64");
  CHECK(text({0x0f, 0x05}) == "syscall");
  CHECK(text({0x0f, 0x94, 0xc0}) == "sete al");
  CHECK(text({0x66, 0x0f, 0x6f, 0x03}) == "movdqa xmm0, xmmword ptr [rbx]");
  CHECK(text({0xf2, 0x48, 0x0f, 0x2a, 0xc8}) == "cvtsi2sd xmm1, rax");
}

TEST_CASE("what is not known, or cut short, has no text") {
  const std::uint8_t unknown[] = {0xd9, 0xe8};
  CHECK(!disassemble(unknown, 2, 0));
  const std::uint8_t cut[] = {0x48, 0x8b};
  CHECK(!disassemble(cut, 2, 0));
}
