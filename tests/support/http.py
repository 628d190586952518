"""The Engine API spoken by hand: requests over a UNIX socket, and hijacked streams."""
import http.client
import json
import socket
import struct

DEFAULT_VERSION = "v1.41"
MAX_BODY = 64 << 20


class Answer:
    """One HTTP answer, read to its end."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "backslashreplace")

    @property
    def message(self):
        """The `message` of an error, or None when the body is not an error object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return None
        return found.get("message") if isinstance(found, dict) else None

    def json(self):
        return json.loads(self.body)

    def lines(self):
        """A body of JSON values one after another, as progress streams are."""
        return [json.loads(line) for line in self.text.splitlines() if line.strip()]

    def __repr__(self):
        return "%s %s" % (self.status, self.text.strip()[:300])


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Api:
    """Requests to one daemon. `version` None sends the path as it is."""

    def __init__(self, socket_path):
        self.socket_path = str(socket_path)

    def __call__(self, method, path, body=None, headers=None, version=DEFAULT_VERSION, timeout=30):
        connection = _UnixConnection(self.socket_path, timeout)
        try:
            response = self._send(connection, method, path, body, headers, version)
            return Answer(response.status, dict((k.title(), v) for k, v in response.getheaders()),
                          response.read(MAX_BODY))
        finally:
            connection.close()

    def stream(self, method, path, body=None, headers=None, version=DEFAULT_VERSION, timeout=30):
        """The open answer: read it piecemeal, then close the connection it holds."""
        connection = _UnixConnection(self.socket_path, timeout)
        response = self._send(connection, method, path, body, headers, version)
        response.connection = connection
        return response

    @staticmethod
    def _send(connection, method, path, body, headers, version):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        where = path if version is None else "/%s%s" % (version, path)
        connection.request(method, where, body=body, headers=headers)
        return connection.getresponse()

    def raw(self, data, timeout=10):
        """Sends bytes as they are; returns what comes back until the end or the timeout."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(timeout)
            sock.connect(self.socket_path)
            received = b""
            try:
                sock.sendall(data)
                while len(received) < MAX_BODY:
                    piece = sock.recv(65536)
                    if not piece:
                        break
                    received += piece
            except (BrokenPipeError, ConnectionResetError, socket.timeout):
                pass  # a refusal may arrive as a closed connection
            return received

    def hijack(self, path, body=None, upgrade=True, version=DEFAULT_VERSION, timeout=30):
        return Hijacked(self.socket_path, "/%s%s" % (version, path), body, upgrade, timeout)


class Hijacked:
    """An attach or exec connection after its HTTP head: a plain two-way byte stream."""

    def __init__(self, socket_path, path, body, upgrade, timeout):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(socket_path)
        payload = b"" if body is None else json.dumps(body).encode()
        head = ["POST %s HTTP/1.1" % path, "Host: docker", "Content-Type: application/json",
                "Content-Length: %d" % len(payload)]
        if upgrade:
            head += ["Connection: Upgrade", "Upgrade: tcp"]
        self.sock.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + payload)
        self._buffer = b""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        header, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = header.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = {k.strip().title(): v.strip()
                        for k, _, v in (line.partition(":") for line in lines[1:])}

    def _fill(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise EOFError("the daemon closed the stream")
        self._buffer += piece

    def send(self, data):
        self.sock.sendall(data)

    def close_input(self):
        self.sock.shutdown(socket.SHUT_WR)

    def read_all(self):
        try:
            while True:
                self._fill()
        except EOFError:
            data, self._buffer = self._buffer, b""
            return data

    def read_until(self, marker):
        while marker not in self._buffer:
            self._fill()
        end = self._buffer.index(marker) + len(marker)
        data, self._buffer = self._buffer[:end], self._buffer[end:]
        return data

    def frame(self):
        """The next stdcopy frame as (stream number, payload), or None at the end."""
        while len(self._buffer) < 8:
            try:
                self._fill()
            except EOFError:
                return None
        stream, length = struct.unpack(">BxxxL", self._buffer[:8])
        while len(self._buffer) < 8 + length:
            self._fill()
        payload = self._buffer[8:8 + length]
        self._buffer = self._buffer[8 + length:]
        return stream, payload

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def split_frames(data):
    """stdcopy bytes as {stream number: payload}; raises when they are not whole frames."""
    streams = {}
    while data:
        if len(data) < 8:
            raise ValueError("%d stray bytes after the last frame" % len(data))
        stream, length = struct.unpack(">BxxxL", data[:8])
        if stream > 3 or len(data) < 8 + length:
            raise ValueError("not a stdcopy frame: %r" % data[:16])
        streams[stream] = streams.get(stream, b"") + data[8:8 + length]
        data = data[8 + length:]
    return streams
