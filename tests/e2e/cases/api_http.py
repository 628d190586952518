"""The Engine API as HTTP: versions, headers, methods, odd and hostile requests."""
import json
import time

from support.testing import check, contains, equal, matches, show


def test_ping(lab):
    """GET and HEAD /_ping: the headers that clients negotiate by"""
    for method in ("GET", "HEAD"):
        for path in ("/_ping", "/v1.41/_ping"):
            answer = lab.engine.api(method, path, version=None)
            reference = lab.reference.api(method, path, version=None)
            equal((answer.status, answer.body), (reference.status, reference.body), "%s %s" % (method, path))
            for header in ("Content-Type", "Docker-Experimental", "Ostype", "Cache-Control", "Pragma"):
                equal(answer.headers.get(header), reference.headers.get(header), header)
            matches(answer.headers.get("Api-Version", ""), r"^1\.\d+$", "Api-Version")
            check("Server" in answer.headers, "no Server header")
            if "Builder-Version" in reference.headers or lab.kind == "drydock":
                check(answer.headers.get("Builder-Version") in ("1", ""), "the classic builder is the one announced: %r" % answer.headers)


def test_answer_headers(lab):
    """every answer says its type, the engine's and its version"""
    for path in ("/containers/json", "/containers/nosuch/json", "/version", "/nosuch"):
        ours, theirs = lab.engine.api("GET", path), lab.reference.api("GET", path)
        for header in ("Content-Type", "Ostype", "Docker-Experimental"):
            equal(ours.headers.get(header), theirs.headers.get(header), "%s of %s" % (header, path))
        equal("Api-Version" in ours.headers, "Api-Version" in theirs.headers, "Api-Version of " + path)


def test_socket_mode(lab):
    """the socket is for its owner and group alone"""
    equal(lab.engine.socket_path.stat().st_mode & 0o777, 0o660, "mode")


def test_version_bounds(lab):
    """a version that is too new, too old or no version"""
    newest = lab.engine.api("GET", "/_ping", version=None).headers["Api-Version"]
    answer = lab.engine.api("GET", "/v1.99/version", version=None)
    equal((answer.status, answer.message), (400, "client version 1.99 is too new. Maximum supported API version is " + newest))
    oldest = lab.engine.api("GET", "/version", version=None).json()["MinAPIVersion"]
    answer = lab.engine.api("GET", "/v1.5/version", version=None)
    equal(answer.status, 400)
    contains(answer.text, "client version 1.5 is too old. Minimum supported API version is %s, please upgrade your client to a newer version" % oldest)
    equal(lab.engine.api("GET", "/vX.Y/version", version=None).status, 404)


VERSIONS = ["1.24", "1.30", "1.41", "1.44", "1.48", None]


def version_test(version):
    def test(lab):
        if version in ("1.44", "1.48") and lab.kind == "reference":
            lab.skip("dockerd 20.10 ends at API 1.41")
        engine, name = lab.engine, lab.name()

        def docker(*arguments, **options):
            return engine.docker(*arguments, api_version=version, **options)
        probe = docker("version", "-f", "{{.Client.APIVersion}}")
        if probe.code != 0:
            lab.skip("this client does not speak it: " + probe.err.strip().splitlines()[-1])
        if version:
            equal(probe.out.strip(), version, "version spoken")
        equal(docker("run", "--rm", "-i", "busybox", "cat", input="through").ok().out, "through")
        equal(docker("run", "--rm", "busybox", "sh", "-c", "exit 4").code, 4, "exit code")
        docker("run", "-d", "--name", name, "-p", "80", "-m", "64m", "-v", lab.volume() + ":/v", "busybox", "sh", "-c", "echo logged; exec sleep 1000").ok()
        engine.wait_log(name, "logged")
        contains(docker("ps", "--filter", "name=" + name).ok().out, name)
        equal(docker("exec", name, "echo", "inside").ok().out, "inside\n")
        equal(docker("inspect", "-f", "{{.State.Running}} {{.Config.Image}}", name).ok().out, "true busybox\n")
        for command in (["logs", name], ["top", name], ["stats", "--no-stream", name], ["port", name], ["images"], ["info"], ["image", "inspect", "busybox"],
                        ["history", "busybox"], ["network", "inspect", "bridge"], ["volume", "inspect", lab.volume()], ["update", "--cpu-shares", "50", name],
                        ["pause", name], ["unpause", name], ["restart", "-t", "0", name], ["kill", name], ["wait", name], ["rename", name, name + "x"],
                        ["rm", name + "x"], ["ps", "-a"]):
            docker(*command).ok()
    test.__doc__ = "the stock client at API %s" % (version or "as negotiated")
    return test


def generated_tests():
    for version in VERSIONS:
        test = version_test(version)
        test.__name__ = "test_client_at_" + (version or "negotiated").replace(".", "_")
        yield test


def test_no_version_prefix(lab):
    """a path without a version is the newest one"""
    equal(lab.engine.api("GET", "/containers/json?all=0&limit=1", version=None).status, 200)
    equal(lab.engine.api("GET", "/version", version=None).json()["ApiVersion"], lab.engine.api("GET", "/_ping", version=None).headers["Api-Version"])


def test_platform_by_version(lab):
    """the answer is shaped by the version that was asked for"""
    lab.only_drydock("dockerd 20.10 ends at API 1.41")
    name = lab.name()
    lab.engine.docker("create", "--name", name, "busybox", "true").ok()
    found = {v: lab.engine.api("GET", "/containers/%s/json" % name, version="v" + v).json() for v in ("1.24", "1.41", "1.44", "1.48")}
    check("ImageManifestDescriptor" not in found["1.41"], "a field of 1.48 in 1.41")
    check("VirtualSize" in lab.engine.api("GET", "/images/busybox/json", version="v1.41").json(), "VirtualSize before 1.44")
    check("VirtualSize" not in lab.engine.api("GET", "/images/busybox/json", version="v1.44").json(), "VirtualSize from 1.44 on")
    equal({v: f["Id"] for v, f in found.items()}, dict.fromkeys(found, found["1.24"]["Id"]), "ids")


# --- requests that are not right as HTTP ---

def status_of(raw):
    return int(raw.split(b" ", 2)[1]) if raw.startswith(b"HTTP/1.") else 0


def still_there(lab):
    equal(lab.engine.api("GET", "/_ping", version=None).status, 200, "the daemon afterwards")


RAW = {
    "nonsense": b"nonsense\r\n\r\n",
    "no_host": b"GET /_ping HTTP/1.1\r\n\r\n",
    "bad_version": b"GET /_ping HTTP/9.9\r\nHost: d\r\n\r\n",
    "bad_length": b"POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: x\r\n\r\n{}",
    "negative_length": b"POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n",
    "two_lengths": b"POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "bad_chunk": b"POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "folded_header": b"GET /_ping HTTP/1.1\r\nHost: d\r\n bad: x\r\nnocolon\r\n\r\n",
    "binary": bytes(range(256)) * 8,
    "long_line": b"GET /" + b"a" * 3_000_000 + b" HTTP/1.1\r\nHost: d\r\n\r\n",
    "large_header": b"GET /_ping HTTP/1.1\r\nHost: d\r\nX: " + b"a" * 3_000_000 + b"\r\n\r\n",
    "many_headers": b"GET /_ping HTTP/1.1\r\nHost: d\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 100) for i in range(30000)) + b"\r\n",
}


def raw_test(data, word):
    def test(lab):
        answer = lab.engine.api.raw(data, timeout=3)
        status = status_of(answer)
        # Refused with a status of the 400s or 505, or closed without a word: never taken. (dockerd says 500 to a bad chunk.)
        check(status in (0, 505) or 400 <= status < 500 or (status == 500 and lab.kind == "reference"), "answered %r" % answer[:100])
        still_there(lab)
    test.__doc__ = "HTTP: %s is refused, and the daemon lives" % word.replace("_", " ")
    return test


for _word, _data in RAW.items():
    globals()["test_raw_" + _word] = raw_test(_data, _word)
    globals()["test_raw_" + _word].__name__ = "test_raw_" + _word


def test_half_a_request(lab):
    """a client that goes away in the middle of its request"""
    lab.engine.api.raw(b"POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"Ima", timeout=0.3)
    lab.engine.api.raw(b"POST /v1.41/images/load HTTP/1.1\r\nHost: d\r\nContent-Type: application/x-tar\r\nContent-Length: 100000\r\n\r\nabc", timeout=0.3)
    still_there(lab)


def test_body_too_large(lab):
    """a create of 64 MB is refused or read, and the daemon lives"""
    body = b'{"Image":"nosuch","Env":["A=' + b"x" * (64 << 20) + b'"]}'
    head = b"POST /v1.41/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    raw = lab.engine.api.raw(head % len(body) + body, timeout=20)
    check(status_of(raw) in (0, 400, 404, 413), "answered %r" % raw[:100])
    still_there(lab)


def test_pipelined_and_kept_alive(lab):
    """several requests on one connection, one after another and at once"""
    request = b"GET /v1.41/_ping HTTP/1.1\r\nHost: d\r\n\r\n"
    last = b"GET /v1.41/_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
    equal(lab.engine.api.raw(request * 3 + last).count(b"HTTP/1.1 200"), 4, "answers")


def test_http_1_0(lab):
    """HTTP/1.0 is answered and closed"""
    begun = time.monotonic()
    contains(lab.engine.api.raw(b"GET /_ping HTTP/1.0\r\n\r\n").decode(), "200 OK")
    check(time.monotonic() - begun < 5, "the connection stayed open")


def test_many_connections(lab):
    """300 connections at once, all answered"""
    import socket
    sockets = []
    try:
        for _ in range(300):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(20)
            sock.connect(str(lab.engine.socket_path))
            sockets.append(sock)
        for sock in sockets:
            sock.sendall(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
        equal(sum(b"200 OK" in sock.recv(4096) for sock in sockets), 300, "answers")
    finally:
        for sock in sockets:
            sock.close()


def test_encoded_paths(lab):
    """percent-encoded names are decoded once; odd ones are refused"""
    name = lab.name()
    lab.engine.docker("create", "--name", name, "busybox", "true").ok()
    equal(lab.engine.api("GET", "/containers/%s/json" % "".join("%%%02x" % ord(c) for c in name)).status, 200)
    for path in ("/containers/%2e%2e%2f/json", "/containers/%00/json", "/containers/%zz/json", "/containers/..%2f..%2fetc/json"):
        status = lab.engine.api("GET", path).status
        check(status == 301 or 400 <= status < 500, "%s: %d" % (path, status))


def test_unmodelled_is_named(lab):
    """what is not there yet answers 501 and says its name"""
    lab.only_drydock("dockerd has it all")
    for method, path in (("POST", "/swarm/init"), ("GET", "/plugins"), ("POST", "/session")):
        answer = lab.engine.api(method, path, {} if method == "POST" else None)
        check(answer.status in (200, 400, 501, 503), "%s %s: %r" % (method, path, answer))
        if answer.status == 501:
            check(answer.message and path.strip("/").split("/")[0] in answer.message, "does not say its name: %r" % answer)


def test_second_daemon_on_the_same_root(lab):
    """a second daemon on the same data root is refused"""
    import subprocess
    engine = lab.engine
    command = ["nsenter", "--net=" + engine.netns, engine.program] + (["--backend", engine.backend] if engine.kind == "drydock" else []) + [
        "-H", "unix://%s" % (engine.root / "second.sock"), "--data-root", engine.root / "data", "--exec-root", engine.root / "exec", "--pidfile", engine.root / "pid"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=30)
    check(done.returncode != 0, "it started")
    still_there(lab)


def test_unknown_daemon_flag(lab):
    """the daemon refuses a flag it does not know"""
    import subprocess
    done = subprocess.run([str(lab.engine.program), "--no-such-flag"], capture_output=True, text=True, timeout=30)
    check(done.returncode != 0, "accepted")
    contains(done.stderr + done.stdout, "no-such-flag")


def test_daemon_over_tcp(lab):
    """-H tcp:// speaks the same"""
    import socket
    from support.processes import in_netns
    engine = lab.own_engine(arguments=["-H", "tcp://127.0.0.1:2375"])
    sock = in_netns(engine.netns, lambda: socket.create_connection(("127.0.0.1", 2375), 10))
    with sock:
        sock.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        contains(sock.recv(4096).decode(), "200 OK")


def test_stale_socket_and_pidfile(lab):
    """after kill -9 the daemon starts again over its old socket and pidfile"""
    lab.only_drydock("dockerd's own containerd must end first")
    engine = lab.own_engine()
    engine.kill()
    engine.launch()
    equal(engine.docker("run", "--rm", "busybox", "echo", "again").ok().out, "again\n")
    contains(show(engine.docker("version")), "Server")
