// struct bpf_cgroup_dev_ctx: access_type (low half the type, high half the access), major, minor. Source: linux/bpf.h.

#include "native/runtime/device_program.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

#include <cstring>

#include "native/kernel/fd.h"

namespace drydock::native {

namespace {

enum Register : std::uint8_t { r0 = 0, r1 = 1, r2 = 2, r3 = 3, r4 = 4, r5 = 5 };
// Loaded once: r2 type, r3 access, r4 major, r5 minor.
constexpr std::uint8_t kLoadWord = BPF_LDX | BPF_MEM | BPF_W;

constexpr std::uint8_t pair(Register destination, Register source = r0) {
  return static_cast<std::uint8_t>(destination | source << 4);
}

BpfInstruction move_immediate(Register to, std::int32_t value) {
  return {BPF_ALU | BPF_MOV | BPF_K, pair(to), 0, value};
}

BpfInstruction return_now() {
  return {BPF_JMP | BPF_EXIT, 0, 0, 0};
}

std::int32_t access_bits(const std::string& access) {
  std::int32_t bits = 0;
  for (const char c : access) {
    if (c == 'r') bits |= BPF_DEVCG_ACC_READ;
    if (c == 'w') bits |= BPF_DEVCG_ACC_WRITE;
    if (c == 'm') bits |= BPF_DEVCG_ACC_MKNOD;
  }
  return bits;
}

/// The instructions of one rule; what does not match jumps behind them.
std::vector<BpfInstruction> compile_rule(const runtime::DeviceRule& rule) {
  std::vector<BpfInstruction> code;
  std::vector<std::size_t> leave;  // jumps that go to the end
  const auto leave_unless_equal = [&](Register value, std::int32_t wanted) {
    leave.push_back(code.size());
    code.push_back({BPF_JMP32 | BPF_JNE | BPF_K, pair(value), 0, wanted});
  };
  if (rule.type == 'c') leave_unless_equal(r2, BPF_DEVCG_DEV_CHAR);
  if (rule.type == 'b') leave_unless_equal(r2, BPF_DEVCG_DEV_BLOCK);
  const std::int32_t bits = access_bits(rule.access);
  constexpr std::int32_t kAll = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
  if (bits != kAll) {
    code.push_back({BPF_ALU | BPF_MOV | BPF_X, pair(r1, r3), 0, 0});
    code.push_back({BPF_ALU | BPF_AND | BPF_K, pair(r1), 0, rule.allow ? ~bits : bits});
    leave.push_back(code.size());
    // Allowing: something is asked beyond the rule. Refusing: nothing of the rule is asked.
    code.push_back({static_cast<std::uint8_t>(BPF_JMP32 | (rule.allow ? BPF_JNE : BPF_JEQ) | BPF_K), pair(r1), 0, 0});
  }
  if (rule.major && *rule.major >= 0) leave_unless_equal(r4, static_cast<std::int32_t>(*rule.major));
  if (rule.minor && *rule.minor >= 0) leave_unless_equal(r5, static_cast<std::int32_t>(*rule.minor));
  code.push_back(move_immediate(r0, rule.allow ? 1 : 0));
  code.push_back(return_now());
  for (const std::size_t at : leave) code[at].offset = static_cast<std::int16_t>(code.size() - at - 1);
  return code;
}

bool matches_everything(const runtime::DeviceRule& rule) {
  return rule.type != 'c' && rule.type != 'b' && !rule.major && !rule.minor && access_bits(rule.access) == 7;
}

long bpf(int command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof(attributes));
}

Result<Fd, SysError> load_program(const std::vector<BpfInstruction>& code) {
  static_assert(sizeof(BpfInstruction) == sizeof(bpf_insn));
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<std::uintptr_t>(code.data());
  attributes.insn_cnt = static_cast<std::uint32_t>(code.size());
  attributes.license = reinterpret_cast<std::uintptr_t>("MIT");
  const long fd = bpf(BPF_PROG_LOAD, attributes);
  if (fd < 0) return last_error("bpf(BPF_PROG_LOAD)");
  return Fd(static_cast<int>(fd));
}

constexpr std::uint32_t kAttachedMax = 16;

/// The programs that an earlier call attached: they would go on refusing beside the new one.
std::vector<std::uint32_t> attached_programs(const Fd& directory) {
  std::vector<std::uint32_t> ids(kAttachedMax);
  bpf_attr attributes{};
  attributes.query.target_fd = static_cast<std::uint32_t>(directory.get());
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  attributes.query.prog_cnt = kAttachedMax;
  ids.resize(bpf(BPF_PROG_QUERY, attributes) < 0 ? 0 : attributes.query.prog_cnt);
  return ids;
}

void detach_program(const Fd& directory, std::uint32_t id) {
  bpf_attr by_id{};
  by_id.prog_id = id;
  const Fd program(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, by_id)));
  if (!program) return;
  bpf_attr attributes{};
  attributes.target_fd = static_cast<std::uint32_t>(directory.get());
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  bpf(BPF_PROG_DETACH, attributes);
}

}  // namespace

std::vector<BpfInstruction> compile_device_rules(const std::vector<runtime::DeviceRule>& rules) {
  std::vector<BpfInstruction> code = {
      {kLoadWord, pair(r2, r1), 0, 0},                   // access and type
      {BPF_ALU | BPF_MOV | BPF_X, pair(r3, r2), 0, 0},   //
      {BPF_ALU | BPF_AND | BPF_K, pair(r2), 0, 0xffff},  // the low half: type
      {BPF_ALU | BPF_RSH | BPF_K, pair(r3), 0, 16},      // the high half: access
      {kLoadWord, pair(r4, r1), 4, 0},                   // major
      {kLoadWord, pair(r5, r1), 8, 0},                   // minor
  };
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    const auto part = compile_rule(*rule);
    code.insert(code.end(), part.begin(), part.end());
    // Nothing behind an unconditional rule can be reached, and the verifier refuses unreachable code.
    if (matches_everything(*rule)) return code;
  }
  code.push_back(move_immediate(r0, 0));
  code.push_back(return_now());
  return code;
}

Result<void> attach_device_program(const std::string& cgroup_directory, const std::vector<runtime::DeviceRule>& rules) {
  auto directory = open_file(cgroup_directory, O_RDONLY | O_DIRECTORY);
  if (!directory.ok()) return Error(directory.error());
  const auto program = load_program(compile_device_rules(rules));
  if (!program.ok()) return with_context("failed to set device rules", Error(program.error()));
  const auto earlier = attached_programs(*directory);
  bpf_attr attributes{};
  attributes.target_fd = static_cast<std::uint32_t>(directory->get());
  attributes.attach_bpf_fd = static_cast<std::uint32_t>(program->get());
  attributes.attach_type = BPF_CGROUP_DEVICE;
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (bpf(BPF_PROG_ATTACH, attributes) < 0) {
    return with_context("failed to set device rules", Error(last_error("bpf(BPF_PROG_ATTACH)", cgroup_directory)));
  }
  // The new one is in force before the old ones go: there is no moment without rules.
  for (const std::uint32_t id : earlier) detach_program(*directory, id);
  return {};
}

}  // namespace drydock::native
