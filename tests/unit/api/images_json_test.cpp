#include "api/images_json.h"

#include "api/system_json.h"
#include "tests/unit/engine/images_fixture.h"

using namespace drydock;
using namespace drydock::api;
using drydock::engine::ImagesFixture;

namespace {

constexpr ApiVersion kOld = {1, 41};
constexpr ApiVersion kNew = {1, 48};

std::vector<std::string> listed(ImagesFixture& fixture, std::string_view filters, bool all = false) {
  const auto parsed = Filters::parse(filters);
  REQUIRE(parsed.ok());
  const auto json = list_images_json(*fixture.daemon, *parsed, {.all = all}, kOld);
  REQUIRE_MESSAGE(json.ok(), json.error().message);
  std::vector<std::string> names;
  for (const Json& image : json.value()) names.push_back(image["RepoTags"][0].get<std::string>());
  return names;
}

std::vector<std::string> keys(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("images are listed newest first, nameless ones as <none>") {
  ImagesFixture fixture;
  fixture.import("old:1", engine::small_tar("a"));
  fixture.import("new:1", engine::small_tar("b"));
  fixture.import("", engine::small_tar("c"));
  CHECK(listed(fixture, "") == Names{"<none>:<none>", "new:1", "old:1"});
}

TEST_CASE("images are chosen by reference, label, age and by having a name") {
  ImagesFixture fixture;
  fixture.import("old:1", engine::small_tar("a"), {"LABEL deck=upper"});
  fixture.import("new:1", engine::small_tar("b"));
  fixture.import("", engine::small_tar("c"));
  CHECK(listed(fixture, R"({"reference":["o*"]})") == Names{"old:1"});
  CHECK(listed(fixture, R"({"reference":["new:1"]})") == Names{"new:1"});
  CHECK(listed(fixture, R"({"label":["deck=upper"]})") == Names{"old:1"});
  CHECK(listed(fixture, R"({"before":["new:1"]})") == Names{"old:1"});
  CHECK(listed(fixture, R"({"since":["old:1"],"dangling":["false"]})") == Names{"new:1"});
  CHECK(listed(fixture, R"({"dangling":["true"]})") == Names{"<none>:<none>"});
}

TEST_CASE("a filter that names nothing known is refused") {
  ImagesFixture fixture;
  const auto refusal = [&](std::string_view filters) {
    return list_images_json(*fixture.daemon, Filters::parse(filters).value(), {}, kOld).error().message;
  };
  CHECK(refusal(R"({"nosuch":["x"]})") == "Invalid filter 'nosuch'");
  CHECK(refusal(R"({"dangling":["x"]})") == "Invalid filter 'dangling=[x]'");
  CHECK(refusal(R"({"before":["nosuch"]})") == "No such image: nosuch:latest");
}

TEST_CASE("the shape of a list follows the version") {
  ImagesFixture fixture;
  fixture.import("a:1", engine::small_tar());
  const auto first = [&](ApiVersion version) {
    return keys(list_images_json(*fixture.daemon, {}, {}, version).value()[0]);
  };
  CHECK(first(kOld) == Names{"Containers", "Created", "Id", "Labels", "ParentId", "RepoDigests", "RepoTags",
                             "SharedSize", "Size", "VirtualSize"});
  CHECK(first(kNew).back() == "Size");
}

TEST_CASE("inspect has dockerd's members in dockerd's order") {
  ImagesFixture fixture;
  fixture.import("a:1", engine::small_tar(), {"CMD [\"ls\"]"});
  const storage::Image& image = **fixture.images().lookup("a:1");
  const Json old = inspect_image_json(*fixture.daemon, image, kOld).value();
  CHECK(keys(old) == Names{"Id", "RepoTags", "RepoDigests", "Parent", "Comment", "Created", "Container",
                           "ContainerConfig", "DockerVersion", "Author", "Config", "Architecture", "Os", "Size",
                           "VirtualSize", "GraphDriver", "RootFS", "Metadata"});
  CHECK(old["Config"]["Cmd"][0] == "ls");
  CHECK(old["Comment"] == "Imported from -");
  const Json json = inspect_image_json(*fixture.daemon, image, kNew).value();
  CHECK_FALSE(json.contains("VirtualSize"));
  CHECK_FALSE(json.contains("ContainerConfig"));
}

TEST_CASE("history shows the newest step first, and only the image itself by its id") {
  ImagesFixture fixture;
  const std::string id = fixture.import("a:1", engine::small_tar());
  const Json rows = image_history_json(*fixture.daemon, **fixture.images().lookup("a:1")).value();
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["Id"] == id);
  CHECK(rows[0]["Size"] == 5);
  CHECK(rows[0]["Tags"][0] == "a:1");
}

TEST_CASE("info has the members and kinds that tools read") {
  ImagesFixture fixture;
  fixture.import("a:1", engine::small_tar());
  const Json json = info_json(*fixture.daemon, kOld);
  CHECK(json["Images"] == 1);
  CHECK(json["Swarm"]["LocalNodeState"] == "inactive");
  for (const char* name : {"ID", "Driver", "KernelVersion", "CgroupVersion", "LoggingDriver", "ServerVersion"}) {
    CAPTURE(name);
    CHECK(json[name].is_string());
  }
  for (const char* name : {"Labels", "SecurityOptions"}) CHECK(json[name].is_array());
  for (const char* name : {"Runtimes", "Plugins"}) CHECK(json[name].is_object());
}

TEST_CASE("disk usage counts shared layers once and the containers of each image") {
  ImagesFixture fixture;
  const std::string id = fixture.import("a:1", engine::small_tar());
  fixture.add_container("c0ffee000000ffff", id);
  const Json json = disk_usage_json(*fixture.daemon, kOld).value();
  CHECK(json["LayersSize"] == 5);
  CHECK(json["Images"][0]["Containers"] == 1);
  CHECK(json["Containers"][0]["SizeRootFs"] == 5);
}
