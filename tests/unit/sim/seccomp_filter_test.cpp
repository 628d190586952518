// The simulated kernel's filters give the verdicts of libseccomp's.

#include "sim/seccomp_filter.h"

#include <doctest/doctest.h>

#include <array>
#include <cstring>

#include "base/random.h"
#include "native/runtime/seccomp_compiler.h"
#include "runtime/seccomp_profile.h"

namespace drydock::sim {
namespace {

using machine::BpfInstruction;

struct SystemCall {
  std::uint32_t number = 0;
  std::uint32_t architecture = 0xc000003e;
  std::array<std::uint64_t, 6> arguments{};
};

std::uint32_t load(const SystemCall& call, std::uint32_t offset) {
  if (offset == 0) return call.number;
  if (offset == 4) return call.architecture;
  if (offset < 16) return 0;  // instruction pointer
  const std::uint64_t argument = call.arguments[(offset - 16) / 8];
  return static_cast<std::uint32_t>(offset % 8 == 0 ? argument : argument >> 32);
}

/// Classic BPF, as much as filters use: ld abs, ja, jeq, jgt, jge, jset, and, ret.
std::uint32_t run(const std::vector<BpfInstruction>& program, const SystemCall& call) {
  std::uint32_t a = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const BpfInstruction& one = program[at];
    const auto jump = [&](bool taken) { at += taken ? one.jt : one.jf; };
    switch (one.code) {
      case 0x20:
        a = load(call, one.k);
        break;
      case 0x05:
        at += one.k;
        break;
      case 0x15:
        jump(a == one.k);
        break;
      case 0x25:
        jump(a > one.k);
        break;
      case 0x35:
        jump(a >= one.k);
        break;
      case 0x45:
        jump((a & one.k) != 0);
        break;
      case 0x54:
        a &= one.k;
        break;
      case 0x06:
        return one.k;
      default:
        FAIL("unexpected instruction " << one.code);
    }
  }
  FAIL("the program has no end");
  return 0;
}

std::vector<BpfInstruction> decode(const std::string& bytes) {
  std::vector<BpfInstruction> program(bytes.size() / 8);
  for (std::size_t n = 0; n < program.size(); ++n) {
    std::memcpy(&program[n].code, &bytes[n * 8], 2);
    program[n].jt = static_cast<std::uint8_t>(bytes[n * 8 + 2]);
    program[n].jf = static_cast<std::uint8_t>(bytes[n * 8 + 3]);
    std::memcpy(&program[n].k, &bytes[n * 8 + 4], 4);
  }
  return program;
}

/// Arguments that are near what filters ask about, and others.
std::uint64_t sample(SeededRandom& random) {
  static constexpr std::uint64_t kNear[] = {0,  1,  2,  8,          0x20000,    0x20008, 0xffffffff,
                                            16, 38, 40, 0x7e020000, 1ull << 32, ~0ull,   0x10000000};
  switch (random.below(4)) {
    case 0:
      return kNear[random.below(std::size(kNear))];
    case 1:
      return kNear[random.below(std::size(kNear))] + random.below(3) - 1;
    case 2:
      return random.next_u64() >> random.below(64);
    default:
      return random.below(64);
  }
}

constexpr std::uint32_t kCallsEnd = 457;  // beyond it versions of libseccomp differ

std::size_t compare(const runtime::Seccomp& filter, int samples) {
  auto theirs = native::compile_seccomp(filter);
  auto ours = compile_seccomp(filter);
  REQUIRE(theirs.ok());
  REQUIRE(ours.ok());
  const auto reference = decode(*theirs);
  SeededRandom random(7);
  std::size_t compared = 0;
  for (std::uint32_t number = 0; number < kCallsEnd; ++number) {
    for (int n = 0; n < samples; ++n) {
      SystemCall call;
      call.number = number;
      for (auto& argument : call.arguments) argument = sample(random);
      const std::uint32_t expected = run(reference, call);
      const std::uint32_t got = run(*ours, call);
      if (got != expected)
        FAIL("call " << number << " argument " << call.arguments[0] << ": " << got << " for " << expected);
      ++compared;
    }
  }
  return compared;
}

runtime::SeccompRule rule(std::string name, runtime::SeccompAction action,
                          std::vector<runtime::SeccompArgument> arguments) {
  return {{std::move(name)}, action, std::nullopt, std::move(arguments)};
}

}  // namespace

TEST_CASE("the default profile answers every call as libseccomp's filter does") {
  const std::vector<std::string> docker = {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_NET_RAW", "CAP_SYS_CHROOT"};
  for (const auto& capabilities : {docker,
                                   std::vector<std::string>{},
                                   {"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"},
                                   {"CAP_SYS_BOOT", "CAP_SYS_TIME", "CAP_SYSLOG", "CAP_BPF", "CAP_SYS_NICE"}}) {
    runtime::SeccompContext context;
    context.capabilities = capabilities;
    context.kernel_major = 6;
    context.kernel_minor = 1;
    CHECK(compare(runtime::default_seccomp(context), 200) == kCallsEnd * 200);
  }
}

TEST_CASE("comparisons of 64-bit arguments answer as libseccomp's do") {
  using runtime::SeccompAction;
  using runtime::SeccompOperator;
  for (const auto op : {SeccompOperator::eq, SeccompOperator::ne, SeccompOperator::lt, SeccompOperator::le,
                        SeccompOperator::gt, SeccompOperator::ge}) {
    for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
      runtime::Seccomp filter;
      filter.default_action = SeccompAction::allow;
      filter.architectures = {"SCMP_ARCH_X86_64"};
      filter.rules = {rule("read", SeccompAction::errno_, {{0, value, 0, op}}),
                      rule("write", SeccompAction::trap, {{0, value, 0, op}, {2, 8, 0, SeccompOperator::ne}})};
      CHECK(compare(filter, 300) > 0);
    }
  }
  runtime::Seccomp masked;
  masked.default_action = SeccompAction::kill_process;
  masked.architectures = {"SCMP_ARCH_X86_64"};
  masked.rules = {rule("clone", SeccompAction::allow, {{0, 0x7e020000, 0, SeccompOperator::masked_eq}}),
                  rule("openat", SeccompAction::log, {{1, 0xff00000000, 0x100000000, SeccompOperator::masked_eq}})};
  CHECK(compare(masked, 500) > 0);
}

TEST_CASE("a call of another architecture ends the thread") {
  auto program = compile_seccomp(runtime::default_seccomp({}));
  REQUIRE(program.ok());
  SystemCall call;
  call.architecture = 0x40000003;  // AUDIT_ARCH_I386
  CHECK(run(*program, call) == 0);
}

}  // namespace drydock::sim
