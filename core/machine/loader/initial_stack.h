#pragma once
// What a new program finds on its stack: arguments, environment, auxiliary vector. System V ABI, AMD64
// supplement, 3.4.1; getauxval(3).

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace drydock::machine {

/// Types of auxiliary vector entries.
namespace auxv {
inline constexpr std::uint64_t phdr = 3, phent = 4, phnum = 5, pagesz = 6, base = 7, flags = 8, entry = 9, uid = 11,
                               euid = 12, gid = 13, egid = 14, platform = 15, hwcap = 16, clktck = 17, secure = 23,
                               random = 25, hwcap2 = 26, execfn = 31, minsigstksz = 51;
}

struct InitialStack {
  std::vector<std::string> arguments, environment;
  std::string path;  // AT_EXECFN
  std::array<char, 16> random{};
  std::vector<std::uint64_t> auxiliary;  // pairs; those that point into the stack (random, execfn, platform) are 0 yet
};

struct StackImage {
  std::uint64_t pointer = 0;  // RSP at entry: where `bytes` begin
  std::string bytes;          // up to the top
  std::uint64_t arguments_start = 0, arguments_end = 0, environment_start = 0, environment_end = 0;
  std::vector<std::uint64_t> auxiliary;  // complete
};

/// `top` is the end of the stack.
StackImage build_stack(const InitialStack& stack, std::uint64_t top);

}  // namespace drydock::machine
