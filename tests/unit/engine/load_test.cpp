#include "engine/load.h"

#include "engine/image_remove.h"
#include "engine/save.h"
#include "tests/unit/engine/images_fixture.h"

using namespace drydock;
using namespace drydock::engine;

namespace {

class Answer final : public http::Responder {
 public:
  void start(int code, http::Headers) override { status = code; }
  void write(std::string_view bytes) override { body += bytes; }
  void finish() override { finished = true; }
  std::size_t backlog() const override { return 0; }
  bool closed() const override { return false; }
  std::unique_ptr<ByteStream> hijack(int, http::Headers) override { return nullptr; }

  int status = 0;
  std::string body;
  bool finished = false;
};

struct LoadFixture : ImagesFixture {
  std::shared_ptr<Lines> load(std::string archive, Quiet quiet = Quiet::yes) {
    auto sink = std::make_shared<Lines>();
    start_load(*daemon, std::make_unique<StringSource>(std::move(archive)), quiet, sink);
    run();
    return sink;
  }
  std::string save(const std::vector<std::string>& names) {
    auto answer = std::make_shared<Answer>();
    const auto started = start_save(*daemon, names, answer);
    REQUIRE_MESSAGE(started.ok(), started.error().message);
    run();
    REQUIRE(answer->finished);
    return answer->body;
  }
  std::string failure_of(std::string archive) {
    const auto sink = load(std::move(archive));
    REQUIRE(sink->error.has_value());
    check_no_leftovers();
    CHECK(images().store().list().empty());
    return sink->error->message;
  }
};

struct Parts {
  std::string tar = small_tar();
  std::string config;
  Parts() {
    oci::ImageConfig image;
    image.platform = {"linux", "amd64", "", "", {}};
    image.diff_ids = {archive::digest_of(tar)};
    config = oci::to_json_text(image);
  }
  std::string id() const { return archive::digest_of(config).str(); }
};

std::string docker_archive(const Parts& parts, const std::string& tags = "\"busybox:latest\"",
                           const std::string& layers = "\"l/layer.tar\"") {
  return testing::TarBuilder()
      .file("l/layer.tar", parts.tar)
      .file("c.json", parts.config)
      .file("manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":[" + tags + "],\"Layers\":[" + layers + "]}]")
      .finish();
}

}  // namespace

TEST_CASE("what was saved is loaded with the same id and names") {
  LoadFixture fixture;
  const std::string id = fixture.import("busybox:v1", small_tar());
  REQUIRE(tag_image(*fixture.daemon, "busybox:v1", "other", "").ok());
  const std::string archive = fixture.save({"busybox:v1", "other"});
  REQUIRE(remove_image(*fixture.daemon, id, Force::yes, PruneParents::yes).ok());
  REQUIRE(fixture.images().layers().list().empty());
  const auto lines = fixture.load(archive);
  REQUIRE_MESSAGE(lines->finished, lines->error->message);
  CHECK(lines->contains("{\"stream\":\"Loaded image: busybox:v1\\n\"}\r\n"));
  CHECK(lines->contains("{\"stream\":\"Loaded image: other:latest\\n\"}\r\n"));
  CHECK(fixture.images().lookup("other").value()->id.str() == id);
  fixture.check_no_leftovers();
}

TEST_CASE("a compressed archive loads too, and tells of its layers unless it is to be quiet") {
  LoadFixture fixture;
  const Parts parts;
  const auto lines = fixture.load(gzip(docker_archive(parts)), Quiet::no);
  CHECK(lines->finished);
  CHECK(lines->contains("\"Loading layer\""));
  CHECK(fixture.images().lookup("busybox").value()->id.str() == parts.id());
  CHECK(fixture.event_actions() == std::vector<std::string>{"load"});
}

TEST_CASE("an image without a name is told by its id") {
  LoadFixture fixture;
  const Parts parts;
  const auto lines = fixture.load(docker_archive(parts, ""));
  CHECK(lines->text == "{\"stream\":\"Loaded image ID: " + parts.id() + "\\n\"}\r\n");
}

TEST_CASE("a name that moves to another image is told") {
  LoadFixture fixture;
  const std::string old = fixture.import("busybox:latest", small_tar("other"));
  const auto lines = fixture.load(docker_archive(Parts()));
  CHECK(lines->contains("The image busybox:latest already exists, renaming the old one with ID " + old +
                        " to empty string"));
}

TEST_CASE("an OCI layout loads by its index") {
  LoadFixture fixture;
  const Parts parts;
  const std::string blob = gzip(parts.tar);
  oci::Manifest manifest;
  manifest.media_type = oci::kOciManifest;
  manifest.config = {
      std::string(oci::kOciConfig), archive::digest_of(parts.config), parts.config.size(), {}, {}, {}, {}};
  manifest.layers = {{std::string(oci::kOciLayerGzip), archive::digest_of(blob), blob.size(), {}, {}, {}, {}}};
  const std::string raw = oci::to_json_text(manifest);
  oci::Index index;
  index.media_type = oci::kOciIndex;
  index.manifests = {{manifest.media_type, archive::digest_of(raw), raw.size(), {}, {}, {}, {}}};
  index.manifests[0].annotations = {{"io.containerd.image.name", "docker.io/library/layout:v1"}};
  const auto name = [](std::string_view bytes) {
    return "blobs/sha256/" + std::string(archive::digest_of(bytes).hex());
  };
  const auto archive_with = [&](std::string_view layer) {
    return testing::TarBuilder()
        .file(name(blob), layer)
        .file(name(parts.config), parts.config)
        .file(name(raw), raw)
        .file("index.json", oci::to_json_text(index))
        .file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}")
        .finish();
  };
  SUBCASE("with every blob as its digest says") {
    const auto lines = fixture.load(archive_with(blob));
    REQUIRE_MESSAGE(lines->finished, lines->error->message);
    CHECK(fixture.images().lookup("layout:v1").value()->id.str() == parts.id());
  }
  SUBCASE("not with a blob of another digest") {
    CHECK(fixture.failure_of(archive_with("something else")).find("has the digest") != std::string::npos);
  }
}

TEST_CASE("archives that are none, or not whole, are refused and leave nothing") {
  LoadFixture fixture;
  const Parts parts;
  const std::string good = docker_archive(parts);
  CHECK(fixture.failure_of("not a tar") == "Error processing tar file(exit status 1): unexpected EOF");
  CHECK(fixture.failure_of(good.substr(0, 1500)).find("unexpected EOF") != std::string::npos);
  CHECK(fixture.failure_of("").find("repositories: no such file or directory") != std::string::npos);
  CHECK(fixture.failure_of(docker_archive(parts, "", "\"nosuch\"")).find("no such file or directory") !=
        std::string::npos);
  CHECK(fixture.failure_of(docker_archive(parts, "", "")).find("layers length mismatch") != std::string::npos);
  CHECK_FALSE(fixture.failure_of(docker_archive(parts, "\"UPPER\"")).empty());
}

TEST_CASE("a layer with other content than the config says is refused") {
  LoadFixture fixture;
  Parts parts;
  parts.tar = small_tar("etc/other");
  CHECK(fixture.failure_of(docker_archive(parts)) == "invalid diffID for layer 0: expected \"" +
                                                         archive::digest_of(small_tar()).str() + "\", got \"" +
                                                         archive::digest_of(parts.tar).str() + "\"");
}

TEST_CASE("an image for another operating system is refused") {
  LoadFixture fixture;
  Parts parts;
  parts.config = replace_all(parts.config, "linux", "plan9");
  CHECK(fixture.failure_of(docker_archive(parts)) == "cannot load plan9 image on linux");
}

TEST_CASE("a layer may be a link to another member, and names cannot leave the archive") {
  LoadFixture fixture;
  const Parts parts;
  const auto lines = fixture.load(testing::TarBuilder()
                                      .file("../../escaped/layer.tar", parts.tar)
                                      .symlink("m/layer.tar", "../escaped/layer.tar")
                                      .file("c.json", parts.config)
                                      .file("manifest.json", "[{\"Config\":\"c.json\",\"Layers\":[\"m/layer.tar\"]}]")
                                      .finish());
  REQUIRE_MESSAGE(lines->finished, lines->error->message);
  CHECK_FALSE(fixture.disk.stat("escaped").ok());
}

TEST_CASE("links that go round in circles are no member") {
  LoadFixture fixture;
  CHECK(
      fixture
          .failure_of(testing::TarBuilder().symlink("a", "b").symlink("b", "a").symlink("manifest.json", "a").finish())
          .find("no such file or directory") != std::string::npos);
}

TEST_CASE("a saved archive has dockerd's members") {
  LoadFixture fixture;
  const std::string id = fixture.import("busybox:v1", small_tar());
  const std::string archive = fixture.save({id});
  for (const std::string& member : {id.substr(7) + ".json", std::string("manifest.json"), std::string("/layer.tar"),
                                    std::string("/VERSION"), std::string("\"RepoTags\":null")}) {
    CAPTURE(member);
    CHECK(archive.find(member) != std::string::npos);
  }
  CHECK(fixture.save({"busybox"}).find("repositories") != std::string::npos);
}

TEST_CASE("what is not there cannot be saved") {
  LoadFixture fixture;
  const auto refused = [&](const std::string& name) {
    return start_save(*fixture.daemon, {name}, std::make_shared<Answer>()).error().message;
  };
  CHECK(refused("nosuch") == "No such image: nosuch");
  CHECK(refused("nosuch:tag") == "reference does not exist");
}
