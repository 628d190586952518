#pragma once
// A whole daemon with its API in memory: what a client asks goes through routes, engine, stores and a runtime that the
// test plays. The host outlives the daemon, so that a daemon can be killed and another one started on it.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>

#include "api/application.h"
#include "api/routes.h"
#include "base/json.h"
#include "engine/containers.h"
#include "engine/image_progress.h"
#include "engine/image_transfer.h"
#include "engine/images.h"
#include "engine/import.h"
#include "engine/lifecycle.h"
#include "engine/networks.h"
#include "engine/volumes.h"
#include "tests/support/layer_fixture.h"
#include "tests/support/memory_host_fs.h"
#include "tests/support/recording_responder.h"
#include "tests/support/scripted_runtime.h"

namespace drydock::testing {

class QuietNetwork final : public network::NetworkDriver {
 public:
  network::NetworkFeatures features() const override { return {.bridge = true, .nat = true, .ipv6 = false}; }
  Result<void> ensure_bridge(const network::BridgePlan&) override { return {}; }
  Result<void> remove_bridge(const network::BridgePlan&) override { return {}; }
  Result<std::vector<network::Subnet>> used_subnets() override { return std::vector<network::Subnet>(); }
  Result<bool> has_interface(const std::string&) override { return false; }
  Result<void> prepare_namespace(const std::string&) override { return {}; }
  Result<void> attach(const network::EndpointPlan& plan, const std::string&) override {
    attached.push_back(plan.endpoint_id);
    return {};
  }
  Result<void> detach(const network::EndpointPlan& plan) override {
    std::erase(attached, plan.endpoint_id);
    return {};
  }
  Result<std::uint16_t> publish(const network::PortPlan& plan) override { return plan.host_port; }
  Result<void> unpublish(const network::PortPlan&) override { return {}; }
  Result<void> retain_only(const std::vector<std::string>&) override { return {}; }

  std::vector<std::string> attached;  // endpoints
};

class NoTransport final : public http::Transport {
 public:
  std::unique_ptr<http::Exchange> send(http::ClientRequest) override { return nullptr; }
};

class ImportSink final : public engine::ProgressSink {
 public:
  void write(std::string_view) override {}
  void finish() override { finished = true; }
  void fail(const Error& failure) override { FAIL(failure.message); }
  bool closed() const override { return false; }
  bool finished = false;
};

struct Answer {
  int status = 0;
  std::string body;
  Json json;  // null if the body is none
};

class TestDaemon {
 public:
  TestDaemon() : runtime(data, clock) {
    REQUIRE(storage::make_directories(root, "tmp").ok());
    boot();
    import_busybox();
  }

  /// The daemon dies as it is; another one comes up on the same host.
  void reboot() {
    api.reset();
    daemon.reset();
    boot();
  }

  std::shared_ptr<RecordingResponder> send(std::string method, std::string_view target, std::string body = "",
                                           bool upgrade = false) {
    http::Request request;
    request.method = std::move(method);
    const auto question = target.find('?');
    request.path = std::string(target.substr(0, question));
    if (question != std::string_view::npos) request.query = http::Query::parse(target.substr(question + 1));
    if (!body.empty()) request.headers.set("Content-Type", "application/json");
    if (upgrade) request.headers.set("Upgrade", "tcp");
    request.body = std::move(body);
    auto responder = std::make_shared<RecordingResponder>();
    api->handle(std::move(request), responder);
    settle();
    return responder;
  }
  Answer ask(std::string method, std::string_view target, std::string body = "") {
    return read(*send(std::move(method), target, std::move(body)));
  }
  static Answer read(const RecordingResponder& responder) {
    Answer answer{responder.status, responder.body, nullptr};
    auto json = parse_json(responder.body);
    if (json.ok()) answer.json = std::move(*json);
    return answer;
  }
  /// Steps the daemon until it has nothing to do at once.
  void settle() {
    for (int i = 0; i < 1000; ++i)
      if (!daemon->step().busy) return;
    FAIL("the daemon never comes to rest");
  }
  void pass_seconds(std::int64_t seconds) {
    clock.advance_ns(seconds * kNanosPerSecond);
    settle();
  }

  /// Creates a container from busybox; `members` are further members of the body: "\"Tty\":true".
  std::string create(std::string_view name, std::string_view members = "") {
    std::string body = R"({"Image":"busybox","Cmd":["sh"])";
    if (!members.empty()) body += "," + std::string(members);
    const Answer answer = ask("POST", "/v1.41/containers/create?name=" + std::string(name), body + "}");
    INFO(answer.body);
    REQUIRE(answer.status == 201);
    return answer.json["Id"].get<std::string>();
  }
  std::string start(std::string_view name, std::string_view members = "") {
    const std::string id = create(name, members);
    REQUIRE(ask("POST", "/v1.41/containers/" + id + "/start").status == 204);
    return id;
  }
  void exit(const std::string& id, int code) {
    runtime.exit(id, code);
    settle();
  }
  Json inspect(std::string_view name) { return ask("GET", "/v1.41/containers/" + std::string(name) + "/json").json; }
  std::string status(std::string_view name) { return inspect(name)["State"]["Status"].get<std::string>(); }
  /// Actions on containers since the start, joined by commas.
  std::string container_events() const {
    std::string actions;
    for (std::uint64_t seq = 1; seq <= daemon->trace.last_seq(); ++seq) {
      const auto* event = std::get_if<trace::EngineEvent>(&daemon->trace.find(seq)->payload);
      if (event == nullptr || event->type != "container") continue;
      actions += (actions.empty() ? "" : ",") + event->action;
    }
    return actions;
  }

  MemoryHostFs data, root;
  ManualClock clock;
  SeededRandom random{1};
  QuietNetwork network;
  NoTransport transport;
  ScriptedRuntime runtime;
  std::unique_ptr<engine::Daemon> daemon;
  std::unique_ptr<api::EngineApi> api;

 private:
  void boot() {
    engine::HostFacts facts;
    facts.hostname = "vm";
    facts.cpus = 2;
    facts.memory_bytes = 1u << 30;
    facts.resolv_conf = "nameserver 10.0.0.1\n";
    daemon = std::make_unique<engine::Daemon>(
        engine::Host{data, root, runtime, network, transport, clock, random, facts}, engine::Settings{});
    const auto opened = engine::open_daemon(*daemon);
    INFO((opened.ok() ? std::string() : opened.error().message));
    REQUIRE(opened.ok());
    api = std::make_unique<api::EngineApi>(*daemon, api::all_routes());
    settle();
  }
  void import_busybox() {
    TarBuilder tar;
    tar.directory("bin").directory("etc").file("bin/sh", "ELF", 0755);
    tar.file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n");
    tar.file("etc/group", "root:x:0:\nwheel:x:10:alice\n");
    engine::ImportRequest request;
    request.source = "-";
    request.repository = "busybox";
    request.changes = {"VOLUME /cache", "ENV FROM=image", "LABEL origin=test"};
    request.body = std::make_unique<StringSource>(tar.finish());
    auto sink = std::make_shared<ImportSink>();
    REQUIRE(engine::start_import(*daemon, std::move(request), sink).ok());
    settle();
    REQUIRE(sink->finished);
  }
};

}  // namespace drydock::testing
