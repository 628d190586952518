// core/registry over the native transport against Debian's docker-registry on loopback.

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "native/server/transport.h"
#include "oci/media_types.h"
#include "registry/blob_download.h"
#include "registry/blob_upload.h"
#include "registry/login.h"
#include "registry/manifest_fetch.h"
#include "registry/manifest_put.h"
#include "registry/tag_list.h"
#include "tests/support/memory_host_fs.h"
#include "trace/trace.h"

using namespace drydock;
using namespace drydock::registry;

namespace {

constexpr const char* kProgram = "/usr/bin/docker-registry";
// bcrypt of "rigging".
constexpr const char* kHtpasswd = "keeper:$2y$05$pk0RZVvbG89A61lS2ke8SezUOsgGo/AY2mK7J9JngPD1Av2GSmrH2\n";

class SystemClock final : public Clock {
 public:
  Timestamp now() const override { return {monotonic_ns()}; }
  std::int64_t monotonic_ns() const override {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  }
};

std::uint16_t free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  socklen_t length = sizeof(address);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(fd);
  return ntohs(address.sin_port);
}

/// A docker-registry with a folder of its own, ended with the object.
class DockerRegistry {
 public:
  explicit DockerRegistry(bool login) : port_(free_port()) {
    char folder[] = "/tmp/drydock-registry-test-XXXXXX";
    folder_ = ::mkdtemp(folder);
    std::string config =
        concat("version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: ", folder_,
               "/store\nhttp:\n  addr: ", address(), "\n");
    if (login) {
      std::ofstream(folder_ + "/htpasswd") << kHtpasswd;
      config += concat("auth:\n  htpasswd:\n    realm: tests\n    path: ", folder_, "/htpasswd\n");
    }
    const std::string config_file = folder_ + "/config.yml";
    std::ofstream(config_file) << config;
    const char* arguments[] = {kProgram, "serve", config_file.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (::posix_spawn(&pid_, kProgram, &actions, nullptr, const_cast<char**>(arguments), environ) != 0) pid_ = -1;
    ::posix_spawn_file_actions_destroy(&actions);
  }
  ~DockerRegistry() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  DockerRegistry(const DockerRegistry&) = delete;
  DockerRegistry& operator=(const DockerRegistry&) = delete;

  std::string address() const { return concat("127.0.0.1:", port_); }
  bool wait_until_it_answers() const {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    for (int i = 0; i < 400; ++i) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const bool answers = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
      ::close(fd);
      if (answers) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    return false;
  }

 private:
  std::uint16_t port_;
  std::string folder_;
  pid_t pid_ = -1;
};

struct Client {
  explicit Client(std::string domain) : domain(std::move(domain)), trace(clock) {
    transport = native::make_transport(io, [] {}, {.certs_directory = ""});
    store = storage::ContentStore::open(disk).value();
  }

  std::shared_ptr<Session> session(const std::string& path, Access access = Access::pull) {
    SessionOptions options;
    options.domain = domain;
    options.path = path;
    options.access = access;
    options.credentials = credentials;
    return std::make_shared<Session>(*transport, clock, trace, std::move(options));
  }
  oci::Reference reference(std::string_view rest) const {
    return oci::Reference::parse_tagged(concat(domain, "/", rest)).value();
  }
  /// The failure's message; empty on success.
  std::string run(Operation& operation) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (operation.step() != Operation::State::done) {
      if (std::chrono::steady_clock::now() > deadline) return "the test's own time limit";
      io.restart();
      io.run_one_for(std::chrono::milliseconds(5));
    }
    return operation.failure() ? operation.failure()->message : "";
  }

  std::string domain;
  boost::asio::io_context io;
  SystemClock clock;
  trace::Trace trace;
  drydock::testing::MemoryHostFs disk;
  std::unique_ptr<storage::ContentStore> store;
  std::unique_ptr<http::Transport> transport;
  Credentials credentials;
};

bool skipped() {
  if (::access(kProgram, X_OK) == 0) return false;
  MESSAGE("skipped: there is no " << kProgram);
  return true;
}

oci::Descriptor stored(Client& client, std::string_view bytes, std::string_view media_type) {
  oci::Descriptor descriptor;
  descriptor.media_type = std::string(media_type);
  descriptor.digest = client.store->put(bytes).value().digest;
  descriptor.size = bytes.size();
  return descriptor;
}

/// A config and one layer of five megabytes, and the manifest that names them.
struct Pushed {
  oci::Descriptor config;
  oci::Descriptor layer;
  std::string manifest;
};

Pushed make_image(Client& client) {
  Pushed image;
  std::string layer(5u << 20, '\0');
  for (std::size_t i = 0; i < layer.size(); ++i) layer[i] = static_cast<char>(i * 2654435761u >> 11);
  image.config = stored(client, R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})",
                        oci::kDockerConfig);
  image.layer = stored(client, layer, oci::kDockerLayerGzip);
  oci::Manifest manifest;
  manifest.media_type = std::string(oci::kDockerManifest);
  manifest.config = image.config;
  manifest.layers = {image.layer};
  image.manifest = oci::to_json_text(manifest);
  return image;
}

void push(Client& client, const Pushed& image, const std::string& path, std::string_view tag) {
  const auto session = client.session(path, Access::push);
  for (const oci::Descriptor& blob : {image.layer, image.config}) {
    BlobUpload upload(session, blob, open_from(*client.store, blob.digest));
    REQUIRE(client.run(upload) == "");
    CHECK(upload.outcome() == BlobUpload::Outcome::uploaded);
  }
  ManifestPut put(session, image.manifest, std::string(oci::kDockerManifest), std::string(tag));
  REQUIRE(client.run(put) == "");
}

}  // namespace

TEST_CASE("docker-registry: an image is pushed, found there, mounted and pulled") {
  if (skipped()) return;
  const DockerRegistry registry(false);
  REQUIRE(registry.wait_until_it_answers());
  Client pusher(registry.address());
  const Pushed image = make_image(pusher);
  push(pusher, image, "team/app", "1");

  BlobUpload again(pusher.session("team/app", Access::push), image.layer, open_from(*pusher.store, image.layer.digest));
  CHECK(pusher.run(again) == "");
  CHECK(again.outcome() == BlobUpload::Outcome::exists);
  BlobUpload elsewhere(pusher.session("other/app", Access::push), image.layer,
                       open_from(*pusher.store, image.layer.digest), {"team/app"});
  CHECK(pusher.run(elsewhere) == "");
  CHECK(elsewhere.outcome() == BlobUpload::Outcome::mounted);
  CHECK(elsewhere.mounted_from() == "team/app");

  Client puller(registry.address());
  const auto session = puller.session("team/app");
  ManifestFetch fetch(session, puller.reference("team/app:1"));
  REQUIRE(puller.run(fetch) == "");
  CHECK(fetch.document().raw == image.manifest);
  BlobDownload download(session, *puller.store, image.layer);
  CHECK(puller.run(download) == "");
  CHECK(puller.store->size(image.layer.digest).value() == (5u << 20));
  TagList tags(session, puller.reference("team/app").name_only());
  CHECK(puller.run(tags) == "");
  CHECK(tags.tags() == std::vector<std::string>{"1"});
}

TEST_CASE("docker-registry: a download that was begun is resumed") {
  if (skipped()) return;
  const DockerRegistry registry(false);
  REQUIRE(registry.wait_until_it_answers());
  Client pusher(registry.address());
  const Pushed image = make_image(pusher);
  push(pusher, image, "team/app", "1");
  const std::string bytes = pusher.store->read_small(image.layer.digest, 8u << 20).value();

  Client puller(registry.address());
  {
    auto ingest = puller.store->ingest(image.layer.digest.str());
    REQUIRE(ingest.value()->write(std::string_view(bytes).substr(0, 3'000'000)).ok());
  }
  BlobDownload download(puller.session("team/app"), *puller.store, image.layer);
  CHECK(puller.run(download) == "");
  CHECK(puller.store->read_small(image.layer.digest, 8u << 20).value() == bytes);
}

TEST_CASE("docker-registry: what is not there is told as Docker tells it") {
  if (skipped()) return;
  const DockerRegistry registry(false);
  REQUIRE(registry.wait_until_it_answers());
  Client client(registry.address());
  ManifestFetch manifest(client.session("nosuch"), client.reference("nosuch:1"));
  CHECK(client.run(manifest) ==
        concat("manifest for ", registry.address(), "/nosuch:1 not found: manifest unknown: manifest unknown"));
  TagList tags(client.session("nosuch"), client.reference("nosuch").name_only());
  CHECK(client.run(tags) == concat("repository ", registry.address(),
                                   "/nosuch not found: name unknown: repository name not known to registry"));
}

TEST_CASE("docker-registry with htpasswd: nothing without credentials, everything with them") {
  if (skipped()) return;
  const DockerRegistry registry(true);
  REQUIRE(registry.wait_until_it_answers());
  Client client(registry.address());
  ManifestFetch stranger(client.session("team/app"), client.reference("team/app:1"));
  CHECK(client.run(stranger) ==
        concat("Head \"http://", registry.address(), "/v2/team/app/manifests/1\": no basic auth credentials"));

  client.credentials.username = "keeper";
  client.credentials.password = "wrong";
  LoginCheck wrong(client.session(""));
  CHECK(client.run(wrong) ==
        concat("login attempt to http://", registry.address(), "/v2/ failed with status: 401 Unauthorized"));
  client.credentials.password = "rigging";
  LoginCheck right(client.session(""));
  CHECK(client.run(right) == "");

  const Pushed image = make_image(client);
  push(client, image, "team/app", "1");
  ManifestFetch fetch(client.session("team/app"), client.reference("team/app:1"));
  CHECK(client.run(fetch) == "");
}

TEST_CASE("a registry that is not there is told with the request") {
  const std::string address = concat("127.0.0.1:", free_port());
  Client client(address);
  ManifestFetch fetch(client.session("a"), client.reference("a:1"));
  CHECK(client.run(fetch) ==
        concat("Get \"http://", address, "/v2/\": dial tcp ", address, ": connect: connection refused"));
}
