"""What one run of the suite shares: the two engines, their registries, the images."""
import threading

from . import images
from .engine import EngineSet
from .registry import Registry

REGISTRY_PORT, LOGIN_PORT = 5000, 5001


class Images:
    """The images of the run, as files and as what is known about them."""

    def __init__(self, folder):
        self.folder = folder
        self.layer = images.busybox_layer()
        self.config = images.config_of([self.layer])
        self.busybox = folder / "busybox.tar"
        self.busybox.write_bytes(images.docker_archive("busybox:latest", [self.layer], self.config))
        self.busybox_id = images.sha256(self.config)
        self.layout = folder / "layout"
        images.Image([self.layer], "oci", self.config).write_oci_layout(self.layout, "latest")
        self.layered = folder / "layered.tar"
        self.layered_id = None


class Run:
    def __init__(self, options):
        programs = {"reference": options.dockerd, "drydock": options.drydockd}
        kind, _, backend = options.engine.partition("-")
        self.engines = EngineSet(options.docker, programs, backend=backend or "native")
        self.full = options.full or kind == "drydock"
        self._registries, self._lock, self.lost = {}, threading.RLock(), None
        try:
            self.reference = self.engines.make("reference", "ref")
            self.engine = self.engines.make(kind, "dut")
            folder = self.engines.root / "images"
            folder.mkdir()
            self.images = Images(folder)
            self._start_both()
            self._commit_layered_image()
        except BaseException:
            self.engines.close()
            raise

    def _start_both(self):
        failures = []

        def start(engine):
            try:
                engine.start()
                self.load_busybox(engine)
            except Exception as error:  # reported by the main thread
                failures.append(error)

        threads = [threading.Thread(target=start, args=(e,)) for e in (self.reference, self.engine)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def load_busybox(self, engine):
        engine.docker("load", "-i", self.images.busybox).ok()

    # Changes that exercise a layer: a whiteout, an opaque directory, hard links, modes, owners.
    LAYERED = [
        "mkdir -p /hold/deep /hold/gone; echo first >/hold/deep/a; echo second >/hold/deep/b; echo x >/hold/gone/x;"
        "echo bye >/hold/removed; ln -s deep/a /hold/link; chown 1000:1000 /hold/deep/b; chmod 4755 /hold/deep/a",
        "rm /hold/removed; rm -r /hold/gone; mkdir /hold/gone; echo fresh >/hold/gone/y; ln /hold/deep/b /hold/hard;"
        "echo third >>/hold/deep/a; mkfifo /hold/pipe; touch '/hold/name with spaces'",
    ]

    def _commit_layered_image(self):
        """The multi-layer image is the reference's own `docker commit`."""
        image, engine = "busybox", self.reference
        for number, script in enumerate(self.LAYERED):
            engine.docker("run", "--name", "committed", image, "sh", "-c", script).ok()
            image = "layered:step%d" % number
            engine.docker("commit", "--change", 'CMD ["sh"]', "committed", image).ok()
            engine.docker("rm", "committed").ok()
        engine.docker("tag", image, "layered:latest").ok()
        for number in range(len(self.LAYERED)):
            engine.docker("rmi", "layered:step%d" % number).ok()
        engine.docker("save", "-o", self.images.layered, "layered:latest").ok()
        self.images.layered_id = engine.docker("image", "inspect", "-f", "{{.Id}}", "layered:latest").ok().out.strip()

    def revive(self):
        """Restarts engines that no longer answer, so that one crash is not every test's failure.

        Returns what their logs say, or nothing. When it cannot, `lost` says so to all further tests.
        """
        said = ""
        with self._lock:
            for engine in (self.engine, self.reference):
                if self.lost or engine.answers():
                    continue
                said += "\nthe %s no longer answered and was started again\n%s" % (engine.kind, engine.log_tail())
                try:
                    engine.kill()
                    engine.launch()
                    if engine.api("GET", "/images/busybox/json").status != 200:
                        self.load_busybox(engine)
                except (AssertionError, OSError) as error:
                    self.lost = "the %s does not come back" % engine.kind
                    said += "\n%s: %s" % (self.lost, error)
        return said

    def registry(self, engine, login=False):
        """Debian's registry beside this engine; it already has ship/busybox and ship/layered."""
        with self._lock:
            key = (engine.root, login)
            if key not in self._registries:
                registry = Registry(engine, LOGIN_PORT if login else REGISTRY_PORT, login)
                registry.push("oci:%s:latest" % self.images.layout, "ship/oci", "oci")
                registry.push("docker-archive:%s" % self.images.busybox, "ship/busybox")
                registry.push("docker-archive:%s" % self.images.layered, "ship/layered")
                self._registries[key] = registry
            return self._registries[key]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.engines.close()
