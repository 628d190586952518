// Structs in the guest's memory as strace(1) prints them. stat(2), sigaction(2), socket(7), poll(2), capget(2).

#include <algorithm>

#include "base/text.h"
#include "machine/syscalls/strace_arguments.h"
#include "machine/syscalls/strace_values.h"

namespace drydock::machine {
namespace {

Result<StructReader, Errno> read_struct(const Call& call, std::uint64_t address, std::size_t bytes) {
  std::string raw(bytes, '\0');
  TRY(call.copy_in(address, raw));
  return StructReader(std::move(raw));
}

std::string stat_text(const StructReader& raw) {
  const std::uint32_t mode = raw.u32(24);
  const std::uint32_t type = mode & 0170000;
  const std::uint64_t device = raw.u64(40);
  const std::uint64_t major = (device >> 8 & 0xfff) | (device >> 32 & ~std::uint64_t{0xfff});
  const std::uint64_t minor = (device & 0xff) | (device >> 12 & ~std::uint64_t{0xff});
  const std::string rest = type == 0020000 || type == 0060000 ? concat("st_rdev=", device_text(major, minor))
                                                              : concat("st_size=", raw.u64(48));
  return concat("{st_mode=", mode_text(mode), ", ", rest, ", ...}");
}

std::string signal_action_text(const StructReader& raw) {
  const std::uint64_t handler = raw.u64(0);
  const std::uint64_t flags = raw.u64(8);
  const std::string handler_text = handler == 0   ? std::string("SIG_DFL")
                                   : handler == 1 ? std::string("SIG_IGN")
                                                  : hex_text(handler);
  std::string text =
      concat((flags & 4) != 0 ? "{sa_sigaction=" : "{sa_handler=", handler_text,
             ", sa_mask=", signal_set_text(raw.u64(24)), ", sa_flags=", flags_text(names::signal_action_flag, flags));
  if ((flags & 0x04000000) != 0) text += concat(", sa_restorer=", hex_text(raw.u64(16)));
  return concat(text, "}");
}

std::string time_text(const StructReader& raw, std::string_view fraction) {
  return concat("{tv_sec=", static_cast<std::int64_t>(raw.u64(0)), ", ", fraction, "=",
                static_cast<std::int64_t>(raw.u64(8)), "}");
}

std::string poll_descriptors_text(const Call& call, std::uint64_t address, std::uint64_t count) {
  std::string text = "[";
  const std::uint64_t shown = std::min<std::uint64_t>(count, kStraceItemsMax);
  for (std::uint64_t n = 0; n < shown; ++n) {
    auto raw = read_struct(call, address + n * 8, 8);
    if (!raw.ok()) return address_text(address);
    text += concat(n == 0 ? "" : ", ", "{fd=", static_cast<std::int32_t>(raw->u32(0)),
                   ", events=", flags_text(names::poll, raw->u16(4)), "}");
  }
  return concat(text, shown < count ? ", ...]" : "]");
}

std::string capability_data_text(const Call& call, std::uint64_t address) {
  auto low = read_struct(call, address, 24);
  if (!low.ok()) return address_text(address);
  std::string text;
  static constexpr std::string_view kNames[] = {"effective", "permitted", "inheritable"};
  for (std::size_t set = 0; set < 3; ++set) {
    const std::uint32_t first = low->u32(set * 4), second = low->u32(12 + set * 4);
    std::string bits = capability_set_text(first, 0);
    if (second != 0) bits = concat(first == 0 ? "" : concat(bits, "|"), capability_set_text(second, 32));
    text += concat(set == 0 ? "{" : ", ", kNames[set], "=", bits);
  }
  return concat(text, "}");
}

std::string inet_text(std::string_view four) {
  std::string text;
  for (const char byte : four) text += concat(text.empty() ? "" : ".", static_cast<unsigned char>(byte));
  return text;
}

/// RFC 5952: the longest run of zero groups (two or more) is "::".
std::string inet6_text(const StructReader& raw, std::size_t offset) {
  std::array<std::uint16_t, 8> groups;
  for (std::size_t n = 0; n < 8; ++n) {
    const std::uint16_t swapped = raw.u16(offset + n * 2);
    groups[n] = static_cast<std::uint16_t>(swapped >> 8 | swapped << 8);
  }
  std::size_t best = 8, best_length = 1;
  for (std::size_t at = 0; at < 8; ++at) {
    std::size_t length = 0;
    while (at + length < 8 && groups[at + length] == 0) ++length;
    if (length > best_length) {
      best = at;
      best_length = length;
    }
  }
  std::string text;
  for (std::size_t at = 0; at < 8;) {
    if (at == best) {
      text += "::";
      at += best_length;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    text += hex_digits(groups[at++]);
  }
  return text;
}

std::string message_text(const Call& call, std::uint64_t address, std::uint64_t bytes_max) {
  auto raw = read_struct(call, address, 56);
  if (!raw.ok()) return address_text(address);
  std::string name = address_text(raw->u64(0));
  std::string bytes(std::min<std::uint32_t>(raw->u32(8), 128), '\0');
  if (raw->u64(0) != 0 && call.copy_in(raw->u64(0), bytes).ok()) name = socket_address_text(bytes);
  return concat("{msg_name=", name, ", msg_namelen=", raw->u32(8),
                ", msg_iov=", io_vectors_text(call, raw->u64(16), raw->u64(24), bytes_max),
                ", msg_iovlen=", raw->u64(24), ", msg_controllen=", raw->u64(40),
                ", msg_flags=", flags_text(names::message_flag, raw->u32(48)), "}");
}

/// The only struct that ioctl(2) shows: struct winsize of TIOCGWINSZ and TIOCSWINSZ.
std::string window_size_text(const Call& call, std::uint64_t address) {
  auto size = call.load64(address);
  if (!size.ok()) return address_text(address);
  return concat("{ws_row=", *size & 0xffff, ", ws_col=", *size >> 16 & 0xffff, ", ws_xpixel=", *size >> 32 & 0xffff,
                ", ws_ypixel=", *size >> 48, "}");
}

/// struct sockaddr_un: sun_path may be abstract, and need not end in a NUL.
std::string unix_path_text(std::string_view path) {
  if (!path.empty() && path[0] == '\0') return concat("@", quoted(path.substr(1)));
  return quoted(path.substr(0, path.find('\0')));
}

}  // namespace

std::string socket_address_text(std::string_view bytes) {
  const StructReader raw{std::string(bytes)};
  if (bytes.size() < 2) return quoted(bytes);
  const std::uint16_t family = raw.u16(0);
  const std::string head = concat("{sa_family=", value_text(names::socket_family, family, "AF_???"));
  const auto port = bytes.size() >= 4 ? static_cast<std::uint16_t>(raw.u16(2) >> 8 | raw.u16(2) << 8) : 0;
  if (family == 1 && bytes.size() > 2) return concat(head, ", sun_path=", unix_path_text(bytes.substr(2)), "}");
  if (family == 2 && bytes.size() >= 8)
    return concat(head, ", sin_port=htons(", port, "), sin_addr=inet_addr(\"", inet_text(bytes.substr(4, 4)), "\")}");
  if (family == 10 && bytes.size() >= 24)
    return concat(head, ", sin6_port=htons(", port, "), sin6_flowinfo=htonl(", raw.u32(4), "), inet_pton(AF_INET6, \"",
                  inet6_text(raw, 8), "\", &sin6_addr), sin6_scope_id=", raw.u32(24), "}");
  if (family == 16 && bytes.size() >= 12) {
    std::string groups = hex_digits(raw.u32(8));
    groups.insert(0, 8 - std::min<std::size_t>(8, groups.size()), '0');
    return concat(head, ", nl_pid=", raw.u32(4), ", nl_groups=", groups, "}");
  }
  return bytes.size() == 2 ? concat(head, "}") : concat(head, ", sa_data=", quoted(bytes.substr(2)), "}");
}

std::string io_vectors_text(const Call& call, std::uint64_t address, std::uint64_t count, std::uint64_t bytes_max) {
  if (address == 0) return "NULL";
  std::string text = "[";
  const std::uint64_t shown = std::min<std::uint64_t>(count, kStraceItemsMax);
  for (std::uint64_t n = 0; n < shown; ++n) {
    auto raw = read_struct(call, address + n * 16, 16);
    if (!raw.ok()) return address_text(address);
    const std::uint64_t length = raw->u64(8);
    const std::uint64_t filled = std::min(length, bytes_max);
    bytes_max -= filled;
    std::string bytes(std::min<std::uint64_t>(filled, kStraceTextMax + 1), '\0');
    const std::string base = call.copy_in(raw->u64(0), bytes).ok() ? quoted(bytes) : address_text(raw->u64(0));
    text += concat(n == 0 ? "" : ", ", "{iov_base=", base, ", iov_len=", length, "}");
  }
  return concat(text, shown < count ? ", ...]" : "]");
}

std::string struct_text(const Call& call, Arg kind, std::uint64_t address, std::uint64_t size) {
  if (address == 0) return "NULL";
  switch (kind) {
    case Arg::pollfds:
      return poll_descriptors_text(call, address, size);
    case Arg::capability_data:
      return capability_data_text(call, address);
    case Arg::msghdr:
      return message_text(call, address, size);
    case Arg::ioctl_request:
      return window_size_text(call, address);
    default:
      break;
  }
  static constexpr struct {
    Arg kind;
    std::size_t bytes;
  } kSizes[] = {{Arg::stat_out, 144}, {Arg::sigaction, 32},       {Arg::sigset, 8},  {Arg::timespec, 16},
                {Arg::timeval, 16},   {Arg::rlimit, 16},          {Arg::fd_pair, 8}, {Arg::wait_status, 4},
                {Arg::utsname, 390},  {Arg::capability_header, 8}};
  const auto* known =
      std::find_if(std::begin(kSizes), std::end(kSizes), [&](auto& entry) { return entry.kind == kind; });
  if (known == std::end(kSizes)) return address_text(address);
  auto raw = read_struct(call, address, known->bytes);
  if (!raw.ok()) return address_text(address);
  switch (kind) {
    case Arg::stat_out:
      return stat_text(*raw);
    case Arg::sigaction:
      return signal_action_text(*raw);
    case Arg::sigset:
      return signal_set_text(raw->u64(0));
    case Arg::timespec:
      return time_text(*raw, "tv_nsec");
    case Arg::timeval:
      return time_text(*raw, "tv_usec");
    case Arg::rlimit:
      return concat("{rlim_cur=", limit_text(raw->u64(0), "RLIM64_INFINITY"),
                    ", rlim_max=", limit_text(raw->u64(8), "RLIM64_INFINITY"), "}");
    case Arg::fd_pair:
      return concat("[", static_cast<std::int32_t>(raw->u32(0)), ", ", static_cast<std::int32_t>(raw->u32(4)), "]");
    case Arg::wait_status:
      return concat("[", wait_status_text(raw->u32(0)), "]");
    case Arg::capability_header:
      return concat("{version=", raw->u32(0) == 0x20080522 ? "_LINUX_CAPABILITY_VERSION_3" : hex_text(raw->u32(0)),
                    ", pid=", static_cast<std::int32_t>(raw->u32(4)), "}");
    case Arg::utsname: {
      auto system = call.string(address, 65), node = call.string(address + 65, 65);
      if (!system.ok() || !node.ok()) return address_text(address);
      return concat("{sysname=", quoted(*system), ", nodename=", quoted(*node), ", ...}");
    }
    default:
      return address_text(address);
  }
}

}  // namespace drydock::machine
