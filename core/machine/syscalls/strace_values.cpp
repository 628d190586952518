// Single values as strace(1) prints them.

#include "machine/syscalls/strace_values.h"

#include "base/text.h"

namespace drydock::machine {
namespace {

void append_escaped(std::string& out, unsigned char c, unsigned char next, bool is_last) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\v':
      out += "\\v";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\r':
      out += "\\r";
      return;
    default:
      break;
  }
  if (c >= ' ' && c < 127) {
    out += static_cast<char>(c);
    return;
  }
  // The shortest octal form that the next character cannot be taken for a part of.
  const bool digit_follows = !is_last && next >= '0' && next <= '9';
  out += '\\';
  if (digit_follows || c >= 0100) out += static_cast<char>('0' + (c >> 6));
  if (digit_follows || c >= 010) out += static_cast<char>('0' + (c >> 3 & 7));
  out += static_cast<char>('0' + (c & 7));
}

}  // namespace

std::string address_text(std::uint64_t address) {
  return address == 0 ? "NULL" : hex_text(address);
}

std::string hex_text(std::uint64_t value) {
  return value == 0 ? "0" : concat("0x", hex_digits(value));
}

std::string octal_text(std::uint64_t value) {
  std::string digits;
  for (; value != 0; value >>= 3) digits.insert(digits.begin(), static_cast<char>('0' + (value & 7)));
  return concat("0", digits);
}

std::string quoted(std::string_view bytes, bool more) {
  const std::string_view shown = bytes.substr(0, kStraceTextMax);
  more = more || shown.size() < bytes.size();
  std::string out = "\"";
  for (std::size_t at = 0; at < shown.size(); ++at) {
    const bool is_last = at + 1 == shown.size();
    append_escaped(out, static_cast<unsigned char>(shown[at]), is_last ? 0 : static_cast<unsigned char>(shown[at + 1]),
                   is_last);
  }
  return concat(out, more ? "\"..." : "\"");
}

std::string mode_text(std::uint32_t mode) {
  static constexpr ValueName kTypes[] = {{0140000, "S_IFSOCK"}, {0120000, "S_IFLNK"}, {0100000, "S_IFREG"},
                                         {0060000, "S_IFBLK"},  {0040000, "S_IFDIR"}, {0020000, "S_IFCHR"},
                                         {0010000, "S_IFIFO"}};
  static constexpr ValueName kBits[] = {{04000, "S_ISUID"}, {02000, "S_ISGID"}, {01000, "S_ISVTX"}};
  std::string text(name_of(kTypes, mode & 0170000));
  for (const ValueName& bit : kBits)
    if ((mode & bit.value) != 0) text += concat(text.empty() ? "" : "|", bit.name);
  std::string permissions = octal_text(mode & 0777);
  while (permissions.size() < 3) permissions.insert(permissions.begin(), '0');
  return concat(text, text.empty() ? "" : "|", permissions);
}

std::string device_text(std::uint64_t major, std::uint64_t minor) {
  return concat("makedev(", hex_text(major), ", ", hex_text(minor), ")");
}

std::string signal_set_text(SignalSet set) {
  int members = 0;
  for (int signal = 1; signal <= kSignalMax; ++signal) members += (set & signal_bit(signal)) != 0 ? 1 : 0;
  const bool inverted = members * 3 >= kSignalMax * 2;
  std::string text = inverted ? "~[" : "[";
  bool first = true;
  for (int signal = 1; signal <= kSignalMax; ++signal) {
    if (((set & signal_bit(signal)) != 0) == inverted) continue;
    text += concat(first ? "" : " ", signal_short_name(signal));
    first = false;
  }
  return concat(text, "]");
}

std::string wait_status_text(std::uint32_t status) {
  if (status == 0xffff) return "{WIFCONTINUED(s)}";
  if ((status & 0xff) == 0x7f) return concat("{WIFSTOPPED(s) && WSTOPSIG(s) == ", signal_text(status >> 8 & 0xff), "}");
  if ((status & 0x7f) == 0) return concat("{WIFEXITED(s) && WEXITSTATUS(s) == ", status >> 8 & 0xff, "}");
  return concat("{WIFSIGNALED(s) && WTERMSIG(s) == ", signal_text(status & 0x7f),
                (status & 0x80) != 0 ? " && WCOREDUMP(s)}" : "}");
}

std::string open_flags_text(std::uint64_t flags) {
  static constexpr std::string_view kModes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
  const std::string rest = flags_text(names::open_flag, flags & ~std::uint64_t{3}, "");
  return concat(kModes[flags & 3], rest.empty() ? "" : "|", rest);
}

std::string value_text(ValueNames values, std::uint64_t value, std::string_view unknown) {
  const std::string_view name = name_of(values, value);
  return name.empty() ? concat(hex_text(value), " /* ", unknown, " */") : std::string(name);
}

std::string error_text(Errno code) {
  std::string text(to_string(code));
  if (code == Errno::estale) text = "stale file handle";  // glibc's words differ from Go's here only
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return concat("-1 ", symbol(code), " (", text, ")");
}

std::string capability_set_text(std::uint32_t bits, int first) {
  if (bits == 0) return "0";
  std::string text;
  std::uint32_t unknown = 0;
  for (int bit = 0; bit < 32; ++bit) {
    if ((bits >> bit & 1) == 0) continue;
    const std::string_view name = name_of(names::capability, static_cast<std::uint64_t>(first + bit));
    if (name.empty()) {
      unknown |= std::uint32_t{1} << bit;
      continue;
    }
    text += concat(text.empty() ? "" : "|", "1<<", name);
  }
  if (unknown != 0) text += concat(text.empty() ? "" : "|", hex_text(unknown));
  return text;
}

std::string limit_text(std::uint64_t value, std::string_view infinity) {
  if (value == ~std::uint64_t{0}) return std::string(infinity);
  if (value > 1024 && value % 1024 == 0) return concat(value / 1024, "*1024");
  return std::to_string(value);
}

}  // namespace drydock::machine
