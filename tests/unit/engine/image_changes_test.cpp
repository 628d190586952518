#include "engine/image_changes.h"

#include <doctest/doctest.h>

#include "engine/image_change_words.h"

using namespace drydock;
using namespace drydock::engine;
using Words = std::vector<std::string>;

namespace {
oci::RunConfig changed(const Words& changes, oci::RunConfig config = {}) {
  const auto done = apply_changes(changes, config);
  REQUIRE_MESSAGE(done.ok(), done.error().message);
  return config;
}
std::string refusal(const std::string& change) {
  oci::RunConfig config;
  const auto done = apply_changes({change}, config);
  REQUIRE_FALSE(done.ok());
  CHECK(done.error().kind == ErrorKind::invalid_argument);
  return done.error().message;
}
}  // namespace

TEST_CASE("CMD takes a JSON array as it is and gives anything else to a shell") {
  CHECK(changed({"CMD [\"a\", \"b\"]"}).cmd == Words{"a", "b"});
  CHECK(changed({"cmd echo  hi"}).cmd == Words{"/bin/sh", "-c", "echo  hi"});
  CHECK(changed({"CMD ['a']"}).cmd == Words{"/bin/sh", "-c", "['a']"});
  CHECK(changed({"CMD"}).cmd == Words{"/bin/sh", "-c"});
  CHECK(changed({"CMD []"}).cmd.empty());
}

TEST_CASE("an ENTRYPOINT takes away a CMD that was there before, not one set beside it") {
  oci::RunConfig before;
  before.cmd = {"old"};
  CHECK(changed({"ENTRYPOINT [\"x\"]"}, before).cmd.empty());
  CHECK(changed({"CMD [\"new\"]", "ENTRYPOINT [\"x\"]"}, before).cmd == Words{"new"});
  CHECK(changed({"ENTRYPOINT x y"}).entrypoint == Words{"/bin/sh", "-c", "x y"});
}

TEST_CASE("ENV has a form with many pairs and one with the rest of the line") {
  CHECK(changed({"ENV A=b C=\"d e\" F=g\\ h"}).env == Words{"A=b", "C=d e", "F=g h"});
  CHECK(changed({"ENV A b c"}).env == Words{"A=b c"});
  CHECK(changed({"ENV B=1", "ENV A=${B}x B=2"}).env == Words{"B=2", "A=1x"});
  CHECK(changed({"ENV A=$B"}).env == Words{"A="});
  CHECK(changed({"ENV A=${B:-c} D=${B:+e} E=a$"}).env == Words{"A=c", "D=", "E=a$"});
}

TEST_CASE("LABEL keeps labels sorted and the last value of each") {
  const oci::StringMap wanted = {{"a", "3"}, {"b", "2"}};
  CHECK(changed({"LABEL b=1 a=1", "LABEL b=2 a=3"}).labels == wanted);
}

TEST_CASE("EXPOSE takes ports, ranges and protocols") {
  CHECK(changed({"EXPOSE 80 443/udp 1000-1002 80"}).exposed_ports ==
        Words{"1000/tcp", "1001/tcp", "1002/tcp", "443/udp", "80/tcp"});
  CHECK(refusal("EXPOSE x") == "Invalid containerPort: x");
  CHECK(refusal("EXPOSE 80/x") == "Invalid proto: x");
  CHECK(refusal("EXPOSE") == "EXPOSE requires at least one argument");
}

TEST_CASE("WORKDIR is joined to the one before and cannot climb out") {
  CHECK(changed({"WORKDIR a", "WORKDIR b"}).working_dir == "/a/b");
  CHECK(changed({"WORKDIR /x", "WORKDIR ../../y"}).working_dir == "/y");
  CHECK(refusal("WORKDIR $NOSUCH") == "cannot normalize nothing");
}

TEST_CASE("VOLUME, USER and ONBUILD") {
  CHECK(changed({"VOLUME /b /a"}).volumes == Words{"/a", "/b"});
  CHECK(changed({"VOLUME [\"/c d\"]"}).volumes == Words{"/c d"});
  CHECK(changed({"USER 1000:1000"}).user == "1000:1000");
  CHECK(changed({"ONBUILD RUN x"}).on_build == Words{"RUN x"});
  CHECK(refusal("ONBUILD FROM x") == "FROM isn't allowed as an ONBUILD trigger");
  CHECK(refusal("VOLUME [\"\"]") == "VOLUME specified can not be an empty string");
}

TEST_CASE("HEALTHCHECK has flags, a command or NONE") {
  const auto health = changed({"HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=2 CMD echo hi"}).healthcheck;
  REQUIRE(health.has_value());
  CHECK(health->test == Words{"CMD-SHELL", "echo hi"});
  CHECK(health->interval_ns == 90'000'000'000);
  CHECK(health->timeout_ns == 1'500'000'000);
  CHECK(health->retries == 2);
  CHECK(changed({"HEALTHCHECK CMD [\"a\"]"}).healthcheck->test == Words{"CMD", "a"});
  CHECK(changed({"HEALTHCHECK NONE"}).healthcheck->test == Words{"NONE"});
  CHECK(refusal("HEALTHCHECK --interval=x CMD a") == "time: invalid duration \"x\"");
  CHECK(refusal("HEALTHCHECK FOO") == "Unknown type \"FOO\" in HEALTHCHECK (try CMD)");
}

TEST_CASE("what is no instruction for a config is refused in dockerd's words") {
  CHECK(refusal("RUN x") == "run is not a valid change command");
  CHECK(refusal("STOPSIGNAL 9") == "stopsignal is not a valid change command");
  CHECK(refusal("") == "file with no instructions");
  CHECK(refusal("# comment") == "file with no instructions");
  CHECK(refusal("ENV A") == "ENV must have two arguments");
  CHECK(refusal("ENV =x") == "ENV names can not be blank");
  CHECK(refusal("LABEL a=b f") == "Syntax error - can't find = in \"f\". Must be of the form: name=value");
  CHECK(refusal("LABEL x=\"unterminated") ==
        "failed to process \"\\\"unterminated\": unexpected end of statement while looking for matching double-quote");
}

TEST_CASE("lines are joined by a backslash and may come in one change") {
  const auto config = changed({"CMD a\nENV b=c \\\n d=e"});
  CHECK(config.cmd == Words{"/bin/sh", "-c", "a"});
  CHECK(config.env == Words{"b=c", "d=e"});
}

TEST_CASE("durations that overflow or have no unit are refused") {
  CHECK(*parse_go_duration("2h45m") == 9'900'000'000'000);
  CHECK(*parse_go_duration("0") == 0);
  for (const char* text : {"", "5", "s", "1x", "99999999999999999999s", "9223372036s9223372036s"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_go_duration(text).ok());
  }
}
