#pragma once
// A session at the registry in memory, with a content store and a clock that moves only when nothing else can.

#include <memory>
#include <string>

#include "base/clock.h"
#include "registry/operation.h"
#include "registry/session.h"
#include "storage/content_store.h"
#include "tests/support/memory_host_fs.h"
#include "tests/support/memory_registry.h"
#include "trace/trace.h"

namespace drydock::registry {

struct Fixture {
  Fixture() : trace(clock), store(storage::ContentStore::open(disk).value()) {}

  std::shared_ptr<Session> session(const std::string& path = "team/app", Access access = Access::pull) {
    SessionOptions options;
    options.domain = "registry.test";
    options.path = path;
    options.access = access;
    options.credentials = credentials;
    options.settings = settings;
    return std::make_shared<Session>(registry, clock, trace, std::move(options));
  }

  /// Steps to the end; where only time can help, it passes. False if it never ends.
  bool run(Operation& operation) {
    for (int i = 0; i < 100'000; ++i) {
      if (operation.step() == Operation::State::done) return true;
      if (operation.deadline_ns() == kNoDeadline) continue;
      if (operation.deadline_ns() > clock.monotonic_ns()) {
        waited_ns += operation.deadline_ns() - clock.monotonic_ns();
        clock.advance_ns(operation.deadline_ns() - clock.monotonic_ns());
      }
    }
    return false;
  }

  static Credentials keeper() {
    Credentials credentials;
    credentials.username = std::string(testing::MemoryRegistry::kUser);
    credentials.password = std::string(testing::MemoryRegistry::kPassword);
    return credentials;
  }

  static std::string message_of(const Operation& operation) {
    return operation.failure() ? operation.failure()->message : "";
  }

  int requests(std::string_view method, std::string_view part) const {
    int count = 0;
    for (const auto& seen : registry.seen) {
      if (seen.method == method && seen.url.find(part) != std::string::npos) ++count;
    }
    return count;
  }

  ManualClock clock;
  trace::Trace trace;
  testing::MemoryHostFs disk;
  std::unique_ptr<storage::ContentStore> store;
  testing::MemoryRegistry registry;
  Credentials credentials;
  RegistrySettings settings;
  std::int64_t waited_ns = 0;
};

}  // namespace drydock::registry
