#pragma once
// A place for containers on this machine's kernel: a root with BusyBox, an exec root, a LinuxRuntime.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "native/runtime/linux_runtime.h"

namespace drydock::native::test {

class LinuxWorld {
 public:
  /// Why containers cannot be run here, if so.
  static std::optional<std::string> unusable();

  LinuxWorld();
  ~LinuxWorld();

  runtime::Runtime& runtime() { return *runtime_; }
  LinuxRuntime& linux_runtime() { return *runtime_; }
  runtime::Spec spec(std::vector<std::string> args) const;
  void turn();

  /// The world of a user without privileges: a child process of this test goes on as that user with `work`, in a user
  /// namespace that maps its root. False: a check failed there, or it did not come to the end.
  static bool as_user(const std::function<bool(LinuxWorld&)>& work);

  /// Drops the LinuxRuntime as a daemon's end does, and makes a new one.
  void restart_daemon();
  /// Whatever of these containers is still there: cgroups, mounts, folders. Empty when all is gone.
  std::vector<std::string> leftovers() const;

  /// Runs `work` in a process of its own with a LinuxRuntime of its own, and kills that process after `delay_us`.
  void with_short_lived_daemon(int delay_us, const std::function<void(runtime::Runtime&)>& work);

  std::string root() const { return directory_ + "/root"; }
  std::string directory() const { return directory_; }
  std::string folder_of(const std::string& id) const { return directory_ + "/exec/containers/" + id; }

 private:
  void open();
  bool rootless_ = false;
  std::string directory_;
  std::unique_ptr<LinuxRuntime> runtime_;
};

}  // namespace drydock::native::test
