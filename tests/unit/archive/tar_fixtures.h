#pragma once
// Hand-made tar archives: header blocks field by field, so that the reader is not tested with our own writer alone.

#include <string>
#include <string_view>
#include <vector>

#include "archive/tar_reader.h"
#include "base/text.h"

namespace drydock::archive::fixtures {

inline std::string octal(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i-- > 0; number >>= 3) text[i] = static_cast<char>('0' + (number & 7));
  return text;
}

struct Header {
  std::string name = "file";
  std::string size = octal(0, 11);
  char type = '0';
  std::string link_name = {};
  std::string magic = std::string("ustar\00000", 8);
  std::string prefix = {};
  std::string uid = octal(1000, 7);
  std::string mtime = octal(1700000000, 11);
  std::string tail = {};  // from offset 386 on
};

inline std::string seal(std::string block) {
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  return block.replace(148, 8, octal(sum, 6) + std::string("\0 ", 2));
}

inline std::string block_of(const Header& header) {
  std::string block(512, '\0');
  const auto put = [&block](std::size_t offset, const std::string& text) { block.replace(offset, text.size(), text); };
  put(0, header.name);
  put(100, "0000644");
  put(108, header.uid);
  put(116, octal(100, 7));
  put(124, header.size);
  put(136, header.mtime);
  put(156, std::string(1, header.type));
  put(157, header.link_name);
  put(257, header.magic);
  put(265, "root");
  put(297, "wheel");
  put(329, octal(1, 7));
  put(337, octal(3, 7));
  put(345, header.prefix);
  put(386, header.tail);
  return seal(block);
}

inline std::string padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

inline std::string member(Header header, const std::string& content) {
  header.size = octal(content.size(), 11);
  return block_of(header) + padded(content);
}

inline std::string pax(const std::string& records, char type = 'x') {
  return member({.name = "PaxHeaders/x", .type = type}, records);
}

inline std::string end() {
  return std::string(1024, '\0');
}

struct Member {
  TarEntry entry;
  std::string content;  // holes as zeros
  std::uint64_t hole_bytes = 0;
};

/// Everything in `archive`, fed in slices of `slice` bytes.
inline Result<std::vector<Member>> read_all(std::string_view archive, std::size_t slice = 1 << 20) {
  TarReader reader;
  std::vector<Member> members;
  for (;;) {
    switch (TRY(reader.next())) {
      case TarEvent::need_input:
        if (archive.empty()) reader.finish_input();
        reader.feed(archive.substr(0, slice));
        archive.remove_prefix(std::min(slice, archive.size()));
        break;
      case TarEvent::entry:
        members.push_back({reader.entry(), {}, 0});
        break;
      case TarEvent::data:
        members.back().content.append(reader.data());
        break;
      case TarEvent::hole:
        members.back().hole_bytes += reader.hole_size();
        if (reader.hole_size() > 1 << 24) return fail(ErrorKind::too_large, "fixture: hole too large to keep");
        members.back().content.append(static_cast<std::size_t>(reader.hole_size()), '\0');
        break;
      case TarEvent::entry_end:
        break;
      case TarEvent::end:
        return members;
    }
  }
}

inline ErrorKind error_kind(std::string_view archive) {
  auto result = read_all(archive);
  return result.ok() ? ErrorKind::not_modified : result.error().kind;
}

}  // namespace drydock::archive::fixtures
