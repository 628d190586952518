"""Images made from Debian's busybox-static: the same bytes on every run.

The applets are hard links, as in the real BusyBox image: with absolute symlinks a test that
changes rootfs/bin/echo from outside would change the host's. The `.` entry is 0755, or
every user but root would be locked out of its own root directory.
"""
import gzip
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

EPOCH = 1000000000
CREATED = "2001-09-09T01:46:40Z"
BUSYBOX = "/bin/busybox"
PASSWD = ("root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
          "sailor:x:1000:1000:Sailor:/home/sailor:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n")
GROUP = "root:x:0:\ndaemon:x:1:\ndeck:x:50:sailor\nsailor:x:1000:\nnobody:x:65534:\n"


def entry(name, kind=tarfile.DIRTYPE, mode=0o755, uid=0, gid=0, link="", device=(0, 0)):
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid, info.mtime = kind, mode, uid, gid, EPOCH
    info.linkname = link
    info.devmajor, info.devminor = device
    return info


def tar_of(members):
    """A tar of (TarInfo, content or None) pairs, in their order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            if content is not None:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if content is not None else None)
    return out.getvalue()


def file_entry(name, content, mode=0o644, **more):
    data = content.encode() if isinstance(content, str) else content
    return entry(name, tarfile.REGTYPE, mode, **more), data


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def busybox_layer():
    """The uncompressed layer of the image every test starts from."""
    binary = pathlib.Path(BUSYBOX).read_bytes()
    applets = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    members = [(entry("./"), None)]
    members += [(entry(d), None) for d in ("bin/", "etc/", "home/", "var/", "usr/")]
    members += [(entry("root/", mode=0o700), None), (entry("tmp/", mode=0o1777), None),
                (entry("home/sailor/", uid=1000, gid=1000), None)]
    members.append(file_entry("bin/busybox", binary, 0o755))
    members += [(entry("bin/" + a, tarfile.LNKTYPE, 0o755, link="bin/busybox"), None)
                for a in sorted(applets) if a != "busybox"]
    members += [file_entry("etc/passwd", PASSWD), file_entry("etc/group", GROUP)]
    return tar_of(members)


def config_of(layers, command=("sh",), **more):
    config = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": list(command)}
    config.update(more)
    return json.dumps({
        "architecture": "amd64", "os": "linux", "created": CREATED, "config": config,
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
        "history": [{"created": CREATED, "created_by": "tests"} for _ in layers],
    }, sort_keys=True).encode()


def docker_archive(tag, layers, config=None):
    """What `docker load` takes, as `docker save` writes it; `tag` is NAME:TAG or None."""
    config = config or config_of(layers)
    name = hashlib.sha256(config).hexdigest() + ".json"
    paths = [hashlib.sha256(layer).hexdigest() + "/layer.tar" for layer in layers]
    manifest = json.dumps([{"Config": name, "RepoTags": [tag] if tag else None, "Layers": paths}]).encode()
    members = [file_entry(name, config)]
    for path, layer in zip(paths, layers):
        members += [(entry(path.split("/")[0] + "/"), None), file_entry(path, layer)]
    return tar_of(members + [file_entry("manifest.json", manifest)])


def gzip_of(data):
    return gzip.compress(data, 6, mtime=0)


class Image:
    """An image as a registry holds it: blobs by digest, and one manifest."""

    LAYER = {"oci": "application/vnd.oci.image.layer.v1.tar+gzip",
             "docker": "application/vnd.docker.image.rootfs.diff.tar.gzip"}
    CONFIG = {"oci": "application/vnd.oci.image.config.v1+json",
              "docker": "application/vnd.docker.container.image.v1+json"}
    MANIFEST = {"oci": "application/vnd.oci.image.manifest.v1+json",
                "docker": "application/vnd.docker.distribution.manifest.v2+json"}

    def __init__(self, layers, kind="docker", config=None):
        self.kind = kind
        self.config = config or config_of(layers)
        packed = [gzip_of(layer) for layer in layers]
        self.blobs = {sha256(data): data for data in packed + [self.config]}
        self.manifest_type = self.MANIFEST[kind]
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": self.manifest_type,
            "config": self._descriptor(self.CONFIG[kind], self.config),
            "layers": [self._descriptor(self.LAYER[kind], data) for data in packed],
        }, sort_keys=True).encode()

    @staticmethod
    def _descriptor(media_type, data):
        return {"mediaType": media_type, "digest": sha256(data), "size": len(data)}

    @property
    def id(self):
        return sha256(self.config)

    @property
    def digest(self):
        return sha256(self.manifest)

    @property
    def layer_digests(self):
        return [layer["digest"] for layer in json.loads(self.manifest)["layers"]]

    def write_oci_layout(self, folder, tag):
        folder = pathlib.Path(folder)
        blobs = folder / "blobs" / "sha256"
        blobs.mkdir(parents=True)
        for digest, data in list(self.blobs.items()) + [(self.digest, self.manifest)]:
            (blobs / digest[7:]).write_bytes(data)
        (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [
            dict(self._descriptor(self.manifest_type, self.manifest),
                 annotations={"org.opencontainers.image.ref.name": tag})]}))
