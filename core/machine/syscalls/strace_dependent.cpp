// Calls whose arguments depend on each other, as strace(1) prints them: fcntl(2), ioctl(2), prctl(2), arch_prctl(2),
// clone(2), clone3(2), openat2(2), seccomp(2), futex(2).

#include "base/text.h"
#include "machine/syscalls/strace_arguments.h"
#include "machine/syscalls/strace_values.h"

namespace drydock::machine {
namespace {

using Arguments = std::vector<DependentArgument>;

DependentArgument plain(int index, std::string text) {
  return {index, Arg::none, std::move(text), false, ""};
}
DependentArgument output(int index, Arg kind, std::string label = "") {
  return {index, kind, "", true, std::move(label)};
}

Arguments fcntl_arguments(const Call& call) {
  const std::uint32_t command = call.u32(1);
  Arguments all{plain(0, std::to_string(call.fd(0))), plain(1, value_text(names::fcntl, command, "F_???"))};
  switch (command) {
    case 1:
    case 3:
    case 9:
    case 11:
    case 1025:
    case 1032:
    case 1034:
      break;  // no argument
    case 2:
      all.push_back(plain(2, call.u64(2) == 1 ? "FD_CLOEXEC" : hex_text(call.u64(2))));
      break;
    case 4:
      all.push_back(plain(2, open_flags_text(call.u32(2))));
      break;
    case 0:
    case 8:
    case 1030:
    case 1031:
      all.push_back(plain(2, std::to_string(call.i32(2))));
      break;
    default:
      all.push_back(plain(2, address_text(call.address(2))));
      break;
  }
  return all;
}

std::string number_at_text(const Call& call, std::uint64_t address) {
  auto value = call.load32(address);
  return value.ok() ? concat("[", static_cast<std::int32_t>(*value), "]") : address_text(address);
}

Arguments ioctl_arguments(const Call& call) {
  const std::uint32_t request = call.u32(1);
  Arguments all{plain(0, std::to_string(call.fd(0))), plain(1, value_text(names::ioctl, request, "ioctl"))};
  switch (request) {
    case 0x5413:
      all.push_back(output(2, Arg::ioctl_request));
      break;  // TIOCGWINSZ
    case 0x5414:
      all.push_back(plain(2, struct_text(call, Arg::ioctl_request, call.address(2), 0)));
      break;      // TIOCSWINSZ
    case 0x5410:  // TIOCSPGRP
    case 0x5421:  // FIONBIO
    case 0x5452:  // FIOASYNC
    case 0x40045431:
      all.push_back(plain(2, number_at_text(call, call.address(2))));
      break;      // TIOCSPTLCK
    case 0x540f:  // TIOCGPGRP
    case 0x5429:  // TIOCGSID
    case 0x541b:  // FIONREAD
    case 0x80045430:
      all.push_back(output(2, Arg::i32));
      break;      // TIOCGPTN
    case 0x5409:  // TCSBRK
    case 0x540a:  // TCXONC
    case 0x540b:  // TCFLSH
    case 0x540e:
      all.push_back(plain(2, std::to_string(call.i32(2))));
      break;      // TIOCSCTTY
    case 0x5422:  // TIOCNOTTY
    case 0x5450:  // FIONCLEX
    case 0x5451:
      break;  // FIOCLEX
    default:
      all.push_back(plain(2, address_text(call.address(2))));
      break;
  }
  return all;
}

std::string ambient_text(std::uint64_t operation) {
  static constexpr ValueName kOperations[] = {{1, "PR_CAP_AMBIENT_IS_SET"},
                                              {2, "PR_CAP_AMBIENT_RAISE"},
                                              {3, "PR_CAP_AMBIENT_LOWER"},
                                              {4, "PR_CAP_AMBIENT_CLEAR_ALL"}};
  return value_text(kOperations, operation, "PR_CAP_AMBIENT_???");
}

Arguments prctl_arguments(const Call& call) {
  const std::uint32_t option = call.u32(0);
  Arguments all{plain(0, value_text(names::prctl, option, "PR_???"))};
  const std::uint64_t value = call.u64(1);
  switch (option) {
    case 3:
    case 7:
    case 21:
    case 27:
    case 30:
      break;  // PR_GET_DUMPABLE, KEEPCAPS, SECCOMP, SECUREBITS, TIMERSLACK
    case 1:
      all.push_back(plain(1, signal_text(static_cast<std::int64_t>(value))));
      break;
    case 15: {
      auto name = call.string(value, 256);
      all.push_back(plain(1, name.ok() ? quoted(*name) : address_text(value)));
      break;
    }
    case 16:
      all.push_back(output(1, Arg::string));
      break;
    case 2:
    case 37:
      all.push_back(output(1, Arg::i32));
      break;
    case 23:
    case 24:
      all.push_back(plain(1, value_text(names::capability, value, "CAP_???")));
      break;
    case 47:
      all.push_back(plain(1, ambient_text(value)));
      all.push_back(
          plain(2, value == 4 ? std::to_string(call.u64(2)) : value_text(names::capability, call.u64(2), "CAP_???")));
      for (int n = 3; n < 5; ++n) all.push_back(plain(n, std::to_string(call.u64(n))));
      break;
    case 38:
    case 39:
      for (int n = 1; n < 5; ++n) all.push_back(plain(n, std::to_string(call.u64(n))));
      break;
    case 4:
    case 8:
    case 28:
    case 29:
    case 36:
      all.push_back(plain(1, std::to_string(value)));
      break;
    default:
      for (int n = 1; n < 5; ++n) all.push_back(plain(n, hex_text(call.u64(n))));
  }
  return all;
}

std::string clone_flags_text(std::uint64_t flags) {
  const std::uint64_t signal = flags & 0xff;
  const std::string text = flags_text(names::clone_flag, flags & ~std::uint64_t{0xff}, "");
  if (signal == 0) return text.empty() ? "0" : text;
  return concat(text, text.empty() ? "" : "|", signal_text(static_cast<std::int64_t>(signal)));
}

Arguments clone_arguments(const Call& call) {
  const std::uint64_t flags = call.u64(0);
  Arguments all{plain(1, concat("child_stack=", address_text(call.address(1)))),
                plain(0, concat("flags=", clone_flags_text(flags)))};
  if ((flags & 0x101000) != 0) all.push_back(output(2, Arg::i32, (flags & 0x1000) != 0 ? "pidfd=" : "parent_tid="));
  if ((flags & 0x80000) != 0) all.push_back(plain(4, concat("tls=", hex_text(call.address(4)))));
  if ((flags & 0x1200000) != 0) all.push_back(plain(3, concat("child_tidptr=", address_text(call.address(3)))));
  return all;
}

Arguments clone3_arguments(const Call& call) {
  std::string raw(64, '\0');
  const std::string size = std::to_string(call.u64(1));
  if (call.u64(1) < raw.size() || !call.copy_in(call.address(0), raw).ok())
    return {plain(0, address_text(call.address(0))), plain(1, size)};
  const StructReader fields(std::move(raw));
  std::string text = concat("{flags=", flags_text(names::clone_flag, fields.u64(0)));
  if (fields.u64(16) != 0) text += concat(", child_tid=", hex_text(fields.u64(16)));
  if (fields.u64(24) != 0) text += concat(", parent_tid=", hex_text(fields.u64(24)));
  text += concat(", exit_signal=", fields.u64(32) == 0 ? "0" : signal_text(static_cast<std::int64_t>(fields.u64(32))),
                 ", stack=", address_text(fields.u64(40)), ", stack_size=", hex_text(fields.u64(48)));
  if (fields.u64(56) != 0) text += concat(", tls=", hex_text(fields.u64(56)));
  return {plain(0, concat(text, "}")), plain(1, size)};
}

Arguments arch_prctl_arguments(const Call& call) {
  const bool gets = call.u32(0) == 0x1003 || call.u32(0) == 0x1004;
  return {plain(0, value_text(names::arch_prctl, call.u32(0), "ARCH_???")),
          gets ? output(1, Arg::u64) : plain(1, hex_text(call.address(1)))};
}

Arguments seccomp_arguments(const Call& call) {
  Arguments all{plain(0, value_text(names::seccomp_operation, call.u32(0), "SECCOMP_???")),
                plain(1, hex_text(call.u32(1)))};
  std::string raw(16, '\0');
  if (call.u32(0) == 1 && call.copy_in(call.address(2), raw).ok()) {
    const StructReader program(std::move(raw));
    all.push_back(plain(2, concat("{len=", program.u16(0), ", filter=", hex_text(program.u64(8)), "}")));
  } else {
    all.push_back(plain(2, address_text(call.address(2))));
  }
  return all;
}

Arguments openat2_arguments(const Call& call) {
  Arguments all{plain(0, call.fd(0) == kAtFdCwd ? "AT_FDCWD" : std::to_string(call.fd(0))),
                plain(1, input_text(call, 437, Arg::path, 1))};
  std::string raw(24, '\0');
  if (call.u64(3) < raw.size() || !call.copy_in(call.address(2), raw).ok()) {
    all.push_back(plain(2, address_text(call.address(2))));
  } else {
    const StructReader how(std::move(raw));
    std::string text = concat("{flags=", open_flags_text(how.u64(0)));
    if (how.u64(8) != 0 || (how.u64(0) & 0100) != 0) text += concat(", mode=", octal_text(how.u64(8)));
    all.push_back(plain(2, concat(text, ", resolve=", flags_text(names::resolve_flag, how.u64(16)), "}")));
  }
  all.push_back(plain(3, std::to_string(call.u64(3))));
  return all;
}

Arguments futex_arguments(const Call& call) {
  const std::uint32_t operation = call.u32(1);
  std::string name = value_text(names::futex, operation & 0x7f, "FUTEX_???");
  if ((operation & 0x80) != 0) name += "_PRIVATE";
  if ((operation & 0x100) != 0) name += "|FUTEX_CLOCK_REALTIME";
  Arguments all{plain(0, address_text(call.address(0))), plain(1, name), plain(2, std::to_string(call.u32(2)))};
  const std::uint32_t plain_operation = operation & 0x7f;
  if (plain_operation == 0 || plain_operation == 9)
    all.push_back(plain(3, struct_text(call, Arg::timespec, call.address(3), 0)));
  if (plain_operation == 9) {
    all.push_back(plain(4, "NULL"));
    all.push_back(plain(5, call.u32(5) == 0xffffffff ? "FUTEX_BITSET_MATCH_ANY" : hex_text(call.u32(5))));
  }
  return all;
}

}  // namespace

std::vector<DependentArgument> dependent_arguments(const Call& call, std::uint64_t number) {
  switch (number) {
    case 16:
      return ioctl_arguments(call);
    case 56:
      return clone_arguments(call);
    case 72:
      return fcntl_arguments(call);
    case 157:
      return prctl_arguments(call);
    case 158:
      return arch_prctl_arguments(call);
    case 202:
      return futex_arguments(call);
    case 317:
      return seccomp_arguments(call);
    case 435:
      return clone3_arguments(call);
    case 437:
      return openat2_arguments(call);
    default:
      return {};
  }
}

}  // namespace drydock::machine
