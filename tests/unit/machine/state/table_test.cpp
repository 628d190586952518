#include "machine/state/table.h"

#include <doctest/doctest.h>

#include <string>

using namespace drydock::machine;

namespace {

struct Thing {
  std::string name;
};

class Animal {
 public:
  virtual ~Animal() = default;
  virtual std::unique_ptr<Animal> clone() const = 0;
  virtual int legs() const = 0;
};
class Spider final : public Animal {
 public:
  std::unique_ptr<Animal> clone() const override { return std::make_unique<Spider>(*this); }
  int legs() const override { return legs_; }
  int legs_ = 8;
};

}  // namespace

TEST_CASE("an id is never used again") {
  Table<Thing> table;
  const auto first = table.emplace(Thing{"a"});
  table.erase(first);
  const auto second = table.emplace(Thing{"b"});
  CHECK(second.value == first.value + 1);
  CHECK(table.find(first) == nullptr);
  CHECK(table.size() == 1);
}

TEST_CASE("a copy of a table keeps what it was when the original changes") {
  Table<Thing> table;
  const auto kept = table.emplace(Thing{"old"});
  const auto erased = table.emplace(Thing{"gone"});
  const Table<Thing> snapshot = table;
  table[kept].name = "new";
  table.erase(erased);
  const auto added = table.emplace(Thing{"added"});
  CHECK(snapshot[kept].name == "old");
  CHECK(snapshot[erased].name == "gone");
  CHECK(snapshot.find(added) == nullptr);
  CHECK(table[kept].name == "new");
  table = snapshot;
  CHECK(table[kept].name == "old");
  CHECK(table.emplace(Thing{"again"}) == added);
}

TEST_CASE("polymorphic objects are cloned by their own type") {
  Table<Animal> table;
  const auto id = table.insert(std::make_unique<Spider>());
  const Table<Animal> snapshot = table;
  static_cast<Spider&>(table[id]).legs_ = 7;
  CHECK(snapshot[id].legs() == 8);
  CHECK(table[id].legs() == 7);
}

TEST_CASE("the ids of a table are listed in ascending order across chunks") {
  Table<Thing> table;
  for (int n = 0; n < 200; ++n) table.emplace(Thing{"x"});
  for (std::uint32_t n = 1; n <= 200; n += 2) table.erase({n});
  const auto ids = table.ids();
  REQUIRE(ids.size() == 100);
  CHECK(ids.front().value == 2);
  CHECK(ids.back().value == 200);
}
