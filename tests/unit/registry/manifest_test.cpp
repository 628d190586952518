// ManifestFetch and ManifestPut, and what every call of a session does: tokens, redirects, fallbacks.

#include <doctest/doctest.h>

#include "archive/digest.h"
#include "oci/media_types.h"
#include "registry/manifest_fetch.h"
#include "registry/manifest_put.h"
#include "registry_fixture.h"

using namespace drydock;
using namespace drydock::registry;
using testing::MemoryRegistry;

namespace {

std::string manifest_text(std::string_view note = "") {
  const std::string digest(64, 'a');
  return concat(
      R"({"schemaVersion":2,"mediaType":")", oci::kDockerManifest,
      R"(","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":2,"digest":"sha256:)", digest,
      R"("},"layers":[],"annotations":{"note":")", note, R"("}})");
}

oci::Reference reference(std::string_view text) {
  return oci::Reference::parse_tagged(concat("registry.test/", text)).value();
}

struct ManifestFixture : Fixture {
  ManifestFixture() {
    digest = registry.add_manifest("team/app", "1", manifest_text(), std::string(oci::kDockerManifest));
  }
  std::string digest;
};

}  // namespace

TEST_CASE("a manifest is fetched by its tag and by its digest") {
  ManifestFixture fixture;
  ManifestFetch by_tag(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(by_tag));
  REQUIRE(Fixture::message_of(by_tag) == "");
  CHECK(by_tag.document().digest.str() == fixture.digest);
  CHECK(by_tag.document().raw == manifest_text());
  ManifestFetch by_digest(fixture.session(), reference(concat("team/app@", fixture.digest)));
  REQUIRE(fixture.run(by_digest));
  CHECK(by_digest.document().digest.str() == fixture.digest);
  CHECK(fixture.requests("HEAD", "/manifests/1") == 1);
  CHECK(fixture.requests("GET", concat("/manifests/", fixture.digest)) == 2);
  CHECK(fixture.registry.seen.back().headers.fields().size() >= 4);
  CHECK(fixture.trace.last_seq() > 0);
}

TEST_CASE("a manifest that is not there is told as Docker tells it") {
  ManifestFixture fixture;
  ManifestFetch tag(fixture.session(), reference("team/app:nosuch"));
  REQUIRE(fixture.run(tag));
  CHECK(Fixture::message_of(tag) ==
        "manifest for registry.test/team/app:nosuch not found: manifest unknown: manifest unknown");
  CHECK(tag.failure()->kind == ErrorKind::not_found);
  ManifestFetch repository(fixture.session("no/such"), reference("no/such:1"));
  REQUIRE(fixture.run(repository));
  CHECK(Fixture::message_of(repository) ==
        "repository registry.test/no/such not found: name unknown: repository name not known to registry");
}

TEST_CASE("bytes that do not have the promised digest are refused") {
  ManifestFixture fixture;
  SUBCASE("asked for by digest") {
    fixture.registry.manifests["team/app"][fixture.digest].bytes += " ";
    ManifestFetch fetch(fixture.session(), reference(concat("team/app@", fixture.digest)));
    REQUIRE(fixture.run(fetch));
    CHECK(fetch.failure()->kind == ErrorKind::corrupt);
    CHECK(Fixture::message_of(fetch) == concat("manifest verification failed for digest ", fixture.digest));
  }
  SUBCASE("promised by the registry") {
    const std::string other = concat("sha256:", std::string(64, 'b'));
    fixture.registry.faults.wrong_digest_header = other;
    fixture.registry.manifests["team/app"][other] = fixture.registry.manifests["team/app"]["1"];
    ManifestFetch fetch(fixture.session(), reference("team/app:1"));
    REQUIRE(fixture.run(fetch));
    CHECK(fetch.failure()->kind == ErrorKind::corrupt);
  }
}

TEST_CASE("a manifest over the limit is refused before it is all there") {
  ManifestFixture fixture;
  fixture.registry.add_manifest("team/app", "big", std::string(oci::kManifestBytesMax + 1, ' '),
                                std::string(oci::kDockerManifest));
  ManifestFetch fetch(fixture.session(), reference("team/app:big"));
  REQUIRE(fixture.run(fetch));
  CHECK(fetch.failure()->kind == ErrorKind::too_large);
}

TEST_CASE("a manifest that breaks off, and one that is none, are errors") {
  ManifestFixture fixture;
  fixture.registry.faults.drops = 1;
  fixture.registry.faults.drop_after_bytes = 20;
  ManifestFetch dropped(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(dropped));
  CHECK(Fixture::message_of(dropped) == "unexpected EOF");
  fixture.registry.add_manifest("team/app", "broken", "{\"x\"", std::string(oci::kDockerManifest));
  ManifestFetch broken(fixture.session(), reference("team/app:broken"));
  REQUIRE(fixture.run(broken));
  CHECK(broken.failure().has_value());
}

TEST_CASE("tokens: anonymous pulls get one, and it is used again") {
  ManifestFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  const auto session = fixture.session();
  for (int i = 0; i < 3; ++i) {
    ManifestFetch fetch(session, reference("team/app:1"));
    REQUIRE(fixture.run(fetch));
    CHECK(Fixture::message_of(fetch) == "");
  }
  CHECK(fixture.registry.tokens_given == 1);
  fixture.clock.advance_ns(400 * kNanosPerSecond);
  ManifestFetch later(session, reference("team/app:1"));
  REQUIRE(fixture.run(later));
  CHECK(fixture.registry.tokens_given == 2);
}

TEST_CASE("tokens: one that was taken back is replaced once") {
  ManifestFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  fixture.registry.faults.revoked_tokens = 1;
  ManifestFetch fetch(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(fetch));
  CHECK(Fixture::message_of(fetch) == "");
  CHECK(fixture.registry.tokens_given == 2);
  fixture.registry.faults.revoked_tokens = 100;
  ManifestFetch refused(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(refused));
  CHECK(Fixture::message_of(refused) == "unauthorized: authentication required");
}

TEST_CASE("tokens: a private repository is denied to strangers and open to its owner") {
  ManifestFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  fixture.registry.add_manifest("private/app", "1", manifest_text(), std::string(oci::kDockerManifest));
  ManifestFetch stranger(fixture.session("private/app"), reference("private/app:1"));
  REQUIRE(fixture.run(stranger));
  CHECK(Fixture::message_of(stranger) ==
        "pull access denied for registry.test/private/app, repository does not exist or may require 'docker login': "
        "denied: requested access to the resource is denied");
  fixture.credentials = Fixture::keeper();
  ManifestFetch owner(fixture.session("private/app"), reference("private/app:1"));
  REQUIRE(fixture.run(owner));
  CHECK(Fixture::message_of(owner) == "");
  fixture.credentials.password = "wrong";
  ManifestFetch liar(fixture.session("private/app"), reference("private/app:1"));
  REQUIRE(fixture.run(liar));
  CHECK(Fixture::message_of(liar) ==
        "Head \"https://registry.test/v2/private/app/manifests/1\": unauthorized: incorrect username or password");
}

TEST_CASE("tokens: an identity token is exchanged for one") {
  ManifestFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  fixture.registry.add_manifest("private/app", "1", manifest_text(), std::string(oci::kDockerManifest));
  fixture.credentials.identity_token = "refresh-me";
  ManifestFetch fetch(fixture.session("private/app"), reference("private/app:1"));
  REQUIRE(fixture.run(fetch));
  CHECK(Fixture::message_of(fetch) == "");
  CHECK(fixture.requests("POST", "auth.test") == 1);
}

TEST_CASE("basic authentication needs credentials") {
  ManifestFixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::basic;
  ManifestFetch stranger(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(stranger));
  CHECK(Fixture::message_of(stranger) ==
        "Head \"https://registry.test/v2/team/app/manifests/1\": no basic auth credentials");
  fixture.credentials = Fixture::keeper();
  ManifestFetch keeper(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(keeper));
  CHECK(Fixture::message_of(keeper) == "");
}

TEST_CASE("an insecure registry is asked with TLS first, then without") {
  ManifestFixture fixture;
  fixture.registry.faults.no_https = true;
  ManifestFetch secure(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(secure));
  CHECK(Fixture::message_of(secure) ==
        "Get \"https://registry.test/v2/\": http: server gave HTTP response to HTTPS client");
  fixture.settings.insecure_registries = {"registry.test"};
  ManifestFetch insecure(fixture.session(), reference("team/app:1"));
  REQUIRE(fixture.run(insecure));
  CHECK(Fixture::message_of(insecure) == "");
  CHECK(fixture.registry.seen.back().url.starts_with("http://"));
  CHECK(fixture.registry.seen.back().accept_any_certificate);
}

TEST_CASE("a registry that is not there is told with the request") {
  ManifestFixture fixture;
  SessionOptions options;
  options.domain = "nowhere.test";
  options.path = "a";
  auto session = std::make_shared<Session>(fixture.registry, fixture.clock, fixture.trace, options);
  ManifestFetch fetch(session, reference("a:1"));
  REQUIRE(fixture.run(fetch));
  CHECK(Fixture::message_of(fetch) == "Get \"https://nowhere.test/v2/\": dial tcp: lookup nowhere.test: no such host");
}

TEST_CASE("where a mirror fails, the registry itself is asked") {
  ManifestFixture fixture;
  SessionOptions options;
  options.domain = "docker.io";
  options.path = "team/app";
  options.settings.mirrors = {"https://nowhere.test", "https://registry.test"};
  auto session = std::make_shared<Session>(fixture.registry, fixture.clock, fixture.trace, options);
  ManifestFetch there(session, oci::Reference::parse_tagged("team/app:1").value());
  REQUIRE(fixture.run(there));
  CHECK(Fixture::message_of(there) == "");
  // The mirror has no such tag: docker.io, which this transport does not know, has the last word.
  ManifestFetch gone(session, oci::Reference::parse_tagged("team/app:nosuch").value());
  REQUIRE(fixture.run(gone));
  CHECK(Fixture::message_of(gone).starts_with("Get \"https://registry-1.docker.io/v2/\": dial tcp"));
}

TEST_CASE("a manifest is pushed under its tag") {
  Fixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  fixture.credentials = Fixture::keeper();
  ManifestPut put(fixture.session("team/app", Access::push), manifest_text(), std::string(oci::kDockerManifest), "1");
  REQUIRE(fixture.run(put));
  CHECK(Fixture::message_of(put) == "");
  CHECK(put.digest() == archive::digest_of(manifest_text()));
  CHECK(fixture.registry.manifests["team/app"]["1"].bytes == manifest_text());
  CHECK(fixture.registry.manifests["team/app"]["1"].media_type == oci::kDockerManifest);
}

TEST_CASE("a push without the right to is denied") {
  Fixture fixture;
  fixture.registry.auth = MemoryRegistry::Auth::bearer;
  ManifestPut put(fixture.session("team/app", Access::push), manifest_text(), std::string(oci::kDockerManifest), "1");
  REQUIRE(fixture.run(put));
  CHECK(Fixture::message_of(put) == "denied: requested access to the resource is denied");
}
