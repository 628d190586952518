#pragma once
// Layers for tests: tars written member by member, unpacked into a LayerStore.

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/tar_writer.h"
#include "base/stream.h"
#include "storage/layer_store.h"
#include "storage/layer_unpack.h"

namespace drydock::testing {

class TarBuilder {
 public:
  TarBuilder& directory(std::string_view name, std::uint32_t mode = 0755) {
    archive::TarEntry entry = entry_of(name, archive::TarType::directory);
    entry.mode = mode;
    return add(entry);
  }
  TarBuilder& file(std::string_view name, std::string_view bytes = "", std::uint32_t mode = 0644) {
    archive::TarEntry entry = entry_of(name, archive::TarType::regular);
    entry.mode = mode;
    return add(entry, bytes);
  }
  TarBuilder& symlink(std::string_view name, std::string_view target) {
    archive::TarEntry entry = entry_of(name, archive::TarType::symlink);
    entry.link_name = target;
    return add(entry);
  }
  TarBuilder& hard_link(std::string_view name, std::string_view target) {
    archive::TarEntry entry = entry_of(name, archive::TarType::hard_link);
    entry.link_name = target;
    return add(entry);
  }
  TarBuilder& add(archive::TarEntry entry, std::string_view bytes = "") {
    entry.size = bytes.size();
    REQUIRE(writer_.begin(entry, tar_).ok());
    REQUIRE(writer_.write(bytes, tar_).ok());
    return *this;
  }
  std::string finish() {
    REQUIRE(writer_.finish(tar_).ok());
    return tar_;
  }

  static archive::TarEntry entry_of(std::string_view name, archive::TarType type) {
    archive::TarEntry entry;
    entry.name = name;
    entry.type = type;
    entry.mode = 0644;
    entry.mtime_ns = 1'600'000'000'000'000'000;
    return entry;
  }

 private:
  archive::TarWriter writer_;
  std::string tar_;
};

/// Feeds `tar` in slices of `slice` bytes.
inline Result<storage::Layer> unpack(storage::LayerStore& store, std::optional<storage::ChainId> parent,
                                     std::string_view tar, std::string_view holder = "test", std::size_t slice = 1000) {
  auto unpack = TRY(store.unpack(std::move(parent), std::nullopt));
  for (; !tar.empty(); tar.remove_prefix(std::min(slice, tar.size()))) {
    TRY(unpack->feed(tar.substr(0, slice)));
  }
  return unpack->finish(holder);
}

/// Everything a source gives, in pieces of odd sizes.
inline Result<std::string> read_all(ByteSource& source) {
  std::string all;
  std::string buffer(777, '\0');
  while (!source.ended()) {
    const std::size_t got = TRY(source.read(buffer));
    all.append(buffer, 0, got);
  }
  return all;
}

}  // namespace drydock::testing
