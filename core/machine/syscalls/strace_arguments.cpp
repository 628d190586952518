// One argument by its kind, as strace(1) prints it.

#include "machine/syscalls/strace_arguments.h"

#include <algorithm>

#include "base/text.h"
#include "machine/syscalls/strace_values.h"

namespace drydock::machine {
namespace {

std::string bytes_text(const Call& call, std::uint64_t address, std::uint64_t size) {
  if (address == 0) return "NULL";
  std::string bytes(std::min<std::uint64_t>(size, kStraceTextMax), '\0');
  if (!call.copy_in(address, bytes).ok()) return address_text(address);
  return quoted(bytes, size > kStraceTextMax);
}

std::string hex_bytes_text(const Call& call, std::uint64_t address, std::uint64_t size) {
  std::string bytes(std::min<std::uint64_t>(size, kStraceTextMax), '\0');
  if (!call.copy_in(address, bytes).ok()) return address_text(address);
  std::string text = "\"";
  for (const char byte : bytes) text += concat("\\x", to_hex(std::string_view(&byte, 1)));
  return concat(text, size > kStraceTextMax ? "\"..." : "\"");
}

/// A path is shown as a whole (strace cuts only what is no path), other strings at 32 bytes.
std::string text_at(const Call& call, std::uint64_t address, bool is_path) {
  if (address == 0) return "NULL";
  auto text = call.string(address, kPathBytesMax);
  if (!text.ok()) return address_text(address);
  if (!is_path || text->size() <= kStraceTextMax) return quoted(*text);
  std::string whole = "\"";
  for (std::size_t at = 0; at < text->size(); at += kStraceTextMax) {
    const std::string piece = quoted(text->substr(at, kStraceTextMax));
    whole += piece.substr(1, piece.size() - 2);
  }
  return concat(whole, "\"");
}

/// argv is shown, envp only counted.
std::string strings_text(const Call& call, std::uint64_t address, bool counted) {
  if (address == 0) return "NULL";
  std::string text = "[";
  std::uint64_t count = 0;
  for (;; ++count) {
    auto entry = call.load64(address + count * 8);
    if (!entry.ok() || count > 65536) return address_text(address);
    if (*entry == 0) break;
    if (counted || count > kStraceItemsMax) continue;
    text += count == 0 ? "" : ", ";
    text += count == kStraceItemsMax ? "..." : text_at(call, *entry, false);
  }
  if (counted) return concat(hex_text(address), " /* ", count, count == 1 ? " var */" : " vars */");
  return concat(text, "]");
}

std::string id_text(std::uint32_t id) {
  return id == 0xffffffff ? "-1" : std::to_string(id);
}

std::string at_descriptor_text(std::int32_t fd) {
  return fd == kAtFdCwd ? "AT_FDCWD" : std::to_string(fd);
}

std::string protocol_text(const Call& call) {
  if (call.u32(0) == 16) return value_text(names::netlink_family, call.u32(2), "NETLINK_???");
  if (call.u32(0) != 2 && call.u32(0) != 10) return std::to_string(call.u32(2));
  static constexpr ValueName kProtocols[] = {{0, "IPPROTO_IP"},   {1, "IPPROTO_ICMP"},    {6, "IPPROTO_TCP"},
                                             {17, "IPPROTO_UDP"}, {58, "IPPROTO_ICMPV6"}, {255, "IPPROTO_RAW"}};
  return value_text(kProtocols, call.u32(2), "IPPROTO_???");
}

std::string socket_type_text(std::uint32_t type) {
  std::string text = value_text(names::socket_type, type & 0xf, "SOCK_???");
  if ((type & 02000000) != 0) text += "|SOCK_CLOEXEC";
  if ((type & 04000) != 0) text += "|SOCK_NONBLOCK";
  return text;
}

std::string socket_address_at(const Call& call, std::uint64_t address, std::uint64_t size) {
  if (address == 0) return "NULL";
  std::string bytes(std::min<std::uint64_t>(size, 128), '\0');
  return call.copy_in(address, bytes).ok() ? socket_address_text(bytes) : address_text(address);
}

std::string whole_directory_entries(std::uint64_t address, std::uint64_t count) {
  return concat(hex_text(address), " /* ", count, count == 1 ? " entry */" : " entries */");
}

std::uint64_t count_directory_entries(const Call& call, std::uint64_t address, std::int64_t bytes) {
  std::uint64_t count = 0;
  for (std::int64_t at = 0; at + 18 < bytes; ++count) {
    auto header = call.load32(address + static_cast<std::uint64_t>(at) + 16);
    if (!header.ok() || (*header & 0xffff) == 0) break;
    at += *header & 0xffff;
  }
  return count;
}

/// Kinds whose values have names. Empty: not such a kind.
std::string named_kind_text(const Call& call, Arg kind, int n) {
  const std::uint64_t value = call.u64(n);
  switch (kind) {
    case Arg::access_mode:
      return flags_text(names::access_mode, call.u32(n), "F_OK");
    case Arg::mmap_prot:
      return flags_text(names::protection, value, "PROT_NONE");
    case Arg::mmap_flags:
      return flags_text(names::mmap_flag, value);
    case Arg::clone_flags:
    case Arg::unshare_flags:
      return flags_text(names::clone_flag, value);
    case Arg::mount_flags:
      return flags_text(names::mount_flag, value);
    case Arg::umount_flags:
      return flags_text(names::umount_flag, value);
    case Arg::wait_options:
      return flags_text(names::wait_option, call.u32(n));
    case Arg::whence:
      return value_text(names::whence, call.u32(n), "SEEK_???");
    case Arg::fcntl_command:
      return value_text(names::fcntl, call.u32(n), "F_???");
    case Arg::ioctl_request:
      return value_text(names::ioctl, call.u32(n), "ioctl");
    case Arg::socket_family:
      return value_text(names::socket_family, call.u32(n), "AF_???");
    case Arg::sockopt_level:
      return value_text(names::socket_level, call.u32(n), "SOL_???");
    case Arg::sockopt_name:
      return call.u32(n - 1) == 1 ? value_text(names::socket_option, call.u32(n), "SO_???") : hex_text(call.u32(n));
    case Arg::prctl_option:
      return value_text(names::prctl, call.u32(n), "PR_???");
    case Arg::rlimit_resource:
      return value_text(names::resource, call.u32(n), "RLIMIT_???");
    case Arg::futex_op:
      return value_text(names::futex, call.u32(n) & 0x7f, "FUTEX_???");
    case Arg::at_flags:
      return flags_text(names::at_flag, call.u32(n));
    case Arg::resolve_flags:
      return flags_text(names::resolve_flag, value);
    case Arg::seccomp_op:
      return value_text(names::seccomp_operation, call.u32(n), "SECCOMP_???");
    case Arg::clock_id:
      return value_text(names::clock, call.u32(n), "CLOCK_???");
    default:
      return {};
  }
}

/// Plain numbers. Empty: not such a kind.
std::string number_text(const Call& call, Arg kind, int n) {
  const std::uint64_t value = call.u64(n);
  switch (kind) {
    case Arg::i32:
    case Arg::fd:
    case Arg::pid:
      return std::to_string(call.i32(n));
    case Arg::u32:
      return std::to_string(call.u32(n));
    case Arg::i64:
      return std::to_string(call.i64(n));
    case Arg::u64:
    case Arg::size:
      return std::to_string(value);
    case Arg::hex:
      return hex_text(value);
    case Arg::octal_mode:
      return octal_text(call.u32(n));
    case Arg::dirfd:
      return at_descriptor_text(call.fd(n));
    case Arg::open_flags:
      return open_flags_text(call.u32(n));
    case Arg::signal:
      return signal_text(call.i32(n));
    case Arg::uid:
    case Arg::gid:
      return id_text(call.u32(n));
    case Arg::socket_type:
      return socket_type_text(call.u32(n));
    case Arg::dev: {
      const std::uint64_t major = (value >> 8 & 0xfff) | (value >> 32 & ~std::uint64_t{0xfff});
      return device_text(major, (value & 0xff) | (value >> 12 & ~std::uint64_t{0xff}));
    }
    default:
      return {};
  }
}

/// The few whose kind says less than their place in the call.
std::string named_text(const Call& call, std::uint64_t number, int n) {
  if (number == 14 && n == 0) return value_text(names::signal_mask_how, call.u32(0), "SIG_???");  // rt_sigprocmask
  if ((number == 41 || number == 53) && n == 2) return protocol_text(call);                       // socket, socketpair
  if (number == 318 && n == 2) return flags_text(names::random_flag, call.u32(2));                // getrandom
  const bool sends = number == 44 || number == 45, sends_message = number == 46 || number == 47;
  if ((sends && n == 3) || (sends_message && n == 2)) return flags_text(names::message_flag, call.u32(n));
  const bool has_flags = (number == 293 && n == 1) || (number == 292 && n == 2) || (number == 288 && n == 3);
  if (has_flags) return flags_text(names::open_flag, call.u32(n));                            // pipe2, dup3, accept4
  if ((number == 133 && n == 1) || (number == 259 && n == 2)) return mode_text(call.u32(n));  // mknod, mknodat
  if (number == 48 && n == 1) {                                                               // shutdown
    static constexpr ValueName kHows[] = {{0, "SHUT_RD"}, {1, "SHUT_WR"}, {2, "SHUT_RDWR"}};
    return value_text(kHows, call.u32(1), "SHUT_???");
  }
  return {};
}

}  // namespace

bool is_output(std::uint64_t number, Arg kind, int n) {
  switch (kind) {
    case Arg::buffer_out:
    case Arg::stat_out:
    case Arg::wait_status:
    case Arg::fd_pair:
    case Arg::dirents:
    case Arg::utsname:
      return true;
    case Arg::string:
    case Arg::path:
      return number == 79;  // getcwd
    case Arg::sigaction:
      return n == 2;  // rt_sigaction
    case Arg::sigset:
      return (number == 14 && n == 2) || number == 127;  // rt_sigprocmask, rt_sigpending
    case Arg::timespec:
      return number == 228 || number == 229 || number == 148;  // clock_gettime, clock_getres
    case Arg::timeval:
      return number == 96;  // gettimeofday
    case Arg::rlimit:
      return number == 97 || (number == 302 && n == 3);  // getrlimit, prlimit64
    case Arg::capability_data:
      return number == 125;  // capget
    case Arg::msghdr:
      return number == 47;  // recvmsg
    case Arg::iovec:
      return number == 19 || number == 295 || number == 327;  // readv, preadv, preadv2
    case Arg::sockaddr:                                       // accept, recvfrom, getsockname, getpeername, accept4
      return number == 43 || number == 45 || number == 51 || number == 52 || number == 288;
    default:
      return false;
  }
}

std::string input_text(const Call& call, std::uint64_t number, Arg kind, int n) {
  if (std::string text = named_text(call, number, n); !text.empty()) return text;
  if (std::string text = number_text(call, kind, n); !text.empty()) return text;
  if (std::string text = named_kind_text(call, kind, n); !text.empty()) return text;
  const std::uint64_t address = call.address(n);
  const std::uint64_t next = n < 5 ? call.u64(n + 1) : 0;
  switch (kind) {
    case Arg::path:
      return text_at(call, address, true);
    case Arg::string:
      return text_at(call, address, false);
    case Arg::buffer_in:
      return bytes_text(call, address, next);
    case Arg::argv:
      return strings_text(call, address, false);
    case Arg::envp:
      return strings_text(call, address, true);
    case Arg::sockaddr:
      return socket_address_at(call, address, next);
    case Arg::iovec:
      return io_vectors_text(call, address, next, ~std::uint64_t{0});
    case Arg::msghdr:
      return struct_text(call, kind, address, ~std::uint64_t{0});
    case Arg::pollfds:
      return struct_text(call, kind, address, call.u32(n + 1));
    default:
      return struct_text(call, kind, address, next);
  }
}

std::string output_text(const Call& call, std::uint64_t number, Arg kind, int n, std::int64_t result) {
  const std::uint64_t address = call.address(n);
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(result, 0));
  if (address == 0) return "NULL";
  switch (kind) {
    case Arg::buffer_out:
      return number == 318 ? hex_bytes_text(call, address, count) : bytes_text(call, address, count);
    case Arg::string:
    case Arg::path:
      return text_at(call, address, true);
    case Arg::dirents:
      return whole_directory_entries(address, count_directory_entries(call, address, result));
    case Arg::iovec:
      return io_vectors_text(call, address, n < 5 ? call.u64(n + 1) : 0, count);
    case Arg::msghdr:
      return struct_text(call, kind, address, count);
    case Arg::sockaddr: {
      auto size = n < 5 ? call.load32(call.address(n + 1)) : Result<std::uint32_t, Errno>(Errno::efault);
      return size.ok() ? socket_address_at(call, address, *size) : address_text(address);
    }
    case Arg::i32: {
      auto value = call.load32(address);
      return value.ok() ? concat("[", static_cast<std::int32_t>(*value), "]") : address_text(address);
    }
    case Arg::u64: {
      auto value = call.load64(address);
      return value.ok() ? concat("[", hex_text(*value), "]") : address_text(address);
    }
    case Arg::wait_status:
      if (result <= 0) return address_text(address);  // nobody had changed: nothing was written
      return struct_text(call, kind, address, 0);
    default:
      return struct_text(call, kind, address, 0);
  }
}

}  // namespace drydock::machine
