#pragma once
// An empty directory with a HostFs on it, both gone at the end.

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "native/hostfs/host_fs.h"

namespace drydock::testing {

struct TemporaryRoot {
  std::string directory;
  std::unique_ptr<storage::HostFs> fs;

  TemporaryRoot() {
    directory = (std::filesystem::temp_directory_path() / "drydock-hostfs-XXXXXX").string();
    REQUIRE(::mkdtemp(directory.data()) != nullptr);
    auto opened = native::open_host_fs(directory);
    REQUIRE(opened.ok());
    fs = std::move(opened).value();
  }
  ~TemporaryRoot() {
    const std::vector<storage::DirectoryEntry> entries = fs->list("").value_or({});
    for (const storage::DirectoryEntry& entry : entries) {
      static_cast<void>(fs->remove_tree(entry.name).ok());
    }
    fs.reset();
    std::error_code ignored;
    std::filesystem::remove(directory, ignored);
  }
  TemporaryRoot(const TemporaryRoot&) = delete;
  TemporaryRoot& operator=(const TemporaryRoot&) = delete;
};

/// For the conformance suites.
inline std::shared_ptr<storage::HostFs> make_temporary_root() {
  auto root = std::make_shared<TemporaryRoot>();
  return {root, root->fs.get()};
}

}  // namespace drydock::testing
