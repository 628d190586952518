// native/server over a UNIX socket: requests, answers, limits.

#include "native/server/server.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "server_fixture.h"

using namespace drydock;
using namespace drydock::native;
using namespace drydock::native::test;

namespace {

constexpr const char* kGetInfo = "GET /info HTTP/1.1\r\nHost: docker\r\n\r\n";

}  // namespace

TEST_CASE("a request is answered and the connection kept for the next") {
  Fixture fixture;
  REQUIRE(fixture.listened);
  RawClient client(fixture);
  REQUIRE(client.send(kGetInfo));
  REQUIRE(client.read_until("GET /info "));
  CHECK(client.received.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(client.received.find("Content-Length: 10\r\n") != std::string::npos);
  CHECK(client.received.find("Date: ") != std::string::npos);
  REQUIRE(client.send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"));
  REQUIRE(client.read_until("POST /x body"));
  CHECK(!client.ended);
  CHECK(fixture.wakes > 0);
}

TEST_CASE("pipelined requests are answered one after another in their order") {
  Fixture fixture;
  std::vector<std::shared_ptr<http::Responder>> waiting;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    waiting.push_back(std::move(responder));
  };
  RawClient client(fixture);
  REQUIRE(client.send(concat(kGetInfo, kGetInfo, kGetInfo)));
  for (std::size_t i = 1; i <= 3; ++i) {
    REQUIRE(fixture.run_until([&] { return waiting.size() == i; }));
    waiting.back()->send(200, "text/plain", concat("answer ", i));
    REQUIRE(client.read_until(concat("answer ", i)));
  }
  CHECK(waiting.size() == 3);
}

TEST_CASE("an answer without a length is chunked as it is written") {
  Fixture fixture;
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {{"Content-Type", "application/json"}});
    responder->write("{\"status\":\"one\"}\r\n");
    held = responder;
  };
  RawClient client(fixture);
  REQUIRE(client.send(kGetInfo));
  REQUIRE(client.read_until("12\r\n{\"status\":\"one\"}\r\n\r\n"));
  CHECK(client.received.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  held->write("two");
  REQUIRE(client.read_until("3\r\ntwo\r\n"));
  held->finish();
  REQUIRE(client.read_until("0\r\n\r\n"));
  CHECK(!client.ended);
}

TEST_CASE("an HTTP/1.0 client gets its answer up to the close") {
  Fixture fixture;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {});
    responder->write("plain");
    responder->finish();
  };
  RawClient client(fixture);
  REQUIRE(client.send("GET /info HTTP/1.0\r\n\r\n"));
  REQUIRE(client.read_to_end());
  CHECK(client.received.starts_with("HTTP/1.0 200 OK\r\n"));
  CHECK(client.received.ends_with("\r\n\r\nplain"));
}

TEST_CASE("HEAD gets the head of the answer alone") {
  Fixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send(concat("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", kGetInfo)));
  REQUIRE(client.read_until("GET /info "));
  CHECK(client.received.find("Content-Length: 8\r\n") != std::string::npos);
  CHECK(client.received.find("HEAD /a") == std::string::npos);
}

TEST_CASE("a text with line breaks in a header value cannot forge a field") {
  Fixture fixture;
  fixture.application.handler = [](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->send(200, "text/plain", "x", {{"X-Name", "a\r\nSet-Cookie: b"}});
  };
  RawClient client(fixture);
  REQUIRE(client.send(kGetInfo));
  REQUIRE(client.read_until("\r\n\r\nx"));
  CHECK(client.received.find("X-Name: a  Set-Cookie: b\r\n") != std::string::npos);
}

TEST_CASE("what is not HTTP is answered with 400 and the connection closed") {
  for (const char* text :
       {"nonsense\r\n\r\n", "GET  HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\n\r\n", "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    CAPTURE(text);
    Fixture fixture;
    bool handled = false;
    fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder>) { handled = true; };
    RawClient client(fixture);
    REQUIRE(client.send(text));
    client.half_close();
    REQUIRE(client.read_to_end());
    CHECK(client.received.starts_with("HTTP/1.1 400 Bad Request\r\n"));
    CHECK(client.received.find("Connection: close\r\n") != std::string::npos);
    CHECK(!handled);
  }
}

TEST_CASE("a head over the limit is answered with 431") {
  Fixture fixture;
  RawClient client(fixture);
  std::string head = "GET /a HTTP/1.1\r\nHost: a\r\nX-Long: ";
  head.append(http::kHeadBytesMax, 'x');
  client.send(head);
  REQUIRE(client.read_to_end());
  CHECK(client.received.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"));
}

TEST_CASE("a buffered body at the limit is taken, one over it is 413") {
  Fixture fixture;
  std::size_t size = 0;
  fixture.application.handler = [&](http::Request request, std::shared_ptr<http::Responder> responder) {
    size = request.body.size();
    responder->send(200, "text/plain", "taken");
  };
  RawClient client(fixture);
  const std::string body(http::kBufferedBodyMax, 'b');
  REQUIRE(client.send(concat("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ", body.size(), "\r\n\r\n", body)));
  REQUIRE(client.read_until("taken"));
  CHECK(size == http::kBufferedBodyMax);
  client.send(concat("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: ", body.size() + 1, "\r\n\r\n", body, "b"));
  REQUIRE(client.read_to_end());
  CHECK(client.received.find("HTTP/1.1 413 Request Entity Too Large\r\n") != std::string::npos);
}

TEST_CASE("a chunked buffered body is held to the same limit") {
  Fixture fixture;
  RawClient client(fixture);
  REQUIRE(
      client.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"));
  REQUIRE(client.read_until("POST /a abcde"));
  std::string chunks = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 65; ++i) chunks.append("10000\r\n").append(0x10000, 'c').append("\r\n");
  client.send(chunks);
  REQUIRE(client.read_to_end());
  CHECK(client.received.find("HTTP/1.1 413 ") != std::string::npos);
}

TEST_CASE("a streamed body flows while the handler reads and waits while it does not") {
  Fixture fixture;
  std::unique_ptr<ByteSource> body;
  std::shared_ptr<http::Responder> responder;
  fixture.application.handler = [&](http::Request request, std::shared_ptr<http::Responder> answer) {
    body = std::move(request.body_stream);
    responder = std::move(answer);
  };
  RawClient client(fixture);
  constexpr std::size_t kSize = 8u << 20;
  REQUIRE(client.send(concat("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: ", kSize, "\r\n\r\n")));
  REQUIRE(fixture.run_until([&] { return body != nullptr; }));
  std::string rest(kSize, 's');
  for (std::size_t i = 0; i < rest.size(); i += 1000) rest[i] = static_cast<char>('a' + i % 26);
  // Nobody reads: the sockets' buffers fill and the server stops taking.
  std::size_t sent = 0;
  fixture.run_until(
      [&] {
        const std::string_view left = std::string_view(rest).substr(sent);
        client.send_some(left, sent);
        return sent == kSize;
      },
      std::chrono::milliseconds(300));
  CHECK(sent < kSize / 2);
  std::string got;
  REQUIRE(fixture.run_until([&] {
    client.send_some(std::string_view(rest).substr(sent), sent);
    char buffer[50000];
    const auto count = body->read(buffer);
    if (!count.ok()) return true;
    got.append(buffer, count.value());
    return body->ended();
  }));
  CHECK(got == rest);
  responder->send(200, "text/plain", "all of it");
  REQUIRE(client.read_until("all of it"));
  REQUIRE(client.send(kGetInfo));
}

TEST_CASE("a streamed body that breaks off is an error, not an end") {
  Fixture fixture;
  std::unique_ptr<ByteSource> body;
  std::shared_ptr<http::Responder> responder;
  fixture.application.handler = [&](http::Request request, std::shared_ptr<http::Responder> answer) {
    body = std::move(request.body_stream);
    responder = std::move(answer);
  };
  RawClient client(fixture);
  REQUIRE(client.send("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfive!"));
  client.close();
  char buffer[100];
  std::optional<Error> failure;
  std::string got;
  REQUIRE(fixture.run_until([&] {
    if (!body) return false;
    auto count = body->read(buffer);
    if (count.ok()) {
      got.append(buffer, *count);
    } else {
      failure = count.error();
    }
    return failure.has_value();
  }));
  CHECK(got == "five!");
  CHECK(failure->message == "unexpected EOF");
  CHECK(!body->ended());
  CHECK(responder->closed());
}

TEST_CASE("100 Continue is sent when the body is wanted") {
  Fixture fixture;
  RawClient client(fixture);
  REQUIRE(client.send("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  REQUIRE(client.read_until("HTTP/1.1 100 Continue\r\n\r\n"));
  REQUIRE(client.send("body"));
  REQUIRE(client.read_until("POST /a body"));
}

TEST_CASE("a streamed body that is refused is not asked for, and the connection ends") {
  Fixture fixture;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->send(409, "application/json", "{}");
  };
  RawClient client(fixture);
  REQUIRE(client.send("POST /stream HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"));
  REQUIRE(client.read_to_end());
  CHECK(client.received.starts_with("HTTP/1.1 409 Conflict\r\n"));
  CHECK(client.received.find("100 Continue") == std::string::npos);
}

TEST_CASE("a short body that the handler left unread does not disturb the next request") {
  Fixture fixture;
  fixture.application.handler = [&](http::Request request, std::shared_ptr<http::Responder> responder) {
    responder->send(200, "text/plain", request.path);
  };
  RawClient client(fixture);
  REQUIRE(client.send(concat("POST /stream HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nun")));
  REQUIRE(client.read_until("/stream"));
  REQUIRE(client.send(concat("put", kGetInfo)));
  REQUIRE(client.read_until("/info"));
  CHECK(count_of(client.received, "HTTP/1.1 200 OK") == 2);
}

TEST_CASE("a handler that drops its responder gives 500, half an answer is cut off") {
  Fixture fixture;
  fixture.application.handler = [&](http::Request request, std::shared_ptr<http::Responder> responder) {
    if (request.path == "/half") {
      responder->start(200, {});
      responder->write("half");
    }
  };
  RawClient dropped(fixture);
  REQUIRE(dropped.send(kGetInfo));
  REQUIRE(dropped.read_to_end());
  CHECK(dropped.received.starts_with("HTTP/1.1 500 Internal Server Error\r\n"));
  RawClient half(fixture);
  REQUIRE(half.send("GET /half HTTP/1.1\r\nHost: a\r\n\r\n"));
  REQUIRE(half.read_to_end());
  CHECK(half.received.find("0\r\n\r\n") == std::string::npos);
}

TEST_CASE("a long answer learns that its peer has left") {
  Fixture fixture;
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {});
    held = std::move(responder);
  };
  RawClient client(fixture);
  REQUIRE(client.send(kGetInfo));
  REQUIRE(client.read_until("chunked"));
  CHECK(!held->closed());
  const int wakes = fixture.wakes;
  client.close();
  REQUIRE(fixture.run_until([&] { return held->closed(); }));
  CHECK(fixture.wakes > wakes);
}

TEST_CASE("what the peer does not take counts as backlog") {
  Fixture fixture;
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {});
    held = std::move(responder);
  };
  RawClient client(fixture);
  REQUIRE(client.send(kGetInfo));
  REQUIRE(fixture.run_until([&] { return held != nullptr; }));
  held->write(std::string(8u << 20, 'x'));
  fixture.run_until([] { return false; }, std::chrono::milliseconds(50));
  CHECK(held->backlog() > (4u << 20));
  REQUIRE(client.read_until([&] { return held->backlog() == 0; }));
  held->finish();
  REQUIRE(client.read_until("\r\n0\r\n\r\n"));
}

TEST_CASE("an answer beyond the backlog limit is given up") {
  Fixture fixture({.answer_backlog_max = 100'000});
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {});
    held = std::move(responder);
  };
  RawClient client(fixture);
  REQUIRE(client.send(kGetInfo));
  REQUIRE(fixture.run_until([&] { return held != nullptr; }));
  held->write(std::string(90'000, 'x'));
  CHECK(!held->closed());
  held->write(std::string(20'000, 'x'));
  CHECK(held->closed());
}

TEST_CASE("a client that dawdles over its head is cut off") {
  Fixture fixture({.head_timeout_ns = 50 * kNanosPerMilli});
  RawClient client(fixture);
  REQUIRE(client.send("GET /info HT"));
  REQUIRE(client.read_to_end());
  CHECK(client.received.empty());
  CHECK(fixture.run_until([&] { return fixture.server->connection_count() == 0; }));
}

TEST_CASE("beyond the connection limit clients wait their turn") {
  Fixture fixture({.connections_max = 2});
  auto first = std::make_unique<RawClient>(fixture);
  RawClient second(fixture);
  RawClient third(fixture);
  REQUIRE(first->send(kGetInfo));
  REQUIRE(first->read_until("GET /info"));
  REQUIRE(third.send(kGetInfo));
  fixture.run_until([] { return false; }, std::chrono::milliseconds(50));
  third.drain();
  CHECK(third.received.empty());
  CHECK(fixture.server->connection_count() == 2);
  first.reset();
  REQUIRE(third.read_until("GET /info"));
}

TEST_CASE("the socket is 0660, a stale one is replaced, a live one and a file are not") {
  Fixture fixture;
  struct stat info {};
  REQUIRE(::stat(fixture.socket_path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0660);
  Server second(fixture.io, fixture.application, [] {});
  CHECK(second.listen_unix(fixture.socket_path).error().kind == ErrorKind::conflict);

  const std::string stale = fixture.folder_path + "/stale.sock";
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, stale.data(), stale.size());
  REQUIRE(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  ::close(fd);
  CHECK(second.listen_unix(stale).ok());

  const std::string file = fixture.folder_path + "/file";
  REQUIRE(::symlink("nowhere", file.c_str()) == 0);
  CHECK(!second.listen_unix(file).ok());
  ::unlink(file.c_str());
  CHECK(second.listen_unix(std::string(200, 'x')).error().message.find("invalid argument") != std::string::npos);
}

TEST_CASE("the socket file goes with its server") {
  std::string path;
  {
    Fixture fixture;
    path = fixture.socket_path;
    fixture.server.reset();
    CHECK(::access(path.c_str(), F_OK) != 0);
  }
}

TEST_CASE("a port that is taken is reported in Go's words") {
  Fixture fixture;
  const auto port = fixture.server->listen_tcp("127.0.0.1", 0);
  REQUIRE(port.ok());
  Server second(fixture.io, fixture.application, [] {});
  const auto taken = second.listen_tcp("127.0.0.1", port.value());
  REQUIRE(!taken.ok());
  CHECK(taken.error().message == concat("listen tcp 127.0.0.1:", port.value(), ": bind: address already in use"));
}
