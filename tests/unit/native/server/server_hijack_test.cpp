// native/server: connections that become raw bytes both ways (Engine API: attach, exec start).

#include <doctest/doctest.h>

#include "server_fixture.h"

using namespace drydock;
using namespace drydock::native;
using namespace drydock::native::test;

namespace {

constexpr const char* kAttach =
    "POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
    "Content-Length: 0\r\n\r\n";

struct HijackFixture : Fixture {
  explicit HijackFixture(ServerOptions options = {}) : Fixture(options) {
    application.handler = [this](http::Request, std::shared_ptr<http::Responder> responder) {
      stream = responder->hijack(101, {{"Content-Type", "application/vnd.docker.raw-stream"}});
    };
  }
  ~HijackFixture() { stream.reset(); }

  std::string read_some() {
    char buffer[4096];
    auto count = stream->read(buffer);
    return count.ok() ? std::string(buffer, *count) : "";
  }

  std::unique_ptr<ByteStream> stream;
};

}  // namespace

TEST_CASE("an upgrade is answered as dockerd answers it and gives raw bytes both ways") {
  HijackFixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send(concat(kAttach, "early input")));
  REQUIRE(client.read_until("\r\n\r\n"));
  CHECK(client.received ==
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n"
        "Upgrade: tcp\r\n\r\n");
  REQUIRE(fixture.stream != nullptr);
  CHECK(fixture.read_some() == "early input");
  CHECK(!fixture.stream->ended());
  CHECK(fixture.stream->write("output") == 6);
  REQUIRE(client.read_until("output"));
  REQUIRE(client.send("more"));
  std::string got;
  REQUIRE(fixture.run_until([&] { return (got += fixture.read_some()) == "more"; }));
}

TEST_CASE("a client that asks for no upgrade gets 200 and the raw stream") {
  HijackFixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send("POST /containers/x/attach HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n"));
  REQUIRE(client.read_until("\r\n\r\n"));
  CHECK(client.received == "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
}

TEST_CASE("each direction of a hijacked connection is closed for itself") {
  HijackFixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send(concat(kAttach, "last words")));
  client.half_close();
  REQUIRE(fixture.run_until([&] { return fixture.stream != nullptr; }));
  std::string got;
  REQUIRE(fixture.run_until([&] {
    got += fixture.read_some();
    return fixture.stream->ended();
  }));
  CHECK(got == "last words");
  CHECK(!fixture.stream->broken());
  CHECK(fixture.stream->write("still heard") == 11);
  fixture.stream->close_write();
  CHECK(fixture.stream->write("too late") == 0);
  REQUIRE(client.read_to_end());
  CHECK(client.received.ends_with("\r\n\r\nstill heard"));
}

TEST_CASE("a hijacked connection learns that its peer has left") {
  HijackFixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send(kAttach));
  REQUIRE(fixture.run_until([&] { return fixture.stream != nullptr; }));
  CHECK(!fixture.stream->broken());
  client.close();
  REQUIRE(fixture.run_until([&] { return fixture.stream->broken(); }));
}

TEST_CASE("a client that ended its input and then leaves is noticed without a write") {
  HijackFixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send(kAttach));
  client.half_close();
  REQUIRE(fixture.run_until([&] { return fixture.stream && fixture.stream->ended(); }));
  CHECK(!fixture.stream->broken());
  client.close();
  REQUIRE(fixture.run_until([&] { return fixture.stream->broken(); }));
}

TEST_CASE("ten megabytes go through a hijacked connection each way unharmed") {
  HijackFixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send(kAttach));
  REQUIRE(client.read_until("\r\n\r\n"));
  client.received.clear();
  std::string data(10u << 20, '\0');
  for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>(i * 2654435761u >> 13);
  std::string echoed;
  std::size_t sent = 0;
  std::string pending;
  REQUIRE(client.read_until([&] {
    client.send_some(std::string_view(data).substr(sent), sent);
    if (pending.empty()) {
      char buffer[30000];
      pending.assign(buffer, fixture.stream->read(buffer).value_or(0));
    }
    pending.erase(0, fixture.stream->write(pending));
    CHECK(fixture.stream->backlog() <= (256u << 10));
    return client.received.size() >= data.size();
  }));
  CHECK(client.received == data);
}

TEST_CASE("what was written before the stream was dropped still arrives") {
  HijackFixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send(kAttach));
  REQUIRE(fixture.run_until([&] { return fixture.stream != nullptr; }));
  CHECK(fixture.stream->write(std::string(200'000, 'z')) == 200'000);
  fixture.stream.reset();
  REQUIRE(client.read_to_end());
  CHECK(count_of(client.received, "z") == 200'000);
}

TEST_CASE("an exchange that is over cannot be hijacked") {
  Fixture fixture;
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->send(200, "text/plain", "x");
    held = std::move(responder);
  };
  RawClient client(fixture);
  REQUIRE(client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n"));
  REQUIRE(client.read_until("\r\n\r\nx"));
  const auto stream = held->hijack(101, {});
  REQUIRE(stream != nullptr);
  CHECK(stream->broken());
  CHECK(stream->write("x") == 0);
}
