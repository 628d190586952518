// native/server's http::Transport against its own server and against peers that misbehave.

#include "native/server/transport.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include "server_fixture.h"
#include "tls_files.h"

using namespace drydock;
using namespace drydock::native;
using namespace drydock::native::test;

namespace {

struct Answer {
  int status = 0;
  http::Headers headers;
  std::string body;
  std::string failure;
};

struct TransportFixture : Fixture {
  explicit TransportFixture(TransportOptions options = {.certs_directory = ""}) {
    transport = make_transport(
        io, [this] { ++news; }, options);
    port = server->listen_tcp("127.0.0.1", 0).value();
  }

  std::string url(std::string_view path) const { return concat("http://127.0.0.1:", port, path); }

  Answer fetch(http::ClientRequest request) {
    auto exchange = transport->send(std::move(request));
    return read_all(*exchange);
  }
  Answer get(std::string url) {
    http::ClientRequest request;
    request.url = std::move(url);
    return fetch(std::move(request));
  }
  Answer read_all(http::Exchange& exchange) {
    Answer answer;
    char buffer[65536];
    const bool over = run_until([&] {
      while (true) {
        const auto count = exchange.read(buffer);
        if (!count.ok()) return true;
        if (count.value() == 0) break;
        answer.body.append(buffer, count.value());
      }
      return exchange.ended() || exchange.failure().has_value();
    });
    if (exchange.head() != nullptr) {
      answer.status = exchange.head()->status;
      answer.headers = exchange.head()->headers;
    }
    if (!over) answer.failure = "the test's own time limit";
    if (exchange.failure()) answer.failure = exchange.failure()->message;
    return answer;
  }

  std::uint16_t port = 0;
  int news = 0;
  std::unique_ptr<http::Transport> transport;
};

/// Accepts connections and says the same text to each, whatever is asked.
class FixedPeer {
 public:
  FixedPeer(Fixture& fixture, std::string text, bool reset = false) : text_(std::move(text)), reset_(reset) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(fd_, 8);
    socklen_t length = sizeof(address);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    fixture.side_work = [this] { work(); };
  }
  ~FixedPeer() { ::close(fd_); }

  std::string url() const { return concat("http://127.0.0.1:", port_, "/"); }
  std::uint16_t port() const { return port_; }
  int connections = 0;
  std::string heard;

 private:
  void work() {
    if (peer_ < 0) {
      peer_ = ::accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (peer_ < 0) return;
      ++connections;
    }
    char buffer[4096];
    const ssize_t count = ::recv(peer_, buffer, sizeof(buffer), 0);
    if (count < 0) return;
    heard.append(buffer, static_cast<std::size_t>(count));
    static_cast<void>(::send(peer_, text_.data(), text_.size(), MSG_NOSIGNAL));
    if (reset_) {
      const linger at_once{1, 0};
      ::setsockopt(peer_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    ::close(peer_);
    peer_ = -1;
  }

  int fd_ = -1;
  int peer_ = -1;
  std::uint16_t port_ = 0;
  std::string text_;
  bool reset_;
};

/// A source of which only so much is there at a time.
class TricklingSource final : public ByteSource {
 public:
  explicit TricklingSource(std::string bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> read(std::span<char> out) override {
    if (++calls_ % 2 == 0 || at_ == bytes_.size()) return std::size_t{0};
    const std::size_t count = std::min({out.size(), bytes_.size() - at_, std::size_t{1000}});
    std::memcpy(out.data(), bytes_.data() + at_, count);
    at_ += count;
    return count;
  }
  bool ended() const override { return at_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
  int calls_ = 0;
};

}  // namespace

TEST_CASE("a request goes over TCP and over a UNIX socket") {
  TransportFixture fixture;
  const Answer tcp = fixture.get(fixture.url("/a?b=c"));
  CHECK(tcp.failure == "");
  CHECK(tcp.status == 200);
  CHECK(tcp.body == "GET /a ");
  CHECK(tcp.headers.get("content-type") == "text/plain");
  CHECK(fixture.news > 0);
  const Answer local = fixture.get(concat("http+unix://", http::percent_encode(fixture.socket_path), "/info"));
  CHECK(local.body == "GET /info ");
}

TEST_CASE("connections are kept and used again") {
  TransportFixture fixture;
  for (int i = 0; i < 5; ++i) CHECK(fixture.get(fixture.url("/a")).status == 200);
  CHECK(fixture.server->connection_count() == 1);
}

TEST_CASE("a kept connection that the server closed is replaced without an error") {
  TransportFixture fixture;
  CHECK(fixture.get(fixture.url("/a")).status == 200);
  fixture.server.emplace(fixture.io, fixture.application, [] {});
  REQUIRE(fixture.server->listen_tcp("127.0.0.1", fixture.port).ok());
  CHECK(fixture.get(fixture.url("/b")).body == "GET /b ");
}

TEST_CASE("HEAD, 204 and 304 have no body and do not wait for one") {
  TransportFixture fixture;
  fixture.application.handler = [](http::Request request, std::shared_ptr<http::Responder> responder) {
    responder->send(request.path == "/204" ? 204 : request.path == "/304" ? 304 : 200, "text/plain", "body");
  };
  http::ClientRequest head;
  head.method = "HEAD";
  head.url = fixture.url("/x");
  const Answer answer = fixture.fetch(std::move(head));
  CHECK(answer.status == 200);
  CHECK(answer.headers.get("Content-Length") == "4");
  CHECK(answer.body.empty());
  CHECK(fixture.get(fixture.url("/204")).status == 204);
  CHECK(fixture.get(fixture.url("/304")).status == 304);
  CHECK(fixture.server->connection_count() == 1);
}

TEST_CASE("bodies are sent with their length, or chunked where it is not known") {
  TransportFixture fixture;
  for (const bool sized : {true, false}) {
    CAPTURE(sized);
    http::ClientRequest request;
    request.method = "PUT";
    request.url = fixture.url("/up");
    const std::string body(100'000, 'u');
    request.body = std::make_unique<TricklingSource>(body);
    if (sized) request.body_size = body.size();
    const Answer answer = fixture.fetch(std::move(request));
    CHECK(answer.failure == "");
    CHECK(answer.body == concat("PUT /up ", body));
  }
}

TEST_CASE("a body of another length than promised is an error") {
  TransportFixture fixture;
  for (const std::uint64_t promised : {3, 5}) {
    http::ClientRequest request;
    request.method = "PUT";
    request.url = fixture.url("/up");
    request.body = std::make_unique<StringSource>("four");
    request.body_size = promised;
    CHECK(fixture.fetch(std::move(request)).failure == concat("http: ContentLength=", promised, " with Body length 4"));
  }
}

TEST_CASE("an answer that comes before the whole body was sent counts") {
  TransportFixture fixture;
  fixture.application.handler = [](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->send(401, "text/plain", "no");
  };
  http::ClientRequest request;
  request.method = "PUT";
  request.url = fixture.url("/stream");
  request.body = std::make_unique<StringSource>(std::string(20u << 20, 'x'));
  request.body_size = 20u << 20;
  const Answer answer = fixture.fetch(std::move(request));
  CHECK(answer.failure == "");
  CHECK(answer.status == 401);
  CHECK(answer.body == "no");
}

TEST_CASE("an answer that nobody reads is not taken from the socket") {
  TransportFixture fixture;
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {});
    responder->write(std::string(30u << 20, 'x'));
    responder->finish();
    held = std::move(responder);
  };
  http::ClientRequest request;
  request.url = fixture.url("/big");
  auto exchange = fixture.transport->send(std::move(request));
  fixture.run_until([] { return false; }, std::chrono::milliseconds(200));
  REQUIRE(held != nullptr);
  CHECK(held->backlog() > (10u << 20));
  CHECK(fixture.read_all(*exchange).body.size() == (30u << 20));
}

TEST_CASE("failures are told in Go's words") {
  TransportFixture fixture;
  CHECK(fixture.get("http://127.0.0.1:1/").failure == "dial tcp 127.0.0.1:1: connect: connection refused");
  CHECK(fixture.get("http+unix://%2Fnonexistent%2Fs.sock/").failure ==
        "dial unix /nonexistent/s.sock: connect: no such file or directory");
  CHECK(fixture.get("gopher://a/").failure == "parse \"gopher://a/\": unsupported protocol scheme \"gopher\"");
  http::ClientRequest forged;
  forged.url = fixture.url("/");
  forged.headers.add("X-A", "b\r\nX-C: d");
  CHECK(fixture.fetch(std::move(forged)).failure == "net/http: invalid header field value for \"X-A\"");
  CHECK(fixture.get(concat("https://127.0.0.1:", fixture.port, "/")).failure ==
        "http: server gave HTTP response to HTTPS client");
}

TEST_CASE("an answer that breaks off is an error, what came of it can be read") {
  struct Row {
    const char* text;
    const char* failure;
    const char* body;
  };
  const Row rows[] = {
      {"", "EOF", ""},
      {"HTTP/1.1 200 OK\r\nContent-", "unexpected EOF", ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "unexpected EOF", "abc"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "unexpected EOF", "abc"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed chunked encoding", ""},
      {"SSH-2.0-nonsense\r\n\r\n",
       "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH-2.0-nonsense\\r\"", ""},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "", "ok"},
      {"HTTP/1.0 200 OK\r\n\r\nto the end", "", "to the end"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    TransportFixture fixture;
    FixedPeer peer(fixture, row.text);
    const Answer answer = fixture.get(peer.url());
    CHECK(answer.failure == row.failure);
    CHECK(answer.body == row.body);
    fixture.side_work = nullptr;
  }
}

TEST_CASE("an answer's head over its limit is refused") {
  TransportFixture fixture;
  FixedPeer peer(fixture, concat("HTTP/1.1 200 OK\r\nX: ", std::string(2u << 20, 'x')));
  CHECK(fixture.get(peer.url()).failure == "net/http: server response headers exceeded 1048576 bytes; aborted");
  fixture.side_work = nullptr;
}

TEST_CASE("a server that falls silent is given up after the idle timeout") {
  TransportFixture fixture;
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    held = std::move(responder);
  };
  http::ClientRequest request;
  request.url = fixture.url("/");
  request.idle_timeout_ns = 50 * kNanosPerMilli;
  CHECK(fixture.fetch(std::move(request)).failure == "i/o timeout");
}

TEST_CASE("dropping the exchange closes its connection") {
  TransportFixture fixture;
  std::shared_ptr<http::Responder> held;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    held = std::move(responder);
  };
  http::ClientRequest request;
  request.url = fixture.url("/");
  auto exchange = fixture.transport->send(std::move(request));
  REQUIRE(fixture.run_until([&] { return held != nullptr; }));
  exchange.reset();
  CHECK(fixture.run_until([&] { return held->closed(); }));
}

TEST_CASE("plain requests are sent whole to a proxy, with its credentials") {
  TransportFixture direct;
  FixedPeer proxy(direct, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy");
  direct.transport =
      make_transport(direct.io, [] {},
                     {.certs_directory = "", .proxies = {.http_proxy = concat("http://u:p@127.0.0.1:", proxy.port())}});
  CHECK(direct.get("http://registry.invalid/v2/?a=b").body == "proxy");
  CHECK(proxy.heard.starts_with("GET http://registry.invalid/v2/?a=b HTTP/1.1\r\nHost: registry.invalid\r\n"));
  CHECK(proxy.heard.find("Proxy-Authorization: Basic dTpw\r\n") != std::string::npos);
  direct.side_work = nullptr;
}

TEST_CASE("https goes through a proxy's CONNECT") {
  TransportFixture fixture;
  FixedPeer proxy(fixture, "HTTP/1.1 403 Forbidden\r\n\r\n");
  fixture.transport = make_transport(
      fixture.io, [] {}, {.certs_directory = "", .proxies = {.https_proxy = concat("127.0.0.1:", proxy.port())}});
  CHECK(fixture.get("https://registry.invalid/v2/").failure == "Forbidden");
  CHECK(proxy.heard.starts_with("CONNECT registry.invalid:443 HTTP/1.1\r\nHost: registry.invalid:443\r\n"));
  fixture.side_work = nullptr;
}

TEST_CASE("NO_PROXY is read as Go reads it") {
  ProxySettings settings{.http_proxy = "proxy:3128", .https_proxy = "", .no_proxy = ""};
  const auto proxied = [&](std::string_view no_proxy, const char* url) {
    settings.no_proxy = std::string(no_proxy);
    return proxy_for(settings, http::parse_url(url).value()).value().has_value();
  };
  CHECK(proxied("", "http://example.com/"));
  CHECK(!proxied("", "https://example.com/"));
  CHECK(!proxied("", "http://localhost:5000/"));
  CHECK(!proxied("", "http://127.0.0.2/"));
  CHECK(!proxied("*", "http://example.com/"));
  CHECK(!proxied("other, example.com", "http://example.com/"));
  CHECK(!proxied("example.com", "http://a.example.com/"));
  CHECK(proxied("example.com", "http://notexample.com/"));
  CHECK(proxied(".example.com", "http://example.com/"));
  CHECK(!proxied(".example.com", "http://a.example.com/"));
  CHECK(proxied("example.com:81", "http://example.com/"));
  CHECK(!proxied("example.com:80", "http://example.com/"));
  CHECK(!proxied("10.0.0.0/8", "http://10.1.2.3/"));
  CHECK(proxied("10.0.0.0/8", "http://11.1.2.3/"));
  CHECK(!proxied("10.1.2.3", "http://10.1.2.3/"));
  CHECK(!proxy_for({.http_proxy = "socks5://a", .https_proxy = "", .no_proxy = ""},
                   http::parse_url("http://example.com").value())
             .ok());
}

TEST_CASE("TLS: a server is verified against the CAs of its certs.d folder") {
  const TlsFiles files;
  TransportFixture fixture;
  const auto port = fixture.server->listen_tcp(
      "127.0.0.1", 0,
      TlsServerOptions{
          .certificate_file = files.certificate("server"), .key_file = files.key("server"), .ca_file = ""});
  REQUIRE(port.ok());
  const std::string url = concat("https://127.0.0.1:", port.value(), "/info");
  CHECK(fixture.get(url).failure == "x509: certificate signed by unknown authority");

  http::ClientRequest insecure;
  insecure.url = url;
  insecure.accept_any_certificate = true;
  CHECK(fixture.fetch(std::move(insecure)).body == "GET /info ");
  // The connection that was not verified must not serve a request that wants it verified.
  CHECK(fixture.get(url).failure == "x509: certificate signed by unknown authority");

  const std::string certs = files.folder() + "/certs.d";
  const std::string own = concat(certs, "/127.0.0.1:", port.value());
  std::filesystem::create_directories(own);
  std::filesystem::copy(files.certificate("ca"), own + "/ca.crt");
  fixture.transport = make_transport(fixture.io, [] {}, {.certs_directory = certs});
  const Answer trusted = fixture.get(url);
  CHECK(trusted.failure == "");
  CHECK(trusted.body == "GET /info ");
}

TEST_CASE("TLS: a certificate for another name is refused") {
  const TlsFiles files;
  TransportFixture fixture;
  const auto port = fixture.server->listen_tcp(
      "127.0.0.2", 0,
      TlsServerOptions{
          .certificate_file = files.certificate("server"), .key_file = files.key("server"), .ca_file = ""});
  REQUIRE(port.ok());
  const std::string own = concat(files.folder(), "/certs.d/127.0.0.2:", port.value());
  std::filesystem::create_directories(own);
  std::filesystem::copy(files.certificate("ca"), own + "/ca.crt");
  fixture.transport = make_transport(fixture.io, [] {}, {.certs_directory = files.folder() + "/certs.d"});
  CHECK(fixture.get(concat("https://127.0.0.2:", port.value(), "/")).failure ==
        "x509: certificate is not valid for 127.0.0.2");
}

TEST_CASE("TLS: with --tlsverify a client needs a certificate of the CA") {
  const TlsFiles files;
  TransportFixture fixture;
  const auto port = fixture.server->listen_tcp("127.0.0.1", 0,
                                               TlsServerOptions{.certificate_file = files.certificate("server"),
                                                                .key_file = files.key("server"),
                                                                .ca_file = files.certificate("ca"),
                                                                .verify_clients = true});
  REQUIRE(port.ok());
  const std::string own = concat(files.folder(), "/certs.d/127.0.0.1:", port.value());
  std::filesystem::create_directories(own);
  std::filesystem::copy(files.certificate("ca"), own + "/ca.crt");
  const auto fresh = [&] {
    fixture.transport = make_transport(fixture.io, [] {}, {.certs_directory = files.folder() + "/certs.d"});
  };
  const std::string url = concat("https://127.0.0.1:", port.value(), "/info");
  fresh();
  CHECK(!fixture.get(url).failure.empty());
  std::filesystem::copy(files.certificate("client"), own + "/client.cert");
  std::filesystem::copy(files.key("client"), own + "/client.key");
  fresh();
  CHECK(fixture.get(url).body == "GET /info ");
}

TEST_CASE("TLS: ten megabytes go through") {
  const TlsFiles files;
  TransportFixture fixture;
  const std::string big(10u << 20, 't');
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->send(200, "text/plain", big);
  };
  const auto port = fixture.server->listen_tcp(
      "127.0.0.1", 0,
      TlsServerOptions{
          .certificate_file = files.certificate("server"), .key_file = files.key("server"), .ca_file = ""});
  REQUIRE(port.ok());
  http::ClientRequest request;
  request.url = concat("https://127.0.0.1:", port.value(), "/big");
  request.accept_any_certificate = true;
  CHECK(fixture.fetch(std::move(request)).body == big);
}

TEST_CASE("TLS: files that cannot be loaded are named") {
  Fixture fixture;
  const auto bound = fixture.server->listen_tcp(
      "127.0.0.1", 0,
      TlsServerOptions{.certificate_file = "/nonexistent/c.pem", .key_file = "/nonexistent/k.pem", .ca_file = ""});
  REQUIRE(!bound.ok());
  CHECK(bound.error().message.find("/nonexistent/c.pem") != std::string::npos);
}

TEST_CASE("a hundred megabytes arrive quickly") {
  TransportFixture fixture;
  const std::string piece(1u << 20, 'q');
  std::shared_ptr<http::Responder> held;
  int left = 100;
  fixture.application.handler = [&](http::Request, std::shared_ptr<http::Responder> responder) {
    responder->start(200, {});
    held = std::move(responder);
  };
  http::ClientRequest request;
  request.url = fixture.url("/");
  auto exchange = fixture.transport->send(std::move(request));
  std::size_t got = 0;
  std::string buffer(256u << 10, '\0');
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE(fixture.run_until([&] {
    while (held && left > 0 && held->backlog() < (4u << 20)) {
      held->write(piece);
      if (--left == 0) held->finish();
    }
    while (true) {
      const std::size_t count = exchange->read(buffer).value_or(0);
      if (count == 0) break;
      got += count;
    }
    return exchange->ended();
  }));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  MESSAGE("100 MB over loopback, server and client in one thread: " << took.count() << " ms");
  CHECK(got == (100u << 20));
}
