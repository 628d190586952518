#pragma once
// Reads a container's json-file log, rotated files included, once or as it grows.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/container.h"
#include "runtime/log_record.h"
#include "storage/host_fs.h"

namespace drydock::engine {

struct LogOptions {
  bool out = true, err = true;
  Timestamp since, until;             // zero: no bound
  std::optional<std::uint64_t> tail;  // records; nothing: all
};

class LogReader {
 public:
  /// The file system outlives the reader; so need not the container.
  static Result<LogReader> open(storage::HostFs& data, const Container& container, const LogOptions& options);

  /// The next record that the options want, or nothing for now: at the present end.
  Result<std::optional<runtime::LogRecord>> next();
  /// A record past `until` was met: nothing will follow.
  bool past_end() const { return past_end_; }

 private:
  struct File {
    std::string path;
    std::uint64_t inode = 0;
    std::unique_ptr<storage::FileReader> reader;
    std::uint64_t offset = 0;
  };
  LogReader(storage::HostFs& data, std::string path, const LogOptions& options)
      : data_(&data), path_(std::move(path)), options_(options) {}
  Result<void> find_files();
  Result<void> seek_tail();
  /// False at the present end of everything.
  Result<bool> fill();
  Result<bool> reopen();

  storage::HostFs* data_;
  std::string path_;
  LogOptions options_;
  std::deque<File> files_;  // oldest first; the last one grows
  runtime::LogCursor cursor_;
  bool past_end_ = false;
};

}  // namespace drydock::engine
