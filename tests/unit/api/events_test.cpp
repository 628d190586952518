#include "api/events.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::api;

namespace {

trace::EngineEvent container_event(std::string action) {
  return {
      "container", std::move(action), "c0ffee", {{"deck", "upper"}, {"image", "busybox:v1"}, {"name", "box"}}, "local"};
}

bool passes(std::string_view filters, const trace::EngineEvent& event) {
  const auto parsed = Filters::parse(filters);
  REQUIRE(parsed.ok());
  return event_passes(*parsed, event);
}

}  // namespace

TEST_CASE("a container's event has dockerd's members, the old ones first") {
  CHECK(event_line(container_event("start"), {1'500'000'001}) ==
        "{\"status\":\"start\",\"id\":\"c0ffee\",\"from\":\"busybox:v1\",\"Type\":\"container\",\"Action\":\"start\","
        "\"Actor\":{\"ID\":\"c0ffee\",\"Attributes\":{\"deck\":\"upper\",\"image\":\"busybox:v1\",\"name\":\"box\"}},"
        "\"scope\":\"local\",\"time\":1,\"timeNano\":1500000001}\n");
}

TEST_CASE("an event of a network has no old members") {
  CHECK(event_line({"network", "connect", "n1", {}, "local"}, {0}) ==
        "{\"Type\":\"network\",\"Action\":\"connect\",\"Actor\":{\"ID\":\"n1\",\"Attributes\":{}},\"scope\":\"local\","
        "\"time\":0,\"timeNano\":0}\n");
}

TEST_CASE("events are chosen by type, action, label and container") {
  const auto event = container_event("start");
  CHECK(passes("", event));
  CHECK(passes(R"({"type":["container"],"event":["start","die"]})", event));
  CHECK_FALSE(passes(R"({"type":["image"]})", event));
  CHECK_FALSE(passes(R"({"event":["die"]})", event));
  CHECK(passes(R"({"label":["deck=upper"]})", event));
  CHECK_FALSE(passes(R"({"label":["deck=lower"]})", event));
  CHECK(passes(R"({"container":["c0ff"]})", event));
  CHECK(passes(R"({"container":["box"]})", event));
  CHECK_FALSE(passes(R"({"container":["other"]})", event));
}

TEST_CASE("an image is meant with its tag or without") {
  for (const char* filters : {R"({"image":["busybox"]})", R"({"image":["busybox:v1"]})"}) {
    CAPTURE(filters);
    CHECK(passes(filters, container_event("start")));
    CHECK(passes(filters, {"image", "pull", "busybox:v1", {{"name", "busybox"}}, "local"}));
  }
  CHECK_FALSE(passes(R"({"image":["busybox:v2"]})", container_event("start")));
}

TEST_CASE("an exec's action is meant without its command") {
  CHECK(passes(R"({"event":["exec_create"]})", container_event("exec_create: sh -c ls")));
  CHECK_FALSE(passes(R"({"event":["exec_create"]})", container_event("exec_die")));
}
