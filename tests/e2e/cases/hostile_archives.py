"""Archives made to do harm: nothing is written outside the root, nothing half-done is left."""
import hashlib
import json
import os
import pathlib
import tarfile
import threading

from support import images as make
from support.testing import check, contains, equal

# Where a hostile entry would land on the host if a path were followed.
TRAP = pathlib.Path("/tmp/dd-e2e-trap")
ONE_AT_A_TIME = threading.Lock()


class Trap:
    """A folder on the host with a file in it, that must stay as it is."""

    def __enter__(self):
        ONE_AT_A_TIME.acquire()
        TRAP.mkdir(exist_ok=True)
        (TRAP / "file").write_text("untouched")
        (TRAP / "file").chmod(0o600)
        return self

    def __exit__(self, kind, *_):
        listing = sorted(os.listdir(TRAP))
        text, mode = (TRAP / "file").read_text(), (TRAP / "file").stat().st_mode & 0o777
        for name in listing:
            (TRAP / name).unlink()
        TRAP.rmdir()
        ONE_AT_A_TIME.release()
        if kind is None:
            equal((listing, text, mode), (["file"], "untouched", 0o600), "the host's folder")


def layer(*members):
    """The busybox layer with hostile members after it."""
    base = make.busybox_layer().rstrip(b"\0")
    base += b"\0" * (-len(base) % 512)
    return base + make.tar_of(members)


HOSTILE = {
    "parent_path": [make.file_entry("../../../../../../../../tmp/dd-e2e-trap/evil", "x")],
    "parent_path_within": [make.file_entry("etc/../../../../../../../tmp/dd-e2e-trap/evil", "x")],
    "absolute_path": [make.file_entry("/tmp/dd-e2e-trap/evil", "x")],
    "absolute_symlink": [(make.entry("out", tarfile.SYMTYPE, 0o777, link="/tmp/dd-e2e-trap"), None), make.file_entry("out/evil", "x")],
    "relative_symlink": [(make.entry("out", tarfile.SYMTYPE, 0o777, link="../../../../../../../../../../tmp/dd-e2e-trap"), None), make.file_entry("out/evil", "x")],
    "symlink_of_symlink": [(make.entry("a", tarfile.SYMTYPE, 0o777, link="b"), None), (make.entry("b", tarfile.SYMTYPE, 0o777, link="/tmp/dd-e2e-trap"), None),
                           make.file_entry("a/evil", "x")],
    "file_through_symlink": [(make.entry("out", tarfile.SYMTYPE, 0o777, link="/tmp/dd-e2e-trap/file"), None), make.file_entry("out", "overwritten", 0o777)],
    "hard_link_out": [(make.entry("out", tarfile.LNKTYPE, link="../../../../../../../../tmp/dd-e2e-trap/file"), None), make.file_entry("out", "overwritten", 0o777)],
    "hard_link_absolute": [(make.entry("out", tarfile.LNKTYPE, link="/tmp/dd-e2e-trap/file"), None), make.file_entry("out", "overwritten", 0o777)],
    "whiteout_of_parent": [make.file_entry("../../../../../../../../tmp/dd-e2e-trap/.wh.file", "")],
    "whiteout_of_dots": [make.file_entry("etc/.wh...", "")],
    "whiteout_through_symlink": [(make.entry("out", tarfile.SYMTYPE, 0o777, link="/tmp/dd-e2e-trap"), None), make.file_entry("out/.wh.file", "")],
    "opaque_through_symlink": [(make.entry("out", tarfile.SYMTYPE, 0o777, link="/tmp/dd-e2e-trap"), None), make.file_entry("out/.wh..wh..opq", "")],
    "mode_of_root_parent": [(make.entry("../", mode=0o777), None)],
    "name_is_dots": [make.file_entry("..", "x")],
}


def hostile_test(members, how):
    def test(lab):
        engine, tag = lab.engine, "hostile-" + lab.name("x")
        with Trap():
            data = layer(*members)
            if how == "load":
                done = engine.docker("load", input=make.docker_archive(tag + ":latest", [data]))
            else:
                done = engine.docker("import", "-", tag, input=data)
            if "Loaded image" in done.out or (how == "import" and done.code == 0):
                # Taken: then it must be contained, in a running container too.
                engine.shell("cat /out; ls /out/ /tmp; echo x >/out", image=tag)
                engine.docker("rmi", "-f", tag)
            else:
                check(done.err.strip(), "refused without a word")
                equal(engine.api("GET", "/images/%s/json" % tag).status, 404, "the refused image")
        equal(engine.docker("run", "--rm", "busybox", "echo", "fine").ok().out, "fine\n")
    return test


def generated_tests():
    for how in ("load", "import"):
        for word, members in HOSTILE.items():
            test = hostile_test(members, how)
            test.__name__ = "test_%s_%s" % (how, word)
            test.__doc__ = "%s of a layer with a %s" % (how, word.replace("_", " "))
            yield test


def test_device_nodes(lab):
    """a layer's device node cannot be used: the device rules hold"""
    tag = "devices-" + lab.name("x")
    members = [(make.entry("disk", tarfile.BLKTYPE, 0o666, device=(254, 0)), None), (make.entry("memory", tarfile.CHRTYPE, 0o666, device=(1, 1)), None),
               (make.entry("fifo", tarfile.FIFOTYPE, 0o666), None)]
    done = lab.engine.docker("load", input=make.docker_archive(tag + ":latest", [layer(*members)]))
    if done.code == 0 and "Loaded" in done.out:
        out = lab.engine.shell("head -c 1 /disk >/dev/null && echo disk; head -c 1 /memory >/dev/null && echo memory; [ -p /fifo ] && echo fifo", image=tag).out
        equal(out, "fifo\n")
        lab.engine.docker("rmi", "-f", tag)


def rejected(lab, archive, words=()):
    """`docker load` refuses, says one of the words, and leaves no image behind."""
    engine = lab.engine
    done = engine.docker("load", input=archive)
    said = done.err + done.out
    check(done.code != 0, "accepted: " + said)
    check(said.strip(), "refused without a word")
    if words:
        check(any(w in said for w in words), "said %r, none of %r" % (said, words))
    tags = [t for i in engine.api("GET", "/images/json?all=1").json() for t in i["RepoTags"] or []]
    check(not [t for t in tags if t.startswith("refused")], "the refused image is there: %s" % tags)


def parts(tag, layers, config=None):
    """The members of a docker-archive, to be spoilt before they are put together."""
    config = config or make.config_of(layers)
    name = hashlib.sha256(config).hexdigest() + ".json"
    return {"config_name": name, "config": config, "layers": layers,
            "manifest": [{"Config": name, "RepoTags": [tag + ":latest"], "Layers": ["%d/layer.tar" % n for n in range(len(layers))]}]}


def assemble(p):
    members = [make.file_entry(p["config_name"], p["config"])]
    for n, data in enumerate(p["layers"]):
        members.append(make.file_entry("%d/layer.tar" % n, data))
    return make.tar_of(members + [make.file_entry("manifest.json", json.dumps(p["manifest"]))])


SMALL = make.tar_of([make.file_entry("hello", "hello")])


def test_corrupt_layer(lab):
    """a layer whose bytes are not those of its diff id"""
    p = parts("refused-corrupt", [SMALL])
    p["layers"] = [make.tar_of([make.file_entry("hello", "HELLO")])]
    rejected(lab, assemble(p), ["invalid diffID for layer 0", "digest"])


def test_too_few_layers(lab):
    """fewer layers in the archive than in the config"""
    p = parts("refused-few", [SMALL, SMALL + b"\0" * 512])
    p["manifest"][0]["Layers"] = p["manifest"][0]["Layers"][:1]
    rejected(lab, assemble(p), ["invalid manifest, layers length mismatch"])


def test_layer_missing(lab):
    """a layer that the manifest names and the archive lacks"""
    p = parts("refused-missing", [SMALL])
    p["manifest"][0]["Layers"] = ["nosuch/layer.tar"]
    rejected(lab, assemble(p), ["no such file", "not found"])


def test_config_missing(lab):
    """a config that the archive lacks"""
    p = parts("refused-config", [SMALL])
    p["manifest"][0]["Config"] = "nosuch.json"
    rejected(lab, assemble(p), ["no such file", "not found"])


def test_config_nonsense(lab):
    """a config that is not JSON"""
    rejected(lab, assemble(parts("refused-nonsense", [SMALL], b"nonsense")), ["invalid character", "JSON", "json", "parse"])


def test_config_of_another_system(lab):
    """a config for another operating system"""
    config = json.loads(make.config_of([SMALL]))
    config["os"] = "plan9"
    # dockerd 20.10 panics and drops the connection: any refusal will do there.
    rejected(lab, assemble(parts("refused-system", [SMALL], json.dumps(config).encode())), ["plan9"] if lab.kind == "drydock" else [])


def test_manifest_nonsense(lab):
    """a manifest that is not JSON, and one of the wrong shape"""
    rejected(lab, make.tar_of([make.file_entry("manifest.json", "nonsense")]))
    rejected(lab, make.tar_of([make.file_entry("manifest.json", '{"a":1}')]))


def test_bad_tag(lab):
    """a tag that is no reference"""
    p = parts("REFUSED", [SMALL])
    rejected(lab, assemble(p), ["invalid reference format", "repository name must be lowercase", "invalid tag"])


def test_truncated_archive(lab):
    """an archive cut off in the middle"""
    archive = assemble(parts("refused-truncated", [make.busybox_layer()]))
    rejected(lab, archive[:len(archive) // 2], ["unexpected EOF", "truncated"])


def test_truncated_gzip(lab):
    """a compressed archive cut off in the middle"""
    packed = make.gzip_of(assemble(parts("refused-gzip", [make.busybox_layer()])))
    rejected(lab, packed[:len(packed) // 2], ["unexpected EOF", "truncated"])


def test_not_an_archive(lab):
    """bytes that are no archive, and none at all"""
    rejected(lab, b"this is not a tar archive" * 100)
    rejected(lab, b"")


def test_manifest_points_outside(lab):
    """layers and config outside the archive are not read"""
    p = parts("refused-outside", [SMALL])
    p["manifest"][0]["Layers"] = ["../../../../../../../../etc/passwd"]
    rejected(lab, assemble(p))
    p = parts("refused-outside", [SMALL])
    p["manifest"][0]["Config"] = "/etc/passwd"
    rejected(lab, assemble(p))


def test_layer_is_a_symlink_out(lab):
    """a layer that is a symbolic link to a file of the host is not followed"""
    secret = lab.engine.root / "secret.tar"
    secret.write_bytes(make.tar_of([make.file_entry("secret", "of the host")]))
    config = make.config_of([secret.read_bytes()])
    manifest = [{"Config": "c.json", "RepoTags": ["refused-link:latest"], "Layers": ["layer.tar"]}]
    archive = make.tar_of([make.file_entry("c.json", config), (make.entry("layer.tar", tarfile.SYMTYPE, 0o777, link=str(secret)), None),
                           make.file_entry("manifest.json", json.dumps(manifest))])
    rejected(lab, archive)


def test_truncated_import(lab):
    """import of a tar and of a gzip cut off in the middle"""
    for data in (make.busybox_layer()[:300000], make.gzip_of(make.busybox_layer())[:300000]):
        done = lab.engine.docker("import", "-", "refused-import", input=data).failed()
        contains((done.err + done.out).lower(), "unexpected eof")
        equal(lab.engine.api("GET", "/images/refused-import/json").status, 404, "the refused image")


def test_nothing_half_done(lab):
    """after many refusals the data root has no more files than before"""
    engine = lab.own_engine()

    def files():
        return sorted(os.path.join(w, f) for w, _, names in os.walk(engine.root / "data") for f in names
                      if not f.endswith((".db", ".log", ".json.lock")))
    bad = assemble(dict(parts("refused-left", [SMALL]), layers=[make.busybox_layer()]))
    engine.docker("load", input=bad).failed()
    before = files()
    for _ in range(3):
        engine.docker("load", input=bad).failed()
        engine.docker("load", input=bad[:100000]).failed()
        engine.docker("import", "-", "refused", input=bad[:100000]).failed()
    equal([f for f in files() if f not in before], [], "new files")


def test_many_small_files(lab):
    """a layer of 20000 files unpacks"""
    tag = "many-" + lab.name("x")
    # One in ten has data: where the disk discards what is freed, each of those takes milliseconds to remove.
    members = [(make.entry("many/"), None)] + [make.file_entry("many/%05d" % n, "" if n % 10 else "x") for n in range(20000)]
    lab.engine.docker("load", input=make.docker_archive(tag + ":latest", [layer(*members)])).ok()
    equal(lab.engine.shell("ls /many | wc -l", image=tag).ok().out, "20000\n")
    lab.engine.docker("rmi", tag).ok()


def test_long_names_and_sparse(lab):
    """names of 255 bytes, deep paths, long link targets, in GNU and in pax form"""
    import io
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        tag = "long-" + lab.name("x")
        out = io.BytesIO()
        deep = "/".join(["d" * 60] * 12)
        with tarfile.open(fileobj=out, mode="w", format=form) as tar:
            for info, data in [make.file_entry("n" * 255, "long name"), make.file_entry(deep + "/file", "deep"), make.file_entry("\u00e9t\u00e9", "accents")]:
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
            tar.addfile(make.entry("link", tarfile.SYMTYPE, 0o777, link=deep + "/file"))
        base = make.busybox_layer().rstrip(b"\0")
        data = base + b"\0" * (-len(base) % 512) + out.getvalue()
        lab.engine.docker("load", input=make.docker_archive(tag + ":latest", [data])).ok()
        equal(lab.engine.shell("cat /nnn*; cat /link; cat /%s/file; cat /\u00e9t\u00e9" % deep, image=tag).ok().out, "long namedeepdeepaccents")
        lab.engine.docker("rmi", "-f", tag).ok()
