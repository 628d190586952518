#include "archive/tar_writer.h"

#include <algorithm>
#include <map>

#include "archive/pax.h"
#include "archive/tar_number.h"
#include "base/clock.h"
#include "base/text.h"

namespace drydock::archive {
namespace {

constexpr std::size_t kNameWidth = 100;
constexpr std::size_t kOwnerNameWidth = 32;
constexpr std::size_t kNumberWidth = 8;
constexpr std::size_t kLongNumberWidth = 12;

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > '\0' && static_cast<unsigned char>(c) < 0x80; });
}

std::string only_ascii(std::string_view text) {
  std::string out;
  std::copy_if(text.begin(), text.end(), std::back_inserter(out),
               [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return out;
}

char flag_of(TarType type) {
  switch (type) {
    case TarType::regular:
      return '0';
    case TarType::hard_link:
      return '1';
    case TarType::symlink:
      return '2';
    case TarType::character_device:
      return '3';
    case TarType::block_device:
      return '4';
    case TarType::directory:
      return '5';
    case TarType::fifo:
      return '6';
  }
  return '0';
}

// One header block; what does not fit is cut (names) or zero (numbers), and stands in a pax record.
class HeaderBlock {
 public:
  HeaderBlock() : bytes_(kTarBlockBytes, '\0') { put(257, std::string_view("ustar\00000", 8)); }

  void put(std::size_t offset, std::string_view text) { bytes_.replace(offset, text.size(), text); }

  void put_name(std::size_t offset, std::size_t width, std::string_view name) {
    const std::string text = only_ascii(name);
    std::string_view part = std::string_view(text).substr(0, width);
    // A file's name cut behind a '/' would make old readers take it for a directory.
    if (text.size() > width) part = part.substr(0, part.find_last_not_of('/') + 1);
    put(offset, part);
  }

  void put_number(std::size_t offset, std::size_t width, std::int64_t number) {
    if (!fits_in_octal(number, width)) number = 0;
    for (std::size_t i = width - 1; i-- > 0; number >>= 3) bytes_[offset + i] = static_cast<char>('0' + (number & 7));
    bytes_[offset + width - 1] = '\0';
  }

  std::string finish() {
    put(148, "        ");
    std::int64_t sum = 0;
    for (const char byte : bytes_) sum += static_cast<unsigned char>(byte);
    put_number(148, 7, sum);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

void pad_to_block(std::string& out, std::uint64_t size) {
  out.append(static_cast<std::size_t>((kTarBlockBytes - size % kTarBlockBytes) % kTarBlockBytes), '\0');
}

// The records that `entry` needs, sorted by key as Go writes them.
std::map<std::string, std::string> needed_records(const TarEntry& entry, std::string_view name, std::int64_t mtime_ns) {
  std::map<std::string, std::string> records(entry.pax_records.begin(), entry.pax_records.end());
  const auto text = [&records](const char* key, std::string_view value, std::size_t width) {
    if (value.size() > width || !is_ascii(value)) records[key] = value;
  };
  const auto number = [&records](const char* key, std::int64_t value, std::size_t width) {
    if (!fits_in_octal(value, width)) records[key] = std::to_string(value);
  };
  text("path", name, kNameWidth);
  text("linkpath", entry.link_name, kNameWidth);
  text("uname", entry.user_name, kOwnerNameWidth);
  text("gname", entry.group_name, kOwnerNameWidth);
  number("uid", entry.uid, kNumberWidth);
  number("gid", entry.gid, kNumberWidth);
  number("size", static_cast<std::int64_t>(entry.size), kLongNumberWidth);
  if (mtime_ns % kNanosPerSecond != 0 || !fits_in_octal(mtime_ns / kNanosPerSecond, kLongNumberWidth)) {
    records["mtime"] = format_pax_time(mtime_ns);
  }
  for (const auto& [key, value] : entry.xattrs) records[concat(kPaxXattrPrefix, key)] = value;
  return records;
}

// "a/b/c" has its records in a file "a/b/PaxHeaders.0/c".
std::string pax_header_name(std::string_view name) {
  while (name.size() > 1 && name.ends_with('/')) name.remove_suffix(1);
  const std::size_t slash = name.rfind('/');
  const std::string_view directory = slash == std::string_view::npos ? "" : name.substr(0, slash + 1);
  const std::string_view file = slash == std::string_view::npos ? name : name.substr(slash + 1);
  std::string path = only_ascii(concat(directory, "PaxHeaders.0/", file)).substr(0, kNameWidth);
  path.erase(path.find_last_not_of('/') + 1);
  return path;
}

void append_pax_header(std::string_view name, const std::map<std::string, std::string>& records, std::string& out) {
  std::string content;
  for (const auto& [key, value] : records) append_pax_record(content, key, value);
  HeaderBlock block;
  block.put_name(0, kNameWidth, pax_header_name(name));
  for (const std::size_t offset : {100, 108, 116}) block.put_number(offset, kNumberWidth, 0);
  block.put_number(124, kLongNumberWidth, static_cast<std::int64_t>(content.size()));
  block.put_number(136, kLongNumberWidth, 0);
  block.put(156, "x");
  out += block.finish();
  out += content;
  pad_to_block(out, content.size());
}

Result<void> check(const TarEntry& entry) {
  const auto has_nul = [](std::string_view text) { return text.find('\0') != std::string_view::npos; };
  if (entry.name.empty()) return fail(ErrorKind::invalid_argument, "archive/tar: empty name");
  if (has_nul(entry.name) || has_nul(entry.link_name) || has_nul(entry.user_name) || has_nul(entry.group_name)) {
    return fail(ErrorKind::invalid_argument, "archive/tar: cannot encode header: name contains NUL");
  }
  if (entry.size != 0 && entry.type != TarType::regular) {
    return fail(ErrorKind::invalid_argument, "archive/tar: only a regular file has a size");
  }
  if (entry.size >> 63 != 0) return fail(ErrorKind::invalid_argument, "archive/tar: cannot encode header: size");
  if (!fits_in_octal(entry.device_major, kNumberWidth) || !fits_in_octal(entry.device_minor, kNumberWidth)) {
    return fail(ErrorKind::invalid_argument, "archive/tar: cannot encode header: device number");
  }
  for (const TarRecords* records : {&entry.xattrs, &entry.pax_records}) {
    for (const auto& [key, value] : *records) {
      if (key.empty() || has_nul(key) || key.find('=') != std::string::npos) {
        return fail(ErrorKind::invalid_argument, "archive/tar: cannot encode header: invalid record key");
      }
    }
  }
  return {};
}

std::int64_t floor_to_second(std::int64_t ns) {
  const std::int64_t rest = ns % kNanosPerSecond;
  return ns - (rest < 0 ? rest + kNanosPerSecond : rest);
}

}  // namespace

Result<void> TarWriter::begin(const TarEntry& entry, std::string& out) {
  TRY(check(entry));
  if (left_ > 0) return fail(ErrorKind::conflict, "archive/tar: missed writing ", left_, " bytes");
  const bool needs_slash = entry.type == TarType::directory && !entry.name.ends_with('/');
  const std::string name = needs_slash ? entry.name + "/" : entry.name;
  const std::int64_t mtime_ns = times_ == TarTimes::seconds ? floor_to_second(entry.mtime_ns) : entry.mtime_ns;
  const auto records = needed_records(entry, name, mtime_ns);
  if (!records.empty()) append_pax_header(name, records, out);

  HeaderBlock block;
  block.put_name(0, kNameWidth, name);
  block.put_number(100, kNumberWidth, entry.mode & 07777);
  block.put_number(108, kNumberWidth, entry.uid);
  block.put_number(116, kNumberWidth, entry.gid);
  block.put_number(124, kLongNumberWidth, static_cast<std::int64_t>(entry.size));
  block.put_number(136, kLongNumberWidth, floor_to_second(mtime_ns) / kNanosPerSecond);
  block.put(156, std::string(1, flag_of(entry.type)));
  block.put_name(157, kNameWidth, entry.link_name);
  block.put_name(265, kOwnerNameWidth, entry.user_name);
  block.put_name(297, kOwnerNameWidth, entry.group_name);
  block.put_number(329, kNumberWidth, entry.device_major);
  block.put_number(337, kNumberWidth, entry.device_minor);
  out += block.finish();
  left_ = entry.size;
  padding_ = (kTarBlockBytes - entry.size % kTarBlockBytes) % kTarBlockBytes;
  return {};
}

Result<void> TarWriter::write(std::string_view bytes, std::string& out) {
  if (bytes.size() > left_) return fail(ErrorKind::too_large, "archive/tar: write too long");
  out.append(bytes);
  return skip(bytes.size(), out);
}

Result<void> TarWriter::skip(std::uint64_t bytes, std::string& out) {
  if (bytes > left_) return fail(ErrorKind::too_large, "archive/tar: write too long");
  left_ -= bytes;
  if (left_ == 0) {
    out.append(static_cast<std::size_t>(padding_), '\0');
    padding_ = 0;
  }
  return {};
}

Result<void> TarWriter::finish(std::string& out) {
  if (left_ > 0) return fail(ErrorKind::conflict, "archive/tar: missed writing ", left_, " bytes");
  out.append(2 * kTarBlockBytes, '\0');
  return {};
}

}  // namespace drydock::archive
