"""Debian's docker-registry on loopback, inside an engine's network namespace."""
import os
import signal
import socket
import subprocess

from . import processes

USER, PASSWORD = "keeper", "rigging"
# bcrypt of PASSWORD, made once with `htpasswd -nbB`.
HTPASSWD = "keeper:$2y$05$pk0RZVvbG89A61lS2ke8SezUOsgGo/AY2mK7J9JngPD1Av2GSmrH2\n"


class Registry:
    def __init__(self, engine, port, login=False):
        self.engine, self.address = engine, "127.0.0.1:%d" % port
        self.folder = engine.root / ("registry-%d" % port)
        self.folder.mkdir()
        self._login = login
        config = self.folder / "config.yml"
        auth = ""
        if login:
            (self.folder / "htpasswd").write_text(HTPASSWD)
            auth = "auth:\n  htpasswd:\n    realm: tests\n    path: %s\n" % (self.folder / "htpasswd")
        config.write_text("version: 0.1\nlog:\n  level: warn\nstorage:\n  filesystem:\n    rootdirectory: %s\n"
                          "  delete:\n    enabled: true\nhttp:\n  addr: %s\n%s"
                          % (self.folder / "store", self.address, auth))
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                ["nsenter", "--net=" + engine.netns, "docker-registry", "serve", str(config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        engine.on_stop(self.close)
        processes.wait_until(self._answers, 20, "the registry answers")

    def _answers(self):
        host, port = self.address.split(":")
        try:
            self.engine.connect(host, port, 1).close()
            return True
        except OSError:
            return False

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def skopeo(self, *arguments):
        """skopeo where the registry is; an empty login file, so that nothing of the host's leaks in."""
        logins = self.folder / "logins.json"
        logins.write_text("{}")
        return self.engine.host_command("skopeo", *arguments,
                                        env=dict(os.environ, REGISTRY_AUTH_FILE=str(logins), TMPDIR=str(self.folder)))

    def push(self, source, repository, manifest_format="v2s2"):
        """Copies an image (skopeo's notation) to REPOSITORY[:TAG] here."""
        login = ["--dest-creds", "%s:%s" % (USER, PASSWORD)] if self._login else []
        self.skopeo("copy", "--insecure-policy", "--dest-tls-verify=false", "--format", manifest_format, *login,
                    source, "docker://%s/%s" % (self.address, repository))

    def digest(self, repository):
        return self.skopeo("inspect", "--tls-verify=false", "--format", "{{.Digest}}",
                           "docker://%s/%s" % (self.address, repository)).strip()
