#pragma once
// A container's log in Docker's json-file form (runtime/log_record.h), with rotation: FILE, FILE.1, FILE.2 ...

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "runtime/log_record.h"
#include "runtime/runtime.h"
#include "storage/host_fs.h"

namespace drydock::sim {

class LogWriter {
 public:
  /// `root`: the simulated host's files, in which the log's path is absolute. Without a path every append does nothing.
  static Result<std::unique_ptr<LogWriter>, SysError> open(storage::HostFs& root, const Clock& clock,
                                                           runtime::LogFile file);

  void append(runtime::StreamKind stream, std::string_view bytes);
  /// What has no newline at the end of the output becomes a record, too.
  void finish();
  /// True once records were written since it was last asked.
  bool take_grown() { return std::exchange(grown_, false); }

 private:
  LogWriter(storage::HostFs& root, const Clock& clock, runtime::LogFile file)
      : root_(root), clock_(clock), file_(std::move(file)) {}
  Result<void, SysError> reopen(storage::WriteMode mode);
  void write_records(runtime::StreamKind stream, const std::vector<std::string>& pieces);
  void write_text(const std::string& text);
  void rotate();

  storage::HostFs& root_;
  const Clock& clock_;
  runtime::LogFile file_;
  std::unique_ptr<storage::FileWriter> writer_;
  std::uint64_t size_ = 0;
  bool grown_ = false;
  runtime::LogSplitter out_, err_;
};

}  // namespace drydock::sim
