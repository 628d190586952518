#include "base/result.h"

#include <doctest/doctest.h>

#include <memory>

using namespace drydock;

namespace {

Result<int, SysError> open_file(bool present) {
  if (!present) return SysError{Errno::enoent, "open", "/etc/motd"};
  return 3;
}

Result<std::string> describe(bool present) {
  return concat("fd ", TRY(open_file(present)));
}

Result<void> check(bool present) {
  TRY(open_file(present));
  return {};
}

}  // namespace

TEST_CASE("TRY takes the value out") {
  CHECK(describe(true).value() == "fd 3");
  CHECK(check(true).ok());
}

TEST_CASE("TRY hands a port's error up as an Error with its kind") {
  CHECK(describe(false).error().message == "open /etc/motd: no such file or directory");
  CHECK(describe(false).error().kind == ErrorKind::not_found);
  CHECK(!check(false).ok());
}

TEST_CASE("a result may hold what cannot be copied") {
  auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  auto use = [&]() -> Result<int> { return *TRY(make()); };
  CHECK(use().value() == 5);
}

TEST_CASE("a result converts to one of a wider type") {
  struct Base {
    virtual ~Base() = default;
  };
  struct Derived : Base {};
  Result<std::unique_ptr<Derived>> narrow = std::make_unique<Derived>();
  Result<std::unique_ptr<Base>> wide = std::move(narrow);
  CHECK(wide.ok());
}

TEST_CASE("context goes before the message") {
  CHECK(with_context("layer 2", make_error(ErrorKind::corrupt, "bad digest")).message == "layer 2: bad digest");
}
