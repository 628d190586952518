// The json-file log driver on the simulated host.

#include "sim/log_writer.h"

#include "base/text.h"

namespace drydock::sim {

Result<std::unique_ptr<LogWriter>, SysError> LogWriter::open(storage::HostFs& root, const Clock& clock,
                                                             runtime::LogFile file) {
  std::unique_ptr<LogWriter> writer(new LogWriter(root, clock, std::move(file)));
  TRY(writer->reopen(storage::WriteMode::append));
  return writer;
}

Result<void, SysError> LogWriter::reopen(storage::WriteMode mode) {
  if (file_.path.empty()) return {};
  writer_ = TRY(root_.open_write(file_.path, mode, 0640));
  const auto about = root_.stat(file_.path);
  size_ = about.ok() ? about->size : 0;
  return {};
}

void LogWriter::append(runtime::StreamKind stream, std::string_view bytes) {
  if (writer_ == nullptr) return;
  write_records(stream, (stream == runtime::StreamKind::err ? err_ : out_).push(bytes));
}

void LogWriter::finish() {
  if (writer_ == nullptr) return;
  if (auto rest = out_.finish()) write_records(runtime::StreamKind::out, {*rest});
  if (auto rest = err_.finish()) write_records(runtime::StreamKind::err, {*rest});
}

void LogWriter::write_records(runtime::StreamKind stream, const std::vector<std::string>& pieces) {
  if (pieces.empty()) return;
  runtime::LogRecord record;
  record.stream = stream == runtime::StreamKind::err ? "stderr" : "stdout";
  record.time = clock_.now();
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
  if (writer_->write(text).ok()) size_ += text.size();
}

void LogWriter::rotate() {
  for (std::uint32_t number = file_.files_max; number > 1; --number) {
    const std::string from = number == 2 ? file_.path : concat(file_.path, ".", number - 2);
    static_cast<void>(root_.rename(from, concat(file_.path, ".", number - 1)));
  }
  // Where it cannot be opened anew, it goes on in the old file.
  static_cast<void>(reopen(storage::WriteMode::truncate));
}

}  // namespace drydock::sim
