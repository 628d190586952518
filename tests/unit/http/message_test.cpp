#include "http/message.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::http;

namespace {

/// Keeps what a server would send.
class RecordedResponder final : public Responder {
 public:
  void start(int status, Headers headers) override {
    status_ = status;
    headers_ = std::move(headers);
  }
  void write(std::string_view bytes) override { body_.append(bytes); }
  void finish() override { finished_ = true; }
  std::size_t backlog() const override { return 0; }
  bool closed() const override { return false; }
  std::unique_ptr<ByteStream> hijack(int, Headers) override { return nullptr; }

  int status_ = 0;
  Headers headers_;
  std::string body_;
  bool finished_ = false;
};

}  // namespace

TEST_CASE("header names compare without case and keep their order") {
  Headers headers{{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}};
  CHECK(headers.get("content-TYPE") == "text/plain");
  CHECK(headers.get("X-a") == "1");
  CHECK(!headers.has("X-B"));
  headers.set("x-A", "3");
  REQUIRE(headers.fields().size() == 2);
  CHECK(headers.fields()[1].second == "3");
  headers.remove("CONTENT-type");
  CHECK(headers.fields().size() == 1);
  headers.set("New", "4");
  CHECK(headers.get("new") == "4");
}

TEST_CASE("a token is found in a list field and in a repeated field") {
  const Headers headers{{"Connection", "keep-alive, Upgrade"}, {"Connection", "close"}};
  CHECK(headers.has_token("connection", "upgrade"));
  CHECK(headers.has_token("connection", "close"));
  CHECK(!headers.has_token("connection", "keep"));
}

TEST_CASE("a query is decoded, repeated names are kept") {
  const Query query = Query::parse("a=1&a=2&name=with%20space+plus&empty&&eq=x=y");
  CHECK(query.get("a") == "1");
  CHECK(query.all("a") == std::vector<std::string>{"1", "2"});
  CHECK(query.get("name") == "with space plus");
  CHECK(query.get("empty") == "");
  CHECK(query.get("eq") == "x=y");
  CHECK(!query.has("missing"));
  CHECK(query.get_or("missing", "fallback") == "fallback");
}

TEST_CASE("flags are read as Docker reads them") {
  const Query query = Query::parse("a=1&b=0&c=True&d=NO&e=&f=none&g=false&h=anything&i=%20false%20");
  CHECK(query.flag("a"));
  CHECK(!query.flag("b"));
  CHECK(query.flag("c"));
  CHECK(!query.flag("d"));
  CHECK(!query.flag("e"));
  CHECK(!query.flag("f"));
  CHECK(!query.flag("g"));
  CHECK(query.flag("h"));
  CHECK(!query.flag("i"));
  CHECK(!query.flag("missing"));
}

TEST_CASE("percent coding goes both ways and leaves a broken escape alone") {
  CHECK(percent_decode("%2Frun%2fdocker.sock") == "/run/docker.sock");
  CHECK(percent_decode("100%") == "100%");
  CHECK(percent_decode("%zz%4") == "%zz%4");
  CHECK(percent_encode("a b/c~\xff") == "a%20b%2Fc~%FF");
  CHECK(percent_encode("library/busybox", "/") == "library/busybox");
}

TEST_CASE("send gives the length and the type of its body") {
  RecordedResponder responder;
  responder.send(200, "application/json", "{}", {{"Api-Version", "1.48"}});
  CHECK(responder.status_ == 200);
  CHECK(responder.headers_.get("Content-Length") == "2");
  CHECK(responder.headers_.get("Content-Type") == "application/json");
  CHECK(responder.headers_.get("Api-Version") == "1.48");
  CHECK(responder.body_ == "{}");
  CHECK(responder.finished_);
}

TEST_CASE("204 and 304 carry neither a body nor a length") {
  for (const int status : {204, 304}) {
    RecordedResponder responder;
    responder.send(status, "application/json", "ignored");
    CHECK(!responder.headers_.has("Content-Length"));
    CHECK(responder.body_.empty());
    CHECK(responder.finished_);
  }
}

TEST_CASE("reason phrases are spelled as Go spells them") {
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(429) == "Too Many Requests");
  CHECK(reason_phrase(799) == "");
}
