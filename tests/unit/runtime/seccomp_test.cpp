#include <doctest/doctest.h>

#include "runtime/capability.h"
#include "runtime/seccomp_profile.h"

using namespace drydock;
using namespace drydock::runtime;

namespace {

SeccompContext context_with(std::vector<std::string> more = {}) {
  SeccompContext context;
  context.capabilities = default_capabilities();
  context.capabilities.insert(context.capabilities.end(), more.begin(), more.end());
  context.kernel_major = 6;
  context.kernel_minor = 1;
  return context;
}

const SeccompVerdict kAllowed = {SeccompAction::allow, 0};
const SeccompVerdict kDenied = {SeccompAction::errno_, 1};
const SeccompVerdict kNoSuchCall = {SeccompAction::errno_, 38};

Result<std::optional<Seccomp>> profile(std::string_view json) {
  return parse_seccomp_profile(json, context_with());
}

std::string profile_error(std::string_view json) {
  const auto result = profile(json);
  REQUIRE(!result.ok());
  return result.error().message;
}

}  // namespace

TEST_CASE("the default profile lets ordinary programs through") {
  const Seccomp filter = default_seccomp(context_with());
  std::size_t seen = 0;
  for (const std::string_view call : {"read",
                                      "write",
                                      "openat",
                                      "execve",
                                      "exit_group",
                                      "mmap",
                                      "futex",
                                      "fork",
                                      "vfork",
                                      "wait4",
                                      "chroot",
                                      "mknod",
                                      "setuid",
                                      "socketpair",
                                      "bind",
                                      "epoll_wait",
                                      "io_setup",
                                      "ptrace",
                                      "prctl",
                                      "arch_prctl",
                                      "modify_ldt",
                                      "statx",
                                      "rseq",
                                      "getrandom",
                                      "clock_nanosleep",
                                      "name_to_handle_at",
                                      "seccomp",
                                      "getgid",
                                      "openat2"}) {
    CAPTURE(call);
    CHECK(evaluate(filter, call, {}) == kAllowed);
    ++seen;
  }
  CHECK(seen == 29);
}

TEST_CASE("the default profile refuses what reaches beyond the container") {
  const Seccomp filter = default_seccomp(context_with());
  std::size_t seen = 0;
  for (const std::string_view call :
       {"mount",           "umount2",       "unshare",      "setns",         "bpf",
        "reboot",          "kexec_load",    "init_module",  "delete_module", "open_by_handle_at",
        "perf_event_open", "add_key",       "keyctl",       "request_key",   "swapon",
        "pivot_root",      "syslog",        "settimeofday", "clock_settime", "iopl",
        "io_uring_setup",  "userfaultfd",   "kcmp",         "acct",          "quotactl",
        "mbind",           "nosuchcall",    "vhangup",      "sethostname",   "fsopen",
        "move_mount",      "lookup_dcookie"}) {
    CAPTURE(call);
    CHECK(evaluate(filter, call, {}) == kDenied);
    ++seen;
  }
  CHECK(seen == 32);
}

TEST_CASE("capabilities open the calls that go with them") {
  const std::pair<const char*, const char*> opened[] = {
      {"CAP_SYS_ADMIN", "mount"},
      {"CAP_SYS_ADMIN", "clone3"},
      {"CAP_SYS_BOOT", "reboot"},
      {"CAP_SYS_MODULE", "init_module"},
      {"CAP_SYS_TIME", "settimeofday"},
      {"CAP_SYS_RAWIO", "iopl"},
      {"CAP_SYS_NICE", "mbind"},
      {"CAP_SYSLOG", "syslog"},
      {"CAP_BPF", "bpf"},
      {"CAP_PERFMON", "perf_event_open"},
      {"CAP_SYS_PTRACE", "pidfd_getfd"},
      {"CAP_SYS_PACCT", "acct"},
      {"CAP_SYS_TTY_CONFIG", "vhangup"},
      {"CAP_DAC_READ_SEARCH", "open_by_handle_at"},
  };
  std::size_t seen = 0;
  for (const auto& row : opened) {
    const auto* capability = row.first;
    const auto* call = row.second;
    CAPTURE(call);
    CHECK(evaluate(default_seccomp(context_with()), call, {}) != kAllowed);
    CHECK(evaluate(default_seccomp(context_with({capability})), call, {}) == kAllowed);
    ++seen;
  }
  CHECK(seen == 14);
}

TEST_CASE("clone may not make namespaces, clone3 is as if it did not exist") {
  const Seccomp filter = default_seccomp(context_with());
  CHECK(evaluate(filter, "clone", {0x11}) == kAllowed);        // SIGCHLD
  CHECK(evaluate(filter, "clone", {0x003d0f00}) == kAllowed);  // a thread
  std::size_t seen = 0;
  for (const std::uint64_t flag :
       {0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000}) {
    CHECK(evaluate(filter, "clone", {flag | 0x11}) == kDenied);
    ++seen;
  }
  CHECK(seen == 7);
  CHECK(evaluate(filter, "clone3", {}) == kNoSuchCall);
  const Seccomp admin = default_seccomp(context_with({"CAP_SYS_ADMIN"}));
  CHECK(evaluate(admin, "clone", {0x10000000}) == kAllowed);
}

TEST_CASE("personality takes five values only") {
  const Seccomp filter = default_seccomp(context_with());
  for (const std::uint64_t persona : {std::uint64_t{0}, std::uint64_t{8}, std::uint64_t{0x20000},
                                      std::uint64_t{0x20008}, std::uint64_t{0xffffffff}}) {
    CHECK(evaluate(filter, "personality", {persona}) == kAllowed);
  }
  CHECK(evaluate(filter, "personality", {0x40000}) == kDenied);  // ADDR_NO_RANDOMIZE
}

TEST_CASE("sockets of the hypervisor and of the kernel's cryptography are refused, others are not") {
  const Seccomp filter = default_seccomp(context_with());
  for (const std::uint64_t family : {1, 2, 10, 16, 17, 37, 39, 41, 44}) {
    CHECK(evaluate(filter, "socket", {family}) == kAllowed);
  }
  CHECK(evaluate(filter, "socket", {38}) == kDenied);
  CHECK(evaluate(filter, "socket", {40}) == kDenied);
}

TEST_CASE("ptrace needs a kernel on which a tracer cannot bypass the filter") {
  SeccompContext old = context_with();
  old.kernel_major = 4;
  old.kernel_minor = 7;
  CHECK(evaluate(default_seccomp(old), "ptrace", {}) == kDenied);
  old.kernel_minor = 8;
  CHECK(evaluate(default_seccomp(old), "ptrace", {}) == kAllowed);
}

TEST_CASE("the architecture decides on names and on the order of clone's arguments") {
  CHECK(default_seccomp(context_with()).architectures ==
        std::vector<std::string>{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"});
  SeccompContext s390 = context_with();
  s390.architecture = "s390x";
  const Seccomp filter = default_seccomp(s390);
  CHECK(evaluate(filter, "arch_prctl", {}) == kDenied);
  CHECK(evaluate(filter, "clone", {0, 0x10000000}) == kDenied);
  CHECK(evaluate(filter, "clone", {0x10000000, 0}) == kAllowed);
}

TEST_CASE("a profile's rules are kept where their conditions hold") {
  const auto parsed = profile(R"({
    "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5,
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
                {"architecture": "SCMP_ARCH_ARM", "subArchitectures": []}],
    "syscalls": [
      {"names": ["read", "write"], "action": "SCMP_ACT_ALLOW"},
      {"name": "mkdir", "action": "SCMP_ACT_KILL_PROCESS", "comment": "old style"},
      {"names": ["mount"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_SYS_ADMIN"]}},
      {"names": ["kill"], "action": "SCMP_ACT_ALLOW", "excludes": {"caps": ["CAP_KILL"]}},
      {"names": ["tkill"], "action": "SCMP_ACT_ALLOW", "includes": {"arches": ["amd64"], "minKernel": "5.0"}},
      {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"minKernel": "6.2"}},
      {"names": ["acct"], "action": "SCMP_ACT_ALLOW", "excludes": {"minKernel": "6.1"}},
      {"names": ["lseek"], "action": "SCMP_ACT_ALLOW", "args": [
        {"index": 1, "value": 18446744073709551615, "op": "SCMP_CMP_MASKED_EQ", "valueTwo": 7}]}
    ]})");
  REQUIRE(parsed.ok());
  const Seccomp& filter = **parsed;
  CHECK(filter.architectures == std::vector<std::string>{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"});
  CHECK(evaluate(filter, "write", {}) == kAllowed);
  CHECK(evaluate(filter, "mkdir", {}) == SeccompVerdict{SeccompAction::kill_process, 0});
  CHECK(evaluate(filter, "tkill", {}) == kAllowed);
  CHECK(evaluate(filter, "lseek", {0, 7}) == kAllowed);
  for (const std::string_view call : {"mount", "kill", "bpf", "acct", "lseek"}) {
    CHECK(evaluate(filter, call, {}) == SeccompVerdict{SeccompAction::errno_, 5});
  }
}

TEST_CASE("a profile that says nothing means no filter") {
  CHECK(!profile("{}")->has_value());
  CHECK(!profile("null")->has_value());
  CHECK(profile(R"({"defaultAction": "SCMP_ACT_ALLOW"})")->has_value());
}

TEST_CASE("the severest of the rules that match counts") {
  const auto parsed = profile(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
    {"names": ["read"], "action": "SCMP_ACT_LOG"},
    {"names": ["read"], "action": "SCMP_ACT_TRAP", "args": [{"index": 0, "value": 3, "op": "SCMP_CMP_GE"}]}]})");
  CHECK(evaluate(**parsed, "read", {2}).action == SeccompAction::log);
  CHECK(evaluate(**parsed, "read", {3}).action == SeccompAction::trap);
}

TEST_CASE("every comparison of an argument does what its name says") {
  const struct {
    SeccompOperator op;
    bool below, equal, above;
  } table[] = {{SeccompOperator::ne, true, false, true}, {SeccompOperator::lt, true, false, false},
               {SeccompOperator::le, true, true, false}, {SeccompOperator::eq, false, true, false},
               {SeccompOperator::ge, false, true, true}, {SeccompOperator::gt, false, false, true}};
  std::size_t seen = 0;
  for (const auto& row : table) {
    Seccomp filter;
    filter.rules = {{{"read"}, SeccompAction::allow, std::nullopt, {{2, 10, 0, row.op}}}};
    CHECK((evaluate(filter, "read", {0, 0, 9}) == kAllowed) == row.below);
    CHECK((evaluate(filter, "read", {0, 0, 10}) == kAllowed) == row.equal);
    CHECK((evaluate(filter, "read", {0, 0, 11}) == kAllowed) == row.above);
    CHECK(seccomp_operator(seccomp_operator_name(row.op)) == row.op);
    ++seen;
  }
  CHECK(seen == 6);
}

TEST_CASE("a profile that cannot be used is refused in Docker's words") {
  CHECK(profile_error("nonsense").starts_with("Decoding seccomp profile failed: "));
  CHECK(profile("nonsense").error().kind == ErrorKind::internal);
  CHECK(profile_error("[]") == "Decoding seccomp profile failed: not a JSON object");
  CHECK(profile_error(R"({"defaultAction": 1})") ==
        "Decoding seccomp profile failed: json: cannot unmarshal number into Go struct field defaultAction of type "
        "string");
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_NOSUCH"})") ==
        "string SCMP_ACT_NOSUCH is not a valid action for seccomp");
  CHECK(profile(R"({"defaultAction": "SCMP_ACT_NOSUCH"})").error().kind == ErrorKind::invalid_argument);
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_PDP11"]})") ==
        "string SCMP_ARCH_PDP11 is not a valid arch for seccomp");
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
          {"names": ["a"], "action": "SCMP_ACT_ERRNO", "args": [{"op": "SCMP_CMP_ODD"}]}]})") ==
        "string SCMP_CMP_ODD is not a valid operator for seccomp");
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
          {"names": ["a"], "action": "SCMP_ACT_ERRNO", "args": [{"index": 6, "op": "SCMP_CMP_EQ"}]}]})") ==
        "seccomp: argument index 6 is out of range");
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
          {"name": "a", "names": ["b"], "action": "SCMP_ACT_ERRNO"}]})") ==
        "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'");
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86"],
                          "archMap": [{"architecture": "SCMP_ARCH_X86_64"}]})")
            .starts_with("both 'architectures' and 'archMap' are specified"));
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
          {"names": ["a"], "action": "SCMP_ACT_ERRNO", "includes": {"minKernel": "4.x"}}]})") ==
        "Decoding seccomp profile failed: invalid kernel version: \"4.x\", expected \"<kernel>.<major>\"");
  CHECK(profile_error(R"({"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 5000})") ==
        "seccomp: defaultErrnoRet 5000 is out of range");
  CHECK(profile(R"({"defaultAction": "SCMP_ACT_NOTIFY"})").error().kind == ErrorKind::not_implemented);
}

TEST_CASE("action names go both ways, KILL being the old word for KILL_THREAD") {
  CHECK(seccomp_action("SCMP_ACT_KILL") == SeccompAction::kill_thread);
  std::size_t seen = 0;
  for (const std::string_view name : {"SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_ERRNO", "SCMP_ACT_TRACE",
                                      "SCMP_ACT_LOG", "SCMP_ACT_ALLOW"}) {
    CHECK(seccomp_action_name(*seccomp_action(name)) == name);
    ++seen;
  }
  CHECK(seen == 6);
  CHECK(!seccomp_action("ALLOW").has_value());
}
