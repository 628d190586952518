"""Registries that lie, break off, ask for passwords and limit: a clear error, nothing half-done."""
import json

from support import images as make
from support.fake_registry import FakeRegistry
from support.testing import check, contains, equal, lacks, matches


def small_image(word="hello", layers=1, kind="docker", size=0):
    contents = [make.tar_of([make.file_entry("%s-%d" % (word, n), word)] + (
        [make.file_entry("bulk-%d" % n, bytes(range(256)) * (size // 256))] if size else [])) for n in range(layers)]
    return make.Image(contents, kind)


def noisy_image(word, size):
    """One layer that does not compress, so that its blob is about `size` bytes."""
    import random
    data = random.Random(word).randbytes(size)
    return make.Image([make.tar_of([make.file_entry("noise", data)])])


def fake(lab, image=None, engine=None, **orders):
    registry = lab.closing(FakeRegistry(engine or lab.engine, image))
    for name, value in orders.items():
        check(hasattr(registry, name), name)
        setattr(registry, name, value)
    return registry


def pull(lab, registry, suffix="", engine=None):
    return (engine or lab.engine).docker("pull", registry.reference + suffix)


def refused(lab, registry, *words, suffix=""):
    """The pull fails, says one of the words, and there is no image."""
    done = pull(lab, registry, suffix).failed()
    text = done.err + done.out
    check(not words or any(w.lower() in text.lower() for w in words), "said %r, none of %r" % (text, words))
    equal(lab.engine.docker("images", "-q", registry.reference).ok().out, "", "images left")
    return text


def test_good_image(lab):
    """the fake registry serves a good image well"""
    image = small_image(lab.name("a"), layers=3)
    registry = fake(lab, image)
    contains(pull(lab, registry).ok().out, "Digest: " + image.digest)
    equal(lab.engine.docker("image", "inspect", "-f", "{{.Id}}", registry.reference).ok().out.strip(), image.id)


def test_redirected_blobs(lab):
    """blobs behind a redirect; the token stays with the registry"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image, redirect_blobs=True)
    pull(lab, registry).ok()
    check(any(p.startswith("/elsewhere/") for p in registry.paths()), "no redirect was followed")


def test_wrong_layer_content(lab):
    """a layer whose bytes do not have its digest"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image)
    digest = image.layer_digests[0]
    registry.blobs[digest] = registry.blobs[digest][:-1] + bytes([registry.blobs[digest][-1] ^ 1])
    refused(lab, registry, "verification failed", "digest")


def test_layer_too_long(lab):
    """a layer with bytes after its end"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image)
    registry.blobs[image.layer_digests[0]] += b"more"
    refused(lab, registry, "verification failed", "digest", "size")


def test_layer_too_short(lab):
    """a layer that ends early, with a content length to match"""
    image = noisy_image(lab.name("a"), 200000)
    registry = fake(lab, image)
    digest = image.layer_digests[0]
    registry.blobs[digest] = registry.blobs[digest][:100000]
    refused(lab, registry, "verification failed", "digest", "unexpected EOF", "size")


def test_wrong_config_content(lab):
    """a config whose bytes do not have its digest"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image)
    registry.blobs[image.id] = registry.blobs[image.id].replace(b"linux", b"linuy")
    refused(lab, registry, "verification failed", "digest")


def test_config_of_other_layers(lab):
    """a config that lists other layers than the manifest has"""
    other = make.Image([make.tar_of([make.file_entry("a", "1")])], config=make.config_of([make.tar_of([make.file_entry("b", "2")])]))
    registry = fake(lab, other)
    refused(lab, registry, "diffID", "rootfs", "verification failed", "digest", "layers")


def test_manifest_with_wrong_size(lab):
    """a manifest that gives a layer a wrong size"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image)
    manifest = json.loads(image.manifest)
    manifest["layers"][0]["size"] += 7
    registry.serve(json.dumps(manifest).encode(), image.manifest_type, "latest")
    if lab.kind == "reference":
        lab.skip("dockerd 20.10 does not compare the size of a layer")
    refused(lab, registry, "size", "length", "digest", "verification failed")


def test_manifest_with_wrong_digest(lab):
    """pull by digest, and the manifest is another one"""
    image, other = small_image(lab.name("a")), small_image(lab.name("b"))
    registry = fake(lab, image)
    registry.serve(other.manifest, other.manifest_type, image.digest)
    registry.blobs.update(other.blobs)
    text = refused(lab, registry, "manifest verification failed for digest " + image.digest, "digest", suffix="@" + image.digest)
    lacks(text, "Downloaded newer")


def test_lying_digest_header(lab):
    """a Docker-Content-Digest that is not the manifest's does not become the image's digest"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image, header_digest="sha256:" + "1" * 64)
    done = pull(lab, registry)
    lacks(done.out, "1" * 64)


def test_manifest_nonsense(lab):
    """a manifest that is not JSON, has no layers or is a list of nothing"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image)
    for data, kind in ((b"nonsense", image.manifest_type), (b"{}", image.manifest_type), (b'{"schemaVersion":2,"manifests":[]}',
                       "application/vnd.oci.image.index.v1+json"), (b"[" * 50000, image.manifest_type)):
        registry.serve(data, kind, "latest")
        refused(lab, registry)


def test_hostile_digests(lab):
    """digests in a manifest that are paths or of an unknown kind"""
    image = small_image(lab.name("a"))
    for digest in ("sha256:../../../../etc/passwd", "sha256:abc", "md5:" + "0" * 32, "", "../../x"):
        registry = fake(lab, image)
        manifest = json.loads(image.manifest)
        manifest["layers"][0]["digest"] = digest
        registry.serve(json.dumps(manifest).encode(), image.manifest_type, "latest")
        refused(lab, registry)


def test_layer_is_no_archive(lab):
    """a layer that has its digest but is neither gzip nor tar"""
    image = small_image(lab.name("a"))
    junk = b"this is neither compressed nor an archive" * 100
    manifest = json.loads(image.manifest)
    manifest["layers"][0].update(digest=make.sha256(junk), size=len(junk))
    registry = fake(lab, image)
    registry.blobs[make.sha256(junk)] = junk
    registry.serve(json.dumps(manifest).encode(), image.manifest_type, "latest")
    refused(lab, registry)


def test_truncated_gzip_layer(lab):
    """a layer that has its digest but is a gzip cut off"""
    image = noisy_image(lab.name("a"), 200000)
    cut = image.blobs[image.layer_digests[0]][:100000]
    manifest = json.loads(image.manifest)
    manifest["layers"][0].update(digest=make.sha256(cut), size=len(cut))
    registry = fake(lab, image)
    registry.blobs[make.sha256(cut)] = cut
    registry.serve(json.dumps(manifest).encode(), image.manifest_type, "latest")
    refused(lab, registry, "unexpected EOF", "truncated")


def test_index_picks_the_platform(lab):
    """an index: this machine's image is taken"""
    image = small_image(lab.name("a"), kind="oci")
    registry = fake(lab, image)
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": image.manifest_type, "digest": "sha256:" + "2" * 64, "size": 10, "platform": {"architecture": "s390x", "os": "linux"}},
        {"mediaType": image.manifest_type, "digest": image.digest, "size": len(image.manifest), "platform": {"architecture": "amd64", "os": "linux"}}]}
    data = json.dumps(index).encode()
    registry.serve(data, index["mediaType"], "latest", make.sha256(data))
    contains(pull(lab, registry).ok().out, "Digest: " + make.sha256(data))
    equal(lab.engine.docker("image", "inspect", "-f", "{{.Id}}", registry.reference).ok().out.strip(), image.id)


def test_index_without_the_platform(lab):
    """an index without an image for this machine"""
    image = small_image(lab.name("a"), kind="oci")
    registry = fake(lab, image)
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
        {"mediaType": image.manifest_type, "digest": image.digest, "size": len(image.manifest), "platform": {"architecture": "s390x", "os": "linux"}}]}
    registry.serve(json.dumps(index).encode(), index["mediaType"], "latest")
    refused(lab, registry, "no matching manifest for linux/amd64 in the manifest list entries")


def test_connection_dropped_and_resumed(lab):
    """a blob whose connection breaks is taken up where it broke"""
    image = noisy_image(lab.name("a"), 3_000_000)
    digest = image.layer_digests[0]
    registry = fake(lab, image, drop_blob_after={digest: 1_000_000}, drops_left=2 if lab.kind == "drydock" else 1)
    pull(lab, registry).ok()
    ranges = [h.get("Range") for verb, path, h in registry.requests if verb == "GET" and path.endswith(digest)]
    check(len(ranges) >= 2, "the blob was asked for %d times" % len(ranges))
    matches(ranges[1] or "", r"^bytes=\d{4,}-", "the second request's Range")


def test_connection_dropped_without_ranges(lab):
    """a registry that knows no ranges: the blob is taken again from the start"""
    image = noisy_image(lab.name("a"), 1_000_000)
    digest = image.layer_digests[0]
    registry = fake(lab, image, drop_blob_after={digest: 400_000}, drops_left=1, accept_ranges=False)
    pull(lab, registry).ok()
    equal(lab.engine.docker("image", "inspect", "-f", "{{.Id}}", registry.reference).ok().out.strip(), image.id)


# dockerd waits five seconds and more before it tries again.
test_connection_dropped_and_resumed.long = True
test_connection_dropped_without_ranges.long = True


def test_connection_dropped_for_good(lab):
    """a blob that never arrives: an error, and no image"""
    image = noisy_image(lab.name("a"), 300_000)
    registry = fake(lab, image, drop_blob_after={image.layer_digests[0]: 0}, drops_left=1000)
    if lab.kind == "reference":
        lab.skip("dockerd 20.10 waits longer and longer between its five tries")
    refused(lab, registry)


def test_blob_missing(lab):
    """a layer that the registry does not have"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image)
    del registry.blobs[image.layer_digests[0]]
    refused(lab, registry, "unknown blob", "blob unknown", "not found")


def test_tag_missing(lab):
    """a tag, a digest and a repository that are not there"""
    def probe(engine):
        registry = lab.closing(FakeRegistry(engine, small_image(lab.name("a"))))
        texts = []
        for reference in (registry.reference + ":nosuch", registry.reference + "@sha256:" + "3" * 64, registry.address + "/no/such"):
            done = engine.docker("pull", reference).failed(1)
            texts.append(done.err.replace(registry.address, "<registry>"))
        return "".join(texts)
    contains(lab.compare(probe), "manifest for <registry>/ship/cargo:nosuch not found: manifest unknown: manifest unknown")


def test_nobody_there(lab):
    """a registry that is not running"""
    lab.compare_docker("pull", "127.0.0.1:1/ship/cargo")


def test_bearer_token(lab):
    """401 with Bearer: a token is fetched for the right scope, and used"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image, bearer=True)
    pull(lab, registry).ok()
    token_requests = [p for p in registry.paths() if p.startswith("/token")]
    check(token_requests, "no token was asked for")
    contains(token_requests[0], "service=tests")
    contains(token_requests[0], "scope=repository%3Aship%2Fcargo%3Apull")
    lacks(" ".join(h.get("Authorization", "") for _, p, h in registry.requests if p.startswith("/token")), "Bearer")


def test_basic_password(lab):
    """401 with Basic: refused without a login, fine with one, refused with a wrong one"""
    image = small_image(lab.name("a"))
    registry = fake(lab, image, basic=("keeper", "rigging"))
    refused(lab, registry, "no basic auth credentials")
    lab.engine.docker("login", "-u", "keeper", "--password-stdin", registry.address, input="wrong").failed()
    lab.engine.docker("login", "-u", "keeper", "--password-stdin", registry.address, input="rigging").ok()
    try:
        pull(lab, registry).ok()
    finally:
        lab.engine.docker("logout", registry.address)


def test_rate_limit(lab):
    """429 with the hub's words"""
    body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}'

    def probe(engine):
        registry = lab.closing(FakeRegistry(engine, small_image(lab.name("a"))))
        registry.refuse_with = (429, body)
        return engine.docker("pull", registry.reference).failed(1).err.replace(registry.address, "<registry>")
    contains(lab.compare(probe), "toomanyrequests: You have reached your pull rate limit.")


def test_server_error(lab):
    """500 and 403 with words of the registry's, and without"""
    def probe(engine):
        registry = lab.closing(FakeRegistry(engine, small_image(lab.name("a"))))
        texts = []
        for answer in ((403, b'{"errors":[{"code":"DENIED","message":"requested access to the resource is denied"}]}'), (403, b"no"),
                       (404, b"<html>not here</html>")):
            registry.refuse_with = answer
            texts.append(engine.docker("pull", registry.reference).failed(1).err.replace(registry.address, "<registry>"))
        return "".join(texts)
    contains(lab.compare(probe), "denied")


def test_nothing_half_done(lab):
    """after pulls that failed, nothing is left but what a good pull would have left"""
    engine = lab.own_engine()
    image = small_image(lab.name("a"), layers=3)
    registry = fake(lab, image, engine=engine)
    digest = image.layer_digests[2]
    good = registry.blobs[digest]
    registry.blobs[digest] = b"spoilt" + good
    for _ in range(2):
        pull(lab, registry, engine=engine).failed()
    equal(len(engine.api("GET", "/images/json?all=1").json()), 1, "images")
    registry.blobs[digest] = good
    pull(lab, registry, engine=engine).ok()
    equal(engine.docker("image", "inspect", "-f", "{{.Id}}", registry.reference).ok().out.strip(), image.id)


def test_pull_given_up(lab):
    """a client that goes away during a pull: the daemon lives, the next pull works"""
    image = noisy_image(lab.name("a"), 2_000_000)
    registry = fake(lab, image)
    client = lab.engine.popen("pull", registry.reference, stdout=-3, stderr=-3)
    client.kill()
    client.wait()
    pull(lab, registry).ok()


def test_same_image_twice_at_once(lab):
    """four pulls of one image at once: all succeed, each blob is fetched once"""
    image = noisy_image(lab.name("a"), 2_000_000)
    registry = fake(lab, image)
    clients = [lab.engine.popen("pull", "-q", registry.reference, stdout=-3, stderr=-3) for _ in range(4)]
    equal([c.wait(timeout=60) for c in clients], [0] * 4, "exit codes")
    fetched = [p for p in registry.paths() if p.endswith(image.layer_digests[0])]
    equal(len(fetched), 1, "times the layer was fetched")
