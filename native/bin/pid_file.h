#pragma once
// The pid file, which keeps a second daemon away from the same data.

#include <string>

#include "base/result.h"

namespace drydock::native {

class PidFile {
 public:
  /// Errors: conflict when the process it names still runs ("pid file found, ensure drydockd is not running or delete
  /// ...").
  static Result<PidFile> create(std::string path);
  ~PidFile();
  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&&) = delete;

 private:
  explicit PidFile(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace drydock::native
