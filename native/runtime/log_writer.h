#pragma once
// The container's log in Docker's json-file form (runtime/log_record.h), with rotation: FILE, FILE.1, FILE.2 ...

#include <string>
#include <string_view>

#include "native/kernel/fd.h"
#include "runtime/log_record.h"
#include "runtime/runtime.h"

namespace drydock::native {

class LogWriter {
 public:
  /// Without a path every append does nothing.
  static Result<LogWriter, SysError> open(runtime::LogFile file);

  void append(runtime::StreamKind stream, std::string_view bytes);
  /// What has no newline at the end of the output becomes a record, too.
  void finish();
  /// True once records were written since it was last asked.
  bool take_grown();

 private:
  explicit LogWriter(runtime::LogFile file) : file_(std::move(file)) {}
  Result<void, SysError> reopen();
  void write_records(runtime::StreamKind stream, const std::vector<std::string>& pieces);
  void write_text(const std::string& text);
  void rotate();

  runtime::LogFile file_;
  Fd fd_;
  std::uint64_t size_ = 0;
  bool grown_ = false;
  runtime::LogSplitter out_;
  runtime::LogSplitter err_;
};

}  // namespace drydock::native
