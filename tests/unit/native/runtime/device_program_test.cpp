#include "native/runtime/device_program.h"

#include <doctest/doctest.h>
#include <linux/bpf.h>

namespace drydock::native {

namespace {

using runtime::DeviceRule;

constexpr std::uint32_t kRead = BPF_DEVCG_ACC_READ, kWrite = BPF_DEVCG_ACC_WRITE, kMknod = BPF_DEVCG_ACC_MKNOD;

struct Access {
  std::uint32_t type, access, major, minor;
};

/// An interpreter of the few instructions that the compiler emits; nothing for one that it should not.
std::optional<bool> run(const std::vector<BpfInstruction>& code, const Access& wanted) {
  const std::uint32_t context[] = {wanted.access << 16 | wanted.type, wanted.major, wanted.minor};
  std::uint32_t r[16] = {};
  for (std::size_t at = 0; at < code.size(); ++at) {
    const BpfInstruction& one = code[at];
    std::uint32_t& to = r[one.registers & 15];
    const std::uint32_t from = r[one.registers >> 4];
    const auto immediate = static_cast<std::uint32_t>(one.immediate);
    switch (one.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        to = context[one.offset / 4];
        break;
      case BPF_ALU | BPF_MOV | BPF_X:
        to = from;
        break;
      case BPF_ALU | BPF_MOV | BPF_K:
        to = immediate;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        to &= immediate;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        to >>= immediate;
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        at += to != immediate ? static_cast<std::size_t>(one.offset) : 0;
        break;
      case BPF_JMP32 | BPF_JEQ | BPF_K:
        at += to == immediate ? static_cast<std::size_t>(one.offset) : 0;
        break;
      case BPF_JMP | BPF_EXIT:
        return r[0] != 0;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

constexpr Access character(std::uint32_t access, std::uint32_t major, std::uint32_t minor) {
  return {BPF_DEVCG_DEV_CHAR, access, major, minor};
}

const DeviceRule kNothing{false, 'a', std::nullopt, std::nullopt, "rwm"};

}  // namespace

TEST_CASE("without rules every access is refused") {
  CHECK(run(compile_device_rules({}), character(kRead, 1, 3)) == false);
}

TEST_CASE("a named device is allowed, its neighbours are not") {
  const auto code = compile_device_rules({kNothing, {true, 'c', 1, 3, "rwm"}});
  CHECK(run(code, character(kRead | kWrite, 1, 3)) == true);
  CHECK(run(code, character(kRead, 1, 5)) == false);
  CHECK(run(code, character(kRead, 2, 3)) == false);
  CHECK(run(code, {BPF_DEVCG_DEV_BLOCK, kRead, 1, 3}) == false);
}

TEST_CASE("an access beyond the rule's is refused") {
  const auto code = compile_device_rules({kNothing, {true, 'c', std::nullopt, std::nullopt, "m"}});
  CHECK(run(code, character(kMknod, 9, 9)) == true);
  CHECK(run(code, character(kMknod | kRead, 9, 9)) == false);
  CHECK(run(code, character(kRead, 9, 9)) == false);
}

TEST_CASE("a missing minor number stands for all") {
  const auto code = compile_device_rules({kNothing, {true, 'c', 136, std::nullopt, "rwm"}});
  CHECK(run(code, character(kRead, 136, 0)) == true);
  CHECK(run(code, character(kRead, 136, 77)) == true);
}

TEST_CASE("the last rule that speaks of an access wins") {
  const DeviceRule all{true, 'a', std::nullopt, std::nullopt, "rwm"};
  const auto refused = compile_device_rules({all, {false, 'c', 1, 3, "w"}});
  CHECK(run(refused, character(kRead, 1, 3)) == true);
  CHECK(run(refused, character(kRead | kWrite, 1, 3)) == false);
  CHECK(run(compile_device_rules({kNothing, {true, 'c', 1, 3, "rwm"}, kNothing}), character(kRead, 1, 3)) == false);
  CHECK(run(compile_device_rules({kNothing, all}), character(kRead, 8, 0)) == true);
}

}  // namespace drydock::native
