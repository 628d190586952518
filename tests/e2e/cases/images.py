"""Images travel: registry, save and load, to and from a real dockerd."""
import json
import tarfile

from support import images as make
from support.registry import PASSWORD, USER
from support.testing import check, contains, equal, lacks, matches

LISTING = "cd /hold; ls -lR . | sed 's/^total.*//'; cat deep/a deep/b gone/y; ls -i deep/b hard | awk '{print $1}' | uniq | wc -l"


def image_id(engine, reference):
    return engine.docker("image", "inspect", "-f", "{{.Id}}", reference).ok().out.strip()


def pull(lab, engine, repository):
    registry = lab.registry(engine)
    reference = "%s/%s" % (registry.address, repository)
    done = engine.docker("pull", reference).ok()
    return registry, reference, done


def test_pull_one_layer(lab):
    """pull by tag: the digest is the registry's, the id is the config's"""
    registry, reference, done = pull(lab, lab.engine, "ship/busybox")
    digest = registry.digest("ship/busybox")
    contains(done.out, "Digest: " + digest)
    contains(done.out, "Status: ")
    contains(done.out, reference)
    equal(image_id(lab.engine, reference), lab.images.busybox_id, "image id")
    repo_digests = lab.engine.docker("image", "inspect", "-f", "{{json .RepoDigests}}", reference).ok().out
    # The same image pulled under other names has their digests too.
    check("%s@%s" % (reference, digest) in json.loads(repo_digests), "RepoDigests: " + repo_digests)


def test_pull_oci(lab):
    """pull an OCI manifest"""
    registry, reference, done = pull(lab, lab.engine, "ship/oci")
    contains(done.out, "Digest: " + registry.digest("ship/oci"))
    equal(image_id(lab.engine, reference), lab.images.busybox_id, "image id")
    equal(lab.engine.docker("run", "--rm", reference, "echo", "hello").ok().out, "hello\n")


def test_pull_by_digest(lab):
    """pull by digest, run by digest"""
    registry = lab.registry(lab.engine)
    digest = registry.digest("ship/busybox")
    reference = "%s/ship/busybox@%s" % (registry.address, digest)
    contains(lab.engine.docker("pull", reference).ok().out, digest)
    equal(lab.engine.docker("run", "--rm", reference, "echo", "hi").ok().out, "hi\n")


def test_pull_again_is_up_to_date(lab):
    """a second pull says so and transfers nothing"""
    _, reference, _ = pull(lab, lab.engine, "ship/busybox")
    done = lab.engine.docker("pull", reference).ok()
    contains(done.out, "Status: Image is up to date for %s:latest" % reference)


def test_pull_all_tags(lab):
    """pull -a takes every tag of the repository"""
    registry = lab.registry(lab.engine)
    for tag in ("one", "two"):
        registry.push("docker-archive:%s" % lab.images.busybox, "ship/tags-%s:%s" % (lab.name("x"), tag))
    reference = "%s/ship/tags-%s" % (registry.address, lab.name("x"))
    lab.engine.docker("pull", "-a", reference).ok()
    listed = lab.engine.docker("images", "--format", "{{.Tag}}", reference).ok().out.split()
    equal(sorted(listed), ["one", "two"], "tags")


def test_run_pulls(lab):
    """run pulls an image that is not there, and says so on stderr"""
    registry = lab.registry(lab.engine)
    registry.push("docker-archive:%s" % lab.images.busybox, "ship/fresh-%s" % lab.name("x"))
    reference = "%s/ship/fresh-%s" % (registry.address, lab.name("x"))
    done = lab.engine.docker("run", "--rm", reference, "echo", "fresh").ok()
    equal(done.out, "fresh\n")
    contains(done.err, "Unable to find image '%s:latest' locally" % reference)


def test_layers_unpack_alike(lab):
    """a committed image with a whiteout and an opaque directory looks the same"""
    def probe(engine):
        _, reference, _ = pull(lab, engine, "ship/layered")
        equal(image_id(engine, reference), lab.images.layered_id, "image id")
        return engine.shell(LISTING, image=reference).ok().out
    text = lab.compare(probe)
    lacks(text, "removed")
    contains(text, "fresh")
    contains(text, "-rwsr-xr-x")


def test_history_alike(lab):
    """history of the committed image"""
    def probe(engine):
        _, reference, _ = pull(lab, engine, "ship/layered")
        return engine.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Size}}|{{.Comment}}", reference).ok().out
    lab.compare(probe)


def test_inspect_alike(lab):
    """image inspect: the fields tools read"""
    fields = "Id Comment Config.Cmd Config.Env Architecture Os RootFS DockerVersion Author".split()
    template = "\n".join("%s={{json .%s}}" % (f, f) for f in fields)
    def probe(engine):
        engine.docker("load", "-i", lab.images.layered).ok()
        return engine.docker("image", "inspect", "-f", template, "layered:latest").ok().out
    lab.compare(probe, same=lambda text: "\n".join(sorted(text.splitlines())))


def test_push_round_trip(lab):
    """push, and what the registry then has is what was pulled"""
    registry = lab.registry(lab.engine)
    registry.push("docker-archive:%s" % lab.images.layered, "ship/mine-" + lab.name("x"))
    registry, reference, _ = pull(lab, lab.engine, "ship/mine-" + lab.name("x"))
    target = "%s/ship/pushed-%s:v1" % (registry.address, lab.name("x"))
    lab.engine.docker("tag", reference, target).ok()
    done = lab.engine.docker("push", target).ok()
    pushed = matches(done.out, r"^v1: digest: (sha256:[0-9a-f]{64}) size: \d+$").group(1)
    equal(registry.digest(target.split("/", 1)[1]), pushed, "digest in the registry")
    config = json.loads(registry.skopeo("inspect", "--tls-verify=false", "--config", "docker://" + target))
    lab.engine.docker("rmi", target, reference).ok()
    lab.engine.docker("pull", target).ok()
    equal(image_id(lab.engine, target), lab.images.layered_id, "image id after the round trip")
    diff_ids = lab.engine.docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", target).ok().out
    equal(json.loads(diff_ids), config["rootfs"]["diff_ids"], "layers")


def test_push_again(lab):
    """a second push sends no layer, and one to another repository mounts them from the first"""
    registry, reference, _ = pull(lab, lab.engine, "ship/layered")
    first, second = ("%s/ship/%s-%s" % (registry.address, word, lab.name("x")) for word in ("first", "second"))
    for target in (first, second):
        lab.engine.docker("tag", reference, target).ok()
    lab.engine.docker("push", first).ok()
    contains(lab.engine.docker("push", first).ok().out, "Layer already exists")
    contains(lab.engine.docker("push", second).ok().out, "Mounted from ship/")
    equal(registry.digest(second.split("/", 1)[1]), registry.digest(first.split("/", 1)[1]), "digests")


def test_push_refused(lab):
    """push of a tag that is not there, and to nobody"""
    lab.compare_docker("push", "127.0.0.1:1/ship/nosuch")
    tag = "127.0.0.1:1/ship/" + lab.name("x")

    def probe(engine):
        engine.docker("tag", "busybox", tag).ok()
        done = engine.docker("push", tag).failed()
        engine.docker("rmi", tag)
        return done.err
    contains(lab.compare(probe), "connection refused")


def test_pushed_image_runs_on_the_reference(lab):
    """what we push, a real dockerd pulls and runs"""
    registry, reference, _ = pull(lab, lab.engine, "ship/layered")
    target = "%s/ship/handover-%s" % (registry.address, lab.name("x"))
    lab.engine.docker("tag", reference, target).ok()
    lab.engine.docker("push", target).ok()
    archive = registry.folder / "handover.tar"
    registry.skopeo("copy", "--insecure-policy", "--src-tls-verify=false", "docker://" + target,
                    "docker-archive:%s:handover:latest" % archive)
    lab.reference.docker("load", "-i", archive).ok()
    equal(image_id(lab.reference, "handover:latest"), lab.images.layered_id, "image id")


def test_login_and_pull(lab):
    """login, pull and push at a registry with passwords"""
    engine, registry = lab.engine, lab.registry(lab.engine, login=True)
    reference = registry.address + "/ship/busybox"
    refused = engine.docker("pull", reference).failed()
    contains(refused.err, "no basic auth credentials")
    wrong = engine.docker("login", "-u", USER, "--password-stdin", registry.address, input="wrong").failed()
    contains(wrong.err, "401 Unauthorized")
    done = engine.docker("login", "-u", USER, "--password-stdin", registry.address, input=PASSWORD).ok()
    contains(done.out, "Login Succeeded")
    try:
        engine.docker("pull", reference).ok()
        engine.docker("tag", reference, reference + ":again").ok()
        contains(engine.docker("push", reference + ":again").ok().out, "again: digest: sha256:")
    finally:
        engine.docker("logout", registry.address)


def test_save_load_keeps_ids(lab):
    """save | load keeps image ids and tags"""
    engine = lab.engine
    engine.docker("load", "-i", lab.images.layered).ok()
    tag = "kept-%s:v1" % lab.name("x")
    engine.docker("tag", "layered:latest", tag).ok()
    saved = engine.docker("save", tag).ok().raw_out
    engine.docker("rmi", tag).ok()
    done = engine.docker("load", input=saved).ok()
    contains(done.out, "Loaded image: " + tag)
    equal(image_id(engine, tag), lab.images.layered_id, "image id")


def test_saved_loads_into_the_reference(lab):
    """a real dockerd loads and runs what we saved"""
    lab.engine.docker("load", "-i", lab.images.layered).ok()
    tag = "given-%s:v1" % lab.name("x")
    lab.engine.docker("tag", "layered:latest", tag).ok()
    saved = lab.engine.docker("save", tag).ok().raw_out
    contains(lab.reference.docker("load", input=saved).ok().out, "Loaded image: " + tag)
    equal(image_id(lab.reference, tag), lab.images.layered_id, "image id")
    equal(lab.reference.shell(LISTING, image=tag).ok().out, lab.engine.shell(LISTING, image=tag).ok().out, "contents")


def test_save_shape(lab):
    """save writes manifest.json and repositories as docker does"""
    def probe(engine):
        path = engine.root / "shape.tar"
        engine.docker("save", "-o", path, "busybox:latest").ok()
        with tarfile.open(path) as tar:
            names = tar.getnames()
            manifest = json.load(tar.extractfile("manifest.json"))
            config = tar.extractfile(manifest[0]["Config"]).read()
            layers = [make.sha256(tar.extractfile(layer).read()) for layer in manifest[0]["Layers"]]
        equal(layers, json.loads(config)["rootfs"]["diff_ids"], "layers in the archive")
        check("repositories" in names, "no repositories file")
        return "%s %s %s" % (manifest[0]["RepoTags"], manifest[0]["Config"], make.sha256(config))
    lab.compare(probe)


def test_save_several(lab):
    """save of two images shares one archive"""
    lab.engine.docker("load", "-i", lab.images.layered).ok()
    saved = lab.engine.docker("save", "busybox:latest", "layered:latest").ok().raw_out
    out = lab.reference.docker("load", input=saved).ok().out
    contains(out, "Loaded image: busybox:latest")
    contains(out, "Loaded image: layered:latest")


def test_import_flat_tar(lab):
    """import makes a one-layer image that runs, with --change applied"""
    tag = "imported-%s:v1" % lab.name("x")
    def probe(engine):
        done = engine.docker("import", "--change", "CMD [\"echo\", \"imported\"]", "--change", "ENV A=b", "-m", "said so", "-",
                             tag, input=lab.images.layer).ok()
        matches(done.out, r"^sha256:[0-9a-f]{64}$")
        text = engine.docker("run", "--rm", tag).ok().out
        text += engine.docker("image", "inspect", "-f", "{{.Config.Env}} {{.Config.Cmd}} {{.Comment}} {{len .RootFS.Layers}}", tag).ok().out
        engine.docker("rmi", tag).ok()
        return text
    lab.compare(probe)


def test_import_gzip(lab):
    """import takes a gzip-compressed tar too"""
    tag = "packed-%s:v1" % lab.name("x")
    lab.engine.docker("import", "-", tag, input=make.gzip_of(lab.images.layer)).ok()
    equal(lab.engine.docker("run", "--rm", tag, "echo", "unpacked").ok().out, "unpacked\n")
    lab.engine.docker("rmi", tag).ok()


def test_tag_and_rmi(lab):
    """tags come and go; rmi of the last one deletes the image"""
    tag = "moving-%s" % lab.name("x")
    def probe(engine):
        engine.docker("import", "-", tag + ":a", input=make.tar_of([make.file_entry("f", tag)])).ok()
        engine.docker("tag", tag + ":a", tag + ":b").ok()
        out = engine.docker("rmi", tag + ":a").ok().out
        return out + engine.docker("rmi", tag + ":b").ok().out.replace("sha256:", "") \
            + engine.docker("images", "-q", tag).ok().out
    text = lab.compare(probe, same=lambda t: "\n".join(sorted(t.splitlines())))
    contains(text, "Untagged: %s:a" % tag)
    contains(text, "Deleted: <id>")


def test_images_filters(lab):
    """images: reference, dangling, label, before and since"""
    tag = "sieve-%s" % lab.name("x")
    def probe(engine):
        lines = []
        engine.docker("import", "--change", "LABEL deck=upper", "-", tag + ":1", input=make.tar_of([make.file_entry("f", "1" + tag)])).ok()
        engine.docker("import", "-", tag + ":2", input=make.tar_of([make.file_entry("f", "2" + tag)])).ok()
        for flags in (["--filter", "reference=%s:*" % tag], ["--filter", "label=deck=upper", "--filter", "reference=" + tag],
                      [tag], [tag + ":2"], ["--filter", "since=%s:1" % tag, tag], ["--filter", "before=%s:2" % tag, tag]):
            out = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", *flags).ok().out.split()
            lines.append("%s -> %s" % (" ".join(flags), " ".join(sorted(out))))
        engine.docker("rmi", tag + ":1", tag + ":2").ok()
        return "\n".join(lines)
    lab.compare(probe)


def test_rmi_in_use(lab):
    """rmi of an image that a container uses is refused, with docker's words"""
    name, tag = lab.name(), "busy-%s" % lab.name("x")
    def probe(engine):
        engine.docker("import", "-", tag, input=lab.images.layer).ok()
        engine.docker("run", "-d", "--name", name, tag, "sleep", "100").ok()
        refused = engine.docker("rmi", tag).failed(1).err
        engine.remove(name)
        engine.docker("rmi", tag).ok()
        return refused
    contains(lab.compare(probe), "conflict: unable to remove repository reference")


def test_image_prune(lab):
    """image prune removes what has no tag and no container"""
    tag = "loose-%s" % lab.name("x")
    engine = lab.own_engine()
    engine.docker("import", "-", tag, input=make.tar_of([make.file_entry("f", "old")])).ok()
    engine.docker("import", "-", tag, input=make.tar_of([make.file_entry("f", "new")])).ok()
    dangling = engine.docker("images", "-q", "--filter", "dangling=true").ok().out.split()
    equal(len(dangling), 1, "dangling images")
    contains(engine.docker("image", "prune", "-f").ok().out, "Total reclaimed space: ")
    equal(engine.docker("images", "-q", "--filter", "dangling=true").ok().out, "")
    equal(len(engine.docker("images", "-q").ok().out.split()), 2, "images left")
