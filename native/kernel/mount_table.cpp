#include "native/kernel/mount_table.h"

#include <algorithm>

namespace drydock::native {

namespace {

constexpr std::size_t kMountTableMax = std::size_t{64} << 20;

/// Space, tab, newline and backslash come as "\040" and the like.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      if (const auto code = parse_unsigned(text.substr(i + 1, 3), 8)) {
        out.push_back(static_cast<char>(*code));
        i += 3;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

}  // namespace

std::vector<MountEntry> parse_mount_info(std::string_view text) {
  std::vector<MountEntry> entries;
  for (const auto& line : split(text, '\n')) {
    const auto fields = split(line, ' ');
    // Fields 4 and 5 are root and mount point; type, source and super options follow the separator "-".
    const auto separator = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 10 || fields.end() - separator < 4) continue;
    entries.push_back({unescape(fields[3]), unescape(fields[4]), separator[1], separator[3]});
  }
  return entries;
}

Result<std::vector<MountEntry>, SysError> read_mount_table() {
  const std::string text = TRY(read_file("/proc/self/mountinfo", kMountTableMax));
  return parse_mount_info(text);
}

}  // namespace drydock::native
