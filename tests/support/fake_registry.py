"""A registry that misbehaves on purpose, inside an engine's network namespace.

It serves what it was told to, and takes orders on how to break: see the attributes of
`FakeRegistry`. Every request is kept in `requests` for the tests to look at.
"""
import base64
import http.server
import json
import re
import threading
import urllib.parse

from . import processes
from .images import sha256

TOKEN = "a-token-of-the-tests"


class FakeRegistry:
    def __init__(self, engine, image=None, repository="ship/cargo", tag="latest"):
        self.repository, self.tag = repository, tag
        self.blobs, self.manifests = {}, {}
        self.drop_blob_after = {}       # digest: how many bytes until the connection breaks
        self.drops_left = 0             # how many times it breaks
        self.accept_ranges = True
        self.basic = None               # (user, password) wanted
        self.bearer = False             # a token from /token wanted
        self.refuse_with = None         # (status, body) for every manifest
        self.header_digest = None       # a Docker-Content-Digest to claim
        self.redirect_blobs = False     # blobs live at another path, told by 307
        self.requests = []
        if image:
            self.add(image)
        handler = type("Handler", (_Handler,), {"registry": self})
        self._server = processes.in_netns(
            engine.netns, lambda: http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
        self._server.daemon_threads = True
        self.address = "127.0.0.1:%d" % self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def reference(self):
        return "%s/%s" % (self.address, self.repository)

    def add(self, image):
        self.blobs.update(image.blobs)
        self.serve(image.manifest, image.manifest_type, image.digest, self.tag)

    def serve(self, data, media_type, *references):
        """A manifest under these references, and under its own digest unless that is taken."""
        self.manifests.setdefault(sha256(data), (media_type, data))
        for reference in references:
            self.manifests[reference] = (media_type, data)

    def paths(self, method="GET"):
        return [path for verb, path, _ in self.requests if verb == method]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry = None

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._route()

    def do_GET(self):
        self._route()

    def do_POST(self):
        self._read_form()
        self._route()

    def _read_form(self):
        self.form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

    def _route(self):
        registry = self.registry
        registry.requests.append((self.command, self.path, dict(self.headers)))
        path = urllib.parse.urlsplit(self.path)
        if path.path == "/token":
            return self._answer(200, json.dumps({"token": TOKEN, "access_token": TOKEN, "expires_in": 300}).encode())
        if not self._authorised():
            return None
        if path.path in ("/v2", "/v2/"):
            return self._answer(200, b"{}")
        match = re.fullmatch(r"/(v2|elsewhere)/(.+)/(manifests|blobs)/([^/]+)", path.path)
        if not match or match.group(2) != registry.repository:
            return self._error(404, "NAME_UNKNOWN", "repository name not known to registry")
        if match.group(3) == "manifests":
            return self._manifest(match.group(4))
        if registry.redirect_blobs and match.group(1) == "v2":
            return self._answer(307, b"", Location="http://%s%s" % (
                registry.address, path.path.replace("/v2/", "/elsewhere/", 1)))
        return self._blob(match.group(4))

    def _authorised(self):
        registry, given = self.registry, self.headers.get("Authorization", "")
        if registry.basic:
            want = "Basic " + base64.b64encode(":".join(registry.basic).encode()).decode()
            if given != want:
                self._error(401, "UNAUTHORIZED", "authentication required",
                            **{"WWW-Authenticate": 'Basic realm="tests"'})
                return False
        if registry.bearer and given != "Bearer " + TOKEN:
            challenge = 'Bearer realm="http://%s/token",service="tests",scope="repository:%s:pull"' % (
                registry.address, registry.repository)
            self._error(401, "UNAUTHORIZED", "authentication required", **{"WWW-Authenticate": challenge})
            return False
        return True

    def _manifest(self, reference):
        registry = self.registry
        if registry.refuse_with:
            status, body = registry.refuse_with
            return self._answer(status, body)
        if reference not in registry.manifests:
            return self._error(404, "MANIFEST_UNKNOWN", "manifest unknown")
        media_type, data = registry.manifests[reference]
        digest = registry.header_digest
        if digest is None:
            digest = sha256(data)
        return self._answer(200, data, **{"Content-Type": media_type, "Docker-Content-Digest": digest})

    def _blob(self, digest):
        registry = self.registry
        if digest not in registry.blobs:
            return self._error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        data, status, more = registry.blobs[digest], 200, {}
        if registry.accept_ranges:
            more["Accept-Ranges"] = "bytes"
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            if wanted:
                start = int(wanted.group(1))
                more["Content-Range"] = "bytes %d-%d/%d" % (start, len(data) - 1, len(data))
                data, status = data[start:], 206
        limit = registry.drop_blob_after.get(digest)
        if limit is not None and registry.drops_left > 0 and self.command == "GET":
            registry.drops_left -= 1
            return self._answer(status, data, stop_after=limit, **more)
        return self._answer(status, data, **more)

    def _error(self, status, code, message, **headers):
        # With a detail, as real registries give one: without, dockerd words the error in another way.
        errors = {"errors": [{"code": code, "message": message, "detail": {"Path": self.path}}]}
        self._answer(status, json.dumps(errors).encode(), **headers)

    def _answer(self, status, body, stop_after=None, **headers):
        self.send_response(status)
        headers.setdefault("Content-Type", "application/json")
        headers["Content-Length"] = str(len(body))
        headers["Docker-Distribution-Api-Version"] = "registry/2.0"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if stop_after is not None:
            self.wfile.write(body[:stop_after])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)
