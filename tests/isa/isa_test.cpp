// Every row of the instruction table, in all its operand sizes, with registers and memory, many states each: on the
// host and in the interpreter. Prints what differs, then "N passed, N failed, N skipped".
//
//   isa_test [--row NAME] [--states N] [--seed N]

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "tests/isa/generator.h"

using namespace drydock::machine;
using namespace drydock::machine::isa;

namespace {

struct Options {
  std::string row;
  unsigned states = 0;
  std::uint64_t seed = 1;
};

struct Counts {
  unsigned passed = 0, failed = 0, skipped = 0;
};

constexpr unsigned kCasesWanted = 150'000;
constexpr unsigned kShownPerRow = 2;

void run_row(Comparison& comparison, const Row& row, const Options& options, Counts& counts) {
  Dice dice(options.seed * 1000003 + row.map * 256U + row.opcode + static_cast<unsigned>(row.extension + 1) * 1024U);
  unsigned shown = 0;
  unsigned ran = 0;
  for (unsigned n = 0; n < options.states; ++n) {
    for (auto size : {Variant::Size::plain, Variant::Size::operand16, Variant::Size::rex_w}) {
      for (bool memory : {false, true}) {
        const auto test = generate(dice, row, {size, memory});
        if (!test) continue;
        Decoded d;
        decode(test->code.data(), test->code.size(), kCodePage + test->offset, d);
        if (d.row == nullptr || host_differs(d)) continue;
        ++ran;
        const std::string differences = comparison.run(*test);
        differences.empty() ? ++counts.passed : ++counts.failed;
        if (!differences.empty() && shown++ < kShownPerRow)
          std::printf("%s %s%s", row.name, describe(*test).c_str(), differences.c_str());
      }
    }
  }
  if (ran == 0) {
    std::printf("skip: %s: the host is no reference\n", row.name);
    ++counts.skipped;
  }
  if (shown > kShownPerRow) std::printf("%s: %u cases differ\n", row.name, shown);
}

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--row") == 0) options.row = argv[i + 1];
    if (std::strcmp(argv[i], "--states") == 0) options.states = static_cast<unsigned>(std::atoi(argv[i + 1]));
    if (std::strcmp(argv[i], "--seed") == 0) options.seed = std::strtoull(argv[i + 1], nullptr, 0);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Options options = options_of(argc, argv);
  if (options.states == 0) options.states = kCasesWanted / (3 * (kIntegerRowCount + kSseRowCount)) + 1;
  Comparison comparison;
  Counts counts;
  for (std::uint32_t i = 0; i < kIntegerRowCount + kSseRowCount; ++i) {
    const Row& row = i < kIntegerRowCount ? kIntegerRows[i] : kSseRows[i - kIntegerRowCount];
    if (options.row.empty() || options.row == row.name) run_row(comparison, row, options, counts);
  }
  std::printf("%u passed, %u failed, %u skipped\n", counts.passed, counts.failed, counts.skipped);
  return counts.failed == 0 && counts.passed > 0 ? 0 : 1;
}
