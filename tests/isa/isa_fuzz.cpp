// Random instruction bytes and states on the host and in the interpreter, in children that may die, until the time is
// over. A difference is printed with what reproduces it; the last line is "N passed, N failed, N skipped".
//
//   isa_fuzz --seconds N [--seed N]
//
// Bytes that the interpreter does not know must be illegal for it, and are not run on the host (which knows more);
// likewise what host_differs() says. They are counted as skipped.

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "machine/cpu/handlers.h"
#include "tests/isa/generator.h"

using namespace drydock::machine;
using namespace drydock::machine::isa;

namespace {

constexpr unsigned kCasesPerChild = 20'000;
constexpr unsigned kShown = 20;

struct Counts {
  unsigned long passed = 0, failed = 0, skipped = 0;
  std::uint64_t seed = 0;  // of the case that is running
};

/// A known instruction more often than chance would have it: an opcode of the table with whatever around it.
void roll_code(Dice& dice, Case& test) {
  std::vector<std::uint8_t>& code = test.code;
  for (std::uint64_t i = dice.below(6); i < 3; ++i) {
    static const std::uint8_t kPrefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x65, 0x2e, 0x3e};
    code.push_back(kPrefixes[dice.below(sizeof kPrefixes)]);
  }
  if (dice.one_in(2)) code.push_back(static_cast<std::uint8_t>(0x40 | dice.below(16)));
  const std::uint64_t which = dice.below(kIntegerRowCount + kSseRowCount);
  const Row& row = which < kIntegerRowCount ? kIntegerRows[which] : kSseRows[which - kIntegerRowCount];
  if (row.prefix == Prefix::p66) code.insert(code.begin(), 0x66);
  if (row.prefix == Prefix::pF3) code.insert(code.begin(), 0xf3);
  if (row.prefix == Prefix::pF2) code.insert(code.begin(), 0xf2);
  if (row.map == 1) code.push_back(0x0f);
  code.push_back(dice.one_in(16) ? static_cast<std::uint8_t>(dice.next()) : row.opcode);
  auto modrm = static_cast<std::uint8_t>(dice.next());
  if (row.extension != kAnyExtension) modrm = static_cast<std::uint8_t>((modrm & 0xc7) | row.extension << 3);
  code.push_back(modrm);
  while (code.size() < 15) code.push_back(static_cast<std::uint8_t>(dice.one_in(2) ? dice.next() : dice.below(4) * 8));
  code.resize(15);
}

bool is_comparable(const Case& test) {
  Decoded d;
  if (decode(test.code.data(), test.code.size(), kCodePage + test.offset, d) != DecodeError::none) return false;
  if (d.segment == 0x64) return false;  // the host's fs is the test program's
  Op op;
  if (!make_op(d, kCodePage + test.offset, op) || host_differs(d)) return false;
  const Pick pick = d.row->pick;
  // Flags that stop the test program: TF and AC. Repeated string instructions are covered by isa_test.
  if (pick == pick_popf || pick == pick_pushf || (d.row->traits & kString)) return false;
  // AMD's processors go on to addresses that are not canonical and fault there; Intel's fault at the branch.
  if (d.row->args[0] == Arg::Eq || pick == pick_ret) return false;
  return pick != pick_x87_control;
}

void run_child(Counts& counts, std::uint64_t seed) {
  Comparison comparison;
  for (unsigned i = 0; i < kCasesPerChild; ++i) {
    counts.seed = seed + i;
    Dice dice(counts.seed);
    Case test = generate_random(dice);
    roll_code(dice, test);
    if (!is_comparable(test)) {
      ++counts.skipped;
      continue;
    }
    const std::string differences = comparison.run(test);
    differences.empty() ? ++counts.passed : ++counts.failed;
    if (!differences.empty() && counts.failed <= kShown) {
      std::printf("seed %llu: %s%s", static_cast<unsigned long long>(counts.seed), describe(test).c_str(),
                  differences.c_str());
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  long seconds = 10;
  std::uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--seconds") == 0) seconds = std::atol(argv[i + 1]);
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 0);
  }
  auto* counts =
      static_cast<Counts*>(mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (counts == MAP_FAILED) return 3;
  new (counts) Counts;
  const std::time_t end = std::time(nullptr) + seconds;
  while (std::time(nullptr) < end && counts->failed <= kShown) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      run_child(*counts, seed);
      _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      std::printf("seed %llu: the child ended with status %x\n", static_cast<unsigned long long>(counts->seed), status);
      ++counts->failed;
    }
    seed += kCasesPerChild;
  }
  std::printf("next seed: %llu\n%lu passed, %lu failed, %lu skipped\n", static_cast<unsigned long long>(seed),
              counts->passed, counts->failed, counts->skipped);
  return counts->failed == 0 && counts->passed > 0 ? 0 : 1;
}
