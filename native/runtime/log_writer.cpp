#include "native/runtime/log_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdio>

#include "native/kernel/poller.h"

namespace drydock::native {

Result<LogWriter, SysError> LogWriter::open(runtime::LogFile file) {
  LogWriter writer(std::move(file));
  TRY(writer.reopen());
  return writer;
}

Result<void, SysError> LogWriter::reopen() {
  if (file_.path.empty()) return {};
  fd_ = TRY(open_file(file_.path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0640));
  struct stat about {};
  size_ = ::fstat(fd_.get(), &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
  return {};
}

void LogWriter::append(runtime::StreamKind stream, std::string_view bytes) {
  if (!fd_) return;
  write_records(stream, (stream == runtime::StreamKind::err ? err_ : out_).push(bytes));
}

void LogWriter::finish() {
  if (!fd_) return;
  if (auto rest = out_.finish()) write_records(runtime::StreamKind::out, {*rest});
  if (auto rest = err_.finish()) write_records(runtime::StreamKind::err, {*rest});
}

bool LogWriter::take_grown() {
  return std::exchange(grown_, false);
}

void LogWriter::write_records(runtime::StreamKind stream, const std::vector<std::string>& pieces) {
  if (pieces.empty()) return;
  runtime::LogRecord record;
  record.stream = stream == runtime::StreamKind::err ? "stderr" : "stdout";
  record.time = {wall_clock_ns()};
  std::string text;
  for (const auto& piece : pieces) {
    record.log = piece;
    const std::string line = runtime::encode_log_record(record);
    const std::uint64_t filled = size_ + text.size();
    if (file_.size_max_bytes != 0 && filled != 0 && filled + line.size() > file_.size_max_bytes) {
      write_text(std::exchange(text, {}));
      rotate();
    }
    text += line;
  }
  write_text(text);
  grown_ = true;
}

void LogWriter::write_text(const std::string& text) {
  // A full disk must not stop the container: these records are lost, later ones may fit again.
  if (write_all(fd_.get(), text, file_.path).ok()) size_ += text.size();
}

void LogWriter::rotate() {
  for (std::uint32_t number = file_.files_max; number > 1; --number) {
    const std::string from = number == 2 ? file_.path : concat(file_.path, ".", number - 2);
    ::rename(from.c_str(), concat(file_.path, ".", number - 1).c_str());
  }
  if (file_.files_max <= 1) {
    if (::ftruncate(fd_.get(), 0) == 0) size_ = 0;
    return;
  }
  const bool reopened = reopen().ok();
  if (!reopened) grown_ = true;  // goes on in the old file
}

}  // namespace drydock::native
