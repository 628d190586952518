#include "machine/kernel/seccomp_filter.h"

#include <doctest/doctest.h>

using namespace drydock::machine;

namespace {

constexpr std::uint16_t load_absolute = 0x20, load_immediate = 0x00, load_memory = 0x60, store = 0x02,
                        jump_equal = 0x15, jump_always = 0x05, add = 0x04, divide_by_x = 0x3c, a_to_x = 0x07,
                        give_back = 0x06, give_back_a = 0x16;

std::uint32_t run(std::vector<BpfInstruction> code, const SeccompData& data = {}) {
  REQUIRE(is_valid_filter(code));
  SeccompProgram program;
  program.instructions = std::move(code);
  return run_filter(program, data);
}

}  // namespace

TEST_CASE("a filter sees the call's number and both halves of its arguments") {
  SeccompData data;
  data.number = 59;
  data.arguments[2] = 0x1122334455667788;
  CHECK(run({{load_absolute, 0, 0, 0}, {give_back_a, 0, 0, 0}}, data) == 59);
  CHECK(run({{load_absolute, 0, 0, 32}, {give_back_a, 0, 0, 0}}, data) == 0x55667788);
  CHECK(run({{load_absolute, 0, 0, 36}, {give_back_a, 0, 0, 0}}, data) == 0x11223344);
  CHECK(run({{load_absolute, 0, 0, 4}, {give_back_a, 0, 0, 0}}, data) == 0xc000003e);
}

TEST_CASE("a jump leads over as many instructions as it says") {
  SeccompData data;
  data.number = 7;
  const std::vector<BpfInstruction> code{
      {load_absolute, 0, 0, 0}, {jump_equal, 1, 0, 7}, {give_back, 0, 0, 1}, {give_back, 0, 0, 2}};
  CHECK(run(code, data) == 2);
  data.number = 8;
  CHECK(run(code, data) == 1);
}

TEST_CASE("a division by zero kills") {
  CHECK(run({{load_immediate, 0, 0, 0}, {a_to_x, 0, 0, 0}, {divide_by_x, 0, 0, 0}, {give_back, 0, 0, 5}}) == 0);
}

TEST_CASE("a cell of memory may be loaded only where every way has stored it") {
  CHECK(is_valid_filter({{store, 0, 0, 3}, {load_memory, 0, 0, 3}, {give_back_a, 0, 0, 0}}));
  CHECK_FALSE(is_valid_filter({{load_memory, 0, 0, 3}, {give_back_a, 0, 0, 0}}));
  CHECK_FALSE(
      is_valid_filter({{jump_equal, 1, 0, 0}, {store, 0, 0, 3}, {load_memory, 0, 0, 3}, {give_back_a, 0, 0, 0}}));
}

TEST_CASE("programs that could run out of bounds are refused") {
  CHECK_FALSE(is_valid_filter({}));
  CHECK_FALSE(is_valid_filter({{load_absolute, 0, 0, 0}}));
  CHECK_FALSE(is_valid_filter({{load_absolute, 0, 0, 64}, {give_back, 0, 0, 0}}));
  CHECK_FALSE(is_valid_filter({{load_absolute, 0, 0, 2}, {give_back, 0, 0, 0}}));
  CHECK_FALSE(is_valid_filter({{jump_always, 0, 0, 1}, {give_back, 0, 0, 0}}));
  CHECK_FALSE(is_valid_filter({{jump_always, 0, 0, 0xffffffff}, {give_back, 0, 0, 0}}));
  CHECK_FALSE(is_valid_filter({{store, 0, 0, 16}, {give_back, 0, 0, 0}}));
  std::vector<BpfInstruction> longest(kFilterInstructionsMax, BpfInstruction{add, 0, 0, 1});
  longest.back() = {give_back, 0, 0, 0};
  CHECK(is_valid_filter(longest));
  longest.insert(longest.begin(), {add, 0, 0, 1});
  CHECK_FALSE(is_valid_filter(longest));
}
