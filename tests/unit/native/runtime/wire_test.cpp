#include "native/runtime/wire.h"

#include <doctest/doctest.h>

#include "native/runtime/monitor_protocol.h"

namespace drydock::native {

namespace {

LaunchOrder example_order() {
  LaunchOrder order;
  order.id = "id";
  order.filter = std::string("\0\1\2", 3);
  order.stdio.open_stdin = true;
  order.plan.rootfs = "/root";
  order.plan.new_namespaces = {runtime::NamespaceKind::pid};
  order.plan.resources.memory_limit = -1;
  order.plan.resources.devices = {{true, 'c', 1, std::nullopt, "rw"}};
  runtime::StepMount mount;
  mount.target = "/data";
  mount.fallback_source = "/sys";
  order.plan.child = {mount, runtime::StepAwaitStart{}, runtime::StepExec{{"sh", ""}, {"A=b"}}};
  return order;
}

}  // namespace

TEST_CASE("an order reads back as it was written") {
  const auto copy = from_wire<LaunchOrder>(to_wire(example_order()));
  REQUIRE(copy);
  CHECK(copy->filter == std::string("\0\1\2", 3));
  CHECK(copy->plan.resources.memory_limit == -1);
  CHECK(!copy->plan.resources.memory_swap);
  REQUIRE(copy->plan.resources.devices.size() == 1);
  CHECK(copy->plan.resources.devices[0].major == 1);
  CHECK(!copy->plan.resources.devices[0].minor);
  REQUIRE(copy->plan.child.size() == 3);
  CHECK(std::get<runtime::StepMount>(copy->plan.child[0]).fallback_source == "/sys");
  CHECK(std::get<runtime::StepExec>(copy->plan.child[2]).args == std::vector<std::string>{"sh", ""});
  CHECK(to_wire(*copy) == to_wire(example_order()));
}

TEST_CASE("an order that was cut anywhere, or has more behind it, is refused") {
  const std::string whole = to_wire(example_order());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(!from_wire<LaunchOrder>(std::string_view(whole).substr(0, size)));
  }
  CHECK(!from_wire<LaunchOrder>(whole + "x"));
}

TEST_CASE("a length or tag that lies is refused") {
  CHECK(!from_wire<std::string>(std::string("\xff\xff\xff\xff", 4)));
  CHECK(!from_wire<std::vector<std::string>>(std::string("\xff\xff\xff\x7f", 4)));
  CHECK(!from_wire<MonitorMessage>(std::string("\x09", 1)));
}

}  // namespace drydock::native
