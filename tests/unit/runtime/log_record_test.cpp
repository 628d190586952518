#include "runtime/log_record.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::runtime;

namespace {

LogRecord record(std::string log, std::string stream = "stdout") {
  LogRecord out;
  out.log = std::move(log);
  out.stream = std::move(stream);
  out.time = {1'700'000'000'500'000'000};
  return out;
}

constexpr std::string_view kTail = R"(,"time":"2023-11-14T22:13:20.5Z"})"
                                   "\n";

std::string encoded_log(std::string log) {
  const std::string line = encode_log_record(record(std::move(log)));
  const std::string end = R"(,"stream":"stdout")" + std::string(kTail);
  REQUIRE(line.starts_with("{\"log\":"));
  REQUIRE(line.ends_with(end));
  return line.substr(7, line.size() - 7 - end.size());
}

}  // namespace

TEST_CASE("a record is one line as Docker's json-file driver writes it") {
  CHECK(encode_log_record(record("hello\n")) ==
        "{\"log\":\"hello\\n\",\"stream\":\"stdout\",\"time\":\"2023-11-14T22:13:20.5Z\"}\n");
  LogRecord labelled = record("x", "stderr");
  labelled.attributes = {{"env", "prod"}, {"a\"b", "<"}};
  CHECK(encode_log_record(labelled) ==
        "{\"log\":\"x\",\"stream\":\"stderr\",\"attrs\":{\"env\":\"prod\",\"a\\\"b\":\"\\u003c\"},"
        "\"time\":\"2023-11-14T22:13:20.5Z\"}\n");
}

TEST_CASE("escapes are those of Docker's writer") {
  CHECK(encoded_log("a\"b\\c\r\n") == R"("a\"b\\c\r\n")");
  CHECK(encoded_log("\t\x1b[0m\x7f") == "\"\\u0009\\u001b[0m\x7f\"");
  CHECK(encoded_log("<a&b>") == R"("\u003ca\u0026b\u003e")");
  CHECK(encoded_log("\xe2\x80\xa8\xe2\x80\xa9") == R"("\u2028\u2029")");
  CHECK(encoded_log("gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xb3") == "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x90\xb3\"");
  CHECK(encoded_log(std::string("a\0b", 3)) == R"("a\u0000b")");
}

TEST_CASE("each byte that is not UTF-8 becomes one replacement character") {
  CHECK(encoded_log("\xff\xfe") == R"("\ufffd\ufffd")");
  CHECK(encoded_log("\xc3") == R"("\ufffd")");
  CHECK(encoded_log("\xc0\xaf") == R"("\ufffd\ufffd")");                      // overlong
  CHECK(encoded_log("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");            // a surrogate
  CHECK(encoded_log("\xf4\x90\x80\x80") == R"("\ufffd\ufffd\ufffd\ufffd")");  // beyond U+10FFFF
}

TEST_CASE("what was written is read back") {
  std::size_t seen = 0;
  for (const std::string log : {"", "hello\n", "\t\"<&>\\\r\n", "\xe2\x80\xa8", "\xf0\x9f\x90\xb3"}) {
    LogRecord original = record(log, "stderr");
    original.attributes = {{"k", "v"}};
    CHECK(decode_log_record(encode_log_record(original)) == original);
    ++seen;
  }
  CHECK(seen == 5);
}

TEST_CASE("the reader takes any JSON of a record, and nothing else") {
  CHECK(decode_log_record(R"( { "time" : "2023-11-14T22:13:20Z" , "log":"\ud83d\udc33\/\ud800x" } )")->log ==
        "\xf0\x9f\x90\xb3/\xef\xbf\xbdx");
  for (const std::string_view bad :
       {"", "{", "{}", "[]", "{\"log\":\"x\"}", "{\"log\":\"x\",\"time\":\"yesterday\"}",
        "{\"log\":1,\"time\":\"2023-11-14T22:13:20Z\"}", "{\"log\":\"x,\"time\":\"2023-11-14T22:13:20Z\"}",
        "{\"log\":\"\\u12\",\"time\":\"2023-11-14T22:13:20Z\"}", "{\"log\":\"\\x\",\"time\":\"2023-11-14T22:13:20Z\"}",
        "{\"time\":\"2023-11-14T22:13:20Z\"} x", "{\"attrs\":{\"a\":1},\"time\":\"2023-11-14T22:13:20Z\"}",
        "{\"log\":\"x\"\"time\":\"2023-11-14T22:13:20Z\"}", "{\"log\":\"\\"}) {
    CAPTURE(bad);
    CHECK(!decode_log_record(bad).has_value());
  }
}

TEST_CASE("output is cut at newlines, and long lines into pieces of 16 KiB") {
  LogSplitter splitter;
  CHECK(splitter.push("one\ntw") == std::vector<std::string>{"one\n"});
  CHECK(splitter.push("o\n\n") == std::vector<std::string>{"two\n", "\n"});
  CHECK(!splitter.finish().has_value());
  CHECK(splitter.push(std::string(kLogPieceMax, 'x')).empty());
  CHECK(splitter.push("\n") == std::vector<std::string>{std::string(kLogPieceMax, 'x'), "\n"});
  CHECK(splitter.push(std::string(kLogPieceMax - 1, 'x') + '\n').size() == 1);
  CHECK(splitter.push(std::string(2 * kLogPieceMax + 5, 'y')).size() == 2);
  CHECK(splitter.finish() == std::string(5, 'y'));
  CHECK(!splitter.finish().has_value());
}

TEST_CASE("a long line is not cut within a character") {
  LogSplitter splitter;
  const auto pieces = splitter.push(std::string(kLogPieceMax - 1, 'x') + "\xe2\x82\xac\n");
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].size() == kLogPieceMax - 1);
  CHECK(pieces[1] == "\xe2\x82\xac\n");
  const auto binary = splitter.push(std::string(kLogPieceMax + 1, '\x80') + '\n');
  REQUIRE(binary.size() == 2);
  CHECK(binary[0].size() == kLogPieceMax);
}

TEST_CASE("a cursor yields records from chunks of any size and waits for a torn last line") {
  const std::string file = encode_log_record(record("one\n")) + encode_log_record(record("two\n", "stderr"));
  for (const std::size_t chunk : {1, 7, 1000}) {
    LogCursor cursor;
    std::vector<std::string> logs;
    for (std::size_t at = 0; at < file.size(); at += chunk) {
      cursor.push(file.substr(at, chunk));
      while (const auto next = cursor.next()) logs.push_back(next->log);
    }
    CHECK(logs == std::vector<std::string>{"one\n", "two\n"});
    CHECK(cursor.offset() == file.size());
    CHECK(cursor.skipped() == 0);
    cursor.push(R"({"log":"thr)");
    CHECK(!cursor.next().has_value());
    CHECK(cursor.offset() == file.size());
  }
}

TEST_CASE("damaged and endless lines are skipped and counted") {
  LogCursor cursor;
  cursor.push("garbage\n" + encode_log_record(record("ok\n")));
  CHECK(cursor.next()->log == "ok\n");
  CHECK(cursor.skipped() == 1);
  const std::uint64_t before = cursor.offset();
  cursor.push(std::string(kLogLineMax + 1, 'x'));
  CHECK(!cursor.next().has_value());
  CHECK(cursor.offset() == before + kLogLineMax + 1);
  cursor.push("rest of it\n" + encode_log_record(record("after\n")));
  CHECK(cursor.next()->log == "after\n");
  CHECK(cursor.skipped() == 2);
}

TEST_CASE("the longest encoding of one piece is within the reader's limit") {
  const std::string line = encode_log_record(record(std::string(kLogPieceMax, '\x01')));
  CHECK(line.size() > 6 * kLogPieceMax);
  REQUIRE(line.size() < kLogLineMax);
  CHECK(decode_log_record(line)->log.size() == kLogPieceMax);
}
