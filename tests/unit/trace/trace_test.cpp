#include "trace/trace.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::trace;

TEST_CASE("events are numbered from one, without gaps, and carry the clock's time") {
  ManualClock clock(1000);
  Trace trace(clock);
  CHECK(trace.last_seq() == 0);
  CHECK(trace.find(1) == nullptr);
  CHECK(trace.emit(UnimplementedEvent{"endpoint POST /session", "api"}) == 1);
  clock.advance_ns(5);
  CHECK(trace.emit(TaskEvent{TaskEvent::Kind::started, "c1", "", 42, 0}, "c1", 7, 1) == 2);
  REQUIRE(trace.find(2) != nullptr);
  CHECK(trace.find(1)->time_ns == 1000);
  CHECK(trace.find(2)->time_ns == 1005);
  CHECK(trace.find(2)->cause == 1);
  CHECK(trace.find(3) == nullptr);
  CHECK(trace.find(0) == nullptr);
}

TEST_CASE("the oldest events are evicted beyond the limit and readers can tell") {
  ManualClock clock;
  Trace trace(clock);
  for (std::size_t i = 0; i < kTraceEventsMax; ++i) trace.emit(RegistryEvent{"resolve", "busybox", "", i});
  CHECK(trace.first_held_seq() == 1);
  trace.emit(RegistryEvent{"resolve", "alpine", "", 0});
  CHECK(trace.first_held_seq() == 2);
  CHECK(trace.find(1) == nullptr);
  CHECK(std::get<RegistryEvent>(trace.find(2)->payload).bytes == 1);
  CHECK(std::get<RegistryEvent>(trace.find(trace.last_seq())->payload).repository == "alpine");
}

TEST_CASE("an empty trace holds nothing, and spans start at one") {
  ManualClock clock;
  Trace trace(clock);
  CHECK(trace.first_held_seq() == 1);
  CHECK(trace.new_span() == 1);
  CHECK(trace.new_span() == 2);
}

TEST_CASE("each kind of event is one line of JSON with its members in a fixed order") {
  const auto line = [](Payload payload) {
    Event event;
    event.seq = 3;
    event.time_ns = 9;
    event.payload = std::move(payload);
    return to_json_line(event);
  };
  CHECK(
      line(HttpEvent{HttpEvent::Phase::request, 4, "GET", "/_ping", 0}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"http","phase":"request","exchange":4,"method":"GET","target":"/_ping"}})");
  CHECK(
      line(HttpEvent{HttpEvent::Phase::response, 4, "GET", "/_ping", 200}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"http","phase":"response","exchange":4,"method":"GET","target":"/_ping","status":200}})");
  CHECK(
      line(EngineEvent{"container", "die", "abc", {{"name", "web"}, {"exitCode", "0"}}, "local"}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"engine","type":"container","action":"die","actor":"abc","attributes":{"name":"web","exitCode":"0"},"scope":"local"}})");
  CHECK(
      line(RegistryEvent{"blob-done", "busybox", "sha256:1", 512}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"registry","action":"blob-done","repository":"busybox","digest":"sha256:1","bytes":512}})");
  CHECK(
      line(RuntimeStepEvent{"abc", 5, "mount", "proc on /proc", 1}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"step","container":"abc","index":5,"step":"mount","detail":"proc on /proc","error":1}})");
  CHECK(
      line(TaskEvent{TaskEvent::Kind::exited, "abc", "e1", 77, 137}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"task","change":"exited","container":"abc","exec":"e1","pid":77,"exit_code":137}})");
  CHECK(line(TaskEvent{TaskEvent::Kind::oom_killed, "abc", "", 77, 0}) ==
        R"({"seq":3,"time_ns":9,"event":{"kind":"task","change":"oom-killed","container":"abc","exec":"","pid":77}})");
  CHECK(
      line(SyscallEvent{"c1", 42, "chdir", "chdir(\"/\") = 0", true}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"syscall","container":"c1","pid":42,"name":"chdir","text":"chdir(\"/\") = 0","finished":true}})");
  CHECK(
      line(UnimplementedEvent{"HostConfig.CpuRealtimePeriod", "engine"}) ==
      R"({"seq":3,"time_ns":9,"event":{"kind":"unimplemented","what":"HostConfig.CpuRealtimePeriod","where":"engine"}})");
}

TEST_CASE("span, cause and who appear in the line only where they are known") {
  Event event;
  event.seq = 1;
  event.span = 2;
  event.cause = 3;
  event.who = "web\n\xff";
  event.payload = UnimplementedEvent{};
  CHECK(to_json_line(event) ==
        "{\"seq\":1,\"time_ns\":0,\"span\":2,\"cause\":3,\"who\":\"web\\n\xef\xbf\xbd\","
        "\"event\":{\"kind\":\"unimplemented\",\"what\":\"\",\"where\":\"\"}}");
}
