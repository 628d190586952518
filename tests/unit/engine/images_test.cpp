#include "engine/images.h"

#include "tests/unit/engine/images_fixture.h"

using namespace drydock;
using namespace drydock::engine;

TEST_CASE("an image is found by name, id and prefix, with its config") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox:latest", small_tar(), {"CMD [\"ls\"]", "LABEL deck=upper"});
  for (const std::string& name :
       {std::string("busybox"), std::string("busybox:latest"), id, id.substr(7), id.substr(7, 6)}) {
    CAPTURE(name);
    const auto found = fixture.images().find(name);
    REQUIRE(found.ok());
    CHECK(found->id.str() == id);
    CHECK(found->config.config.cmd == std::vector<std::string>{"ls"});
    CHECK(found->config.platform.architecture == "amd64");
  }
  const auto missing = fixture.images().find("nosuch");
  CHECK(missing.error().kind == ErrorKind::not_found);
  CHECK(missing.error().message == "No such image: nosuch:latest");
}

TEST_CASE("images outlive the daemon, half-done work does not") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox", small_tar());
  REQUIRE(fixture.images().content().put("a blob on its way").ok());
  REQUIRE(fixture.disk.write_atomic("tmp/left", "x", 0600).ok());
  fixture.reopen();
  CHECK(fixture.images().lookup("busybox").value()->id.str() == id);
  fixture.check_no_leftovers();
}

TEST_CASE("an import says its id, keeps its comment and emits tag and import") {
  ImagesFixture fixture;
  const std::string id = fixture.import("busybox:v1", gzip(small_tar()));
  const auto found = fixture.images().find(id);
  CHECK(found->config.comment == "Imported from -");
  CHECK(found->config.diff_ids == std::vector<archive::Digest>{archive::digest_of(small_tar())});
  CHECK(fixture.event_actions() == std::vector<std::string>{"tag", "import"});
}

TEST_CASE("an import of what is no tar fails and leaves nothing") {
  ImagesFixture fixture;
  ImportRequest request;
  request.source = "-";
  request.body = std::make_unique<StringSource>("not a tar");
  auto sink = std::make_shared<Lines>();
  REQUIRE(start_import(*fixture.daemon, std::move(request), sink).ok());
  fixture.run();
  REQUIRE(sink->error.has_value());
  CHECK(sink->error->message == "Error processing tar file(exit status 1): unexpected EOF");
  fixture.check_no_leftovers();
}

TEST_CASE("an import is refused at once for a wrong name or change") {
  ImagesFixture fixture;
  const auto refusal = [&](const std::string& name, std::vector<std::string> changes) {
    ImportRequest request;
    request.source = "-";
    request.repository = name;
    request.changes = std::move(changes);
    request.body = std::make_unique<StringSource>("");
    const auto started = start_import(*fixture.daemon, std::move(request), std::make_shared<Lines>());
    REQUIRE_FALSE(started.ok());
    return started.error().message;
  };
  CHECK(refusal("UPPER", {}) == "invalid reference format: repository name must be lowercase");
  CHECK(refusal("ok", {"NOSUCH x"}) == "nosuch is not a valid change command");
}
