"""A daemon of its own, in a network namespace of its own, with a data root of its own."""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

from . import processes
from .http import Api

START_SECONDS = 40
STOP_SECONDS = 20
RUN_PREFIX = "dd-e2e-"  # + the pid of the run: what a dead run left behind is found by it

# dockerd's own race: about once in two thousand runs under load its network hook finds no namespace.
_REFERENCE_HICCUP = b"error running hook #0"


class Done:
    """How a client command ended."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.raw_out, self.raw_err = command, code, out, err

    @property
    def out(self):
        return self.raw_out.decode("utf-8", "backslashreplace")

    @property
    def err(self):
        return self.raw_err.decode("utf-8", "backslashreplace")

    def ok(self):
        if self.code != 0:
            raise AssertionError("`docker %s` ended with %s: %s"
                                 % (" ".join(self.command), self.code, self.err.strip() or self.out.strip()))
        return self

    def failed(self, code=None):
        if self.code == 0 or (code is not None and self.code != code):
            raise AssertionError("`docker %s` ended with %s instead of %s: %s" % (
                " ".join(self.command), self.code, code or "an error", (self.err + self.out).strip()))
        return self


class Engine:
    """`kind` is "reference" (dockerd) or "drydock"; `program` is the daemon's binary."""

    def __init__(self, kind, program, root, client="docker", arguments=(), backend="native"):
        self.kind, self.program, self.client, self.backend = kind, program, client, backend
        self.arguments = [str(a) for a in arguments]
        self.root = pathlib.Path(root)
        self.root.mkdir(parents=True)
        self.config = self.root / "client"
        self.config.mkdir()
        self.socket_path = self.root / "docker.sock"
        self.log_path = self.root / "daemon.log"
        self.netns_name = self.root.parent.name + "-" + self.root.name
        self.netns = "/var/run/netns/" + self.netns_name
        self.api = Api(self.socket_path)
        self.host = "unix://%s" % self.socket_path
        self.process = self._containerd = None
        self._closers = []
        self._lock = threading.Lock()

    # --- life ---

    def start(self):
        if not os.path.exists(self.netns):
            processes.run("ip", "netns", "add", self.netns_name)
            self.host_command("ip", "link", "set", "lo", "up")
        return self.launch()

    def launch(self):
        """Starts the daemon on whatever an earlier one left below the root."""
        command = ["nsenter", "--net=" + self.netns, self.program]
        if self.kind == "drydock":
            command += ["--backend", self.backend]
        command += ["-H", self.host, "--data-root", self.root / "data", "--exec-root", self.root / "exec",
                    "--pidfile", self.root / "pid"] + self.arguments
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        try:
            processes.wait_until(self._started, START_SECONDS, "%s answers on its socket" % self.kind)
        except AssertionError as error:
            raise AssertionError("%s\n%s" % (error, self.log_tail()))
        return self

    def with_surviving_containerd(self):
        """dockerd's own containerd is killed with it; this one goes on, and so do its containers."""
        folder = self.root / "containerd"
        folder.mkdir()
        (folder / "config.toml").write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        address = folder / "socket"
        with open(folder / "log", "wb") as log:
            self._containerd = subprocess.Popen(
                ["containerd", "--config", folder / "config.toml", "--root", folder / "root", "--state", folder / "state",
                 "--address", address], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        processes.wait_until(address.exists, START_SECONDS, "containerd has its socket")
        self.arguments += ["--live-restore", "--containerd", str(address)]

    def _started(self):
        if self.process.poll() is not None:
            raise AssertionError("the daemon ended with %s" % self.process.returncode)
        return self.answers()

    def answers(self):
        try:
            return self.api("GET", "/_ping", version=None, timeout=5).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def kill(self):
        """kill -9 of the daemon process alone."""
        self.process.kill()
        self.process.wait()

    def terminate(self):
        self.process.terminate()
        self.process.wait(timeout=STOP_SECONDS)

    def stop(self):
        """Ends the daemon and everything of it; what can't be removed is an error."""
        ids = []
        if self.process and self.process.poll() is None:
            ids = self.remove_all_containers()
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
        for close in reversed(self._closers):
            close()
        if self._containerd:
            self._containerd.terminate()
            self._containerd.wait(timeout=STOP_SECONDS)
        destroy(self.root, self.netns_name, ids)

    def on_stop(self, close):
        """Something that lives in this engine's network namespace and ends before it."""
        self._closers.append(close)

    def remove_all_containers(self):
        ids = []
        try:
            listed = self.api("GET", "/containers/json?all=1")
            ids = [c["Id"] for c in listed.json()] if listed.status == 200 else []
            for container in ids:
                self.remove(container)
        except (OSError, ValueError):
            pass  # the daemon is stuck: destroy() works without it
        return ids

    def remove(self, container):
        """Removes a container in any state; nothing happens when there is none."""
        answer = self.api("DELETE", "/containers/%s?force=1&v=1" % container)
        if answer.status == 409:  # paused in cgroup v1: thaw first
            self.api("POST", "/containers/%s/unpause" % container)
            self.api("DELETE", "/containers/%s?force=1&v=1" % container)

    def log_tail(self, lines=15):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(["--- end of " + self.log_path.name] + [line[:200] for line in text.splitlines()[-lines:]])

    # --- the stock client ---

    def env(self, **more):
        keep = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
        return dict(keep, DOCKER_HOST=self.host, DOCKER_CONFIG=str(self.config), DOCKER_CLI_HINTS="false",
                    DOCKER_API_VERSION="1.41", DOCKER_BUILDKIT="0", LC_ALL="C", TZ="UTC", **more)

    def docker(self, *arguments, input=None, timeout=60, api_version="1.41"):
        command = [str(a) for a in arguments]
        env = self.env()
        env["DOCKER_API_VERSION"] = api_version
        if api_version is None:
            del env["DOCKER_API_VERSION"]
        if isinstance(input, str):
            input = input.encode()
        done = self._client(command, input, timeout, env)
        if self.kind == "reference" and command[0] == "run" and _REFERENCE_HICCUP in done.raw_err:
            if "--name" in command:
                self.remove(command[command.index("--name") + 1])
            done = self._client(command, input, timeout, env)
        return done

    def _client(self, command, input, timeout, env):
        source = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        try:
            done = subprocess.run([self.client] + command, capture_output=True, timeout=timeout, env=env, **source)
        except subprocess.TimeoutExpired:
            raise AssertionError("`docker %s` took more than %d s" % (" ".join(command), timeout))
        return Done(command, done.returncode, done.stdout, done.stderr)

    def popen(self, *arguments, **options):
        return subprocess.Popen([self.client] + [str(a) for a in arguments], env=self.env(), **options)

    def shell(self, script, *flags, image="busybox"):
        """`docker run --rm FLAGS busybox sh -c SCRIPT`."""
        return self.docker("run", "--rm", *flags, image, "sh", "-c", script)

    def inspect(self, name, template=None):
        if template:
            return self.docker("inspect", "-f", template, name).ok().out.strip()
        return self.api("GET", "/containers/%s/json" % name).json()

    def state(self, name):
        return self.inspect(name)["State"]

    def wait_state(self, name, status, seconds=15):
        return processes.wait_until(lambda: self.state(name)["Status"] == status, seconds,
                                    "%s is %s" % (name, status))

    def wait_log(self, name, text, seconds=15):
        return processes.wait_until(lambda: text in self.docker("logs", name).out, seconds,
                                    "the log of %s has %r" % (name, text))

    def events(self, since, **filters):
        """Past events since that time.time(), as the raw objects."""
        query = urllib.parse.urlencode({
            "since": "%.9f" % since, "until": "%.9f" % time.time(),
            "filters": json.dumps({key: [value] for key, value in filters.items()})})
        return self.api("GET", "/events?" + query).lines()

    # --- its network namespace ---

    def host_command(self, *command, **options):
        """Runs a command where the daemon's ports and bridges are."""
        return processes.run("nsenter", "--net=" + self.netns, *command, **options)

    def connect(self, address, port, timeout=5):
        return processes.in_netns(self.netns, lambda: socket.create_connection((address, int(port)), timeout))

    def fetch(self, address, port, timeout=5):
        """What a TCP server there says until it closes."""
        with self.connect(address, port, timeout) as sock:
            data = b""
            while True:
                piece = sock.recv(65536)
                if not piece:
                    return data
                data += piece

    # --- what it holds ---

    def processes(self):
        """{pid: command line}, the daemon and its helpers included."""
        return processes.processes_of(self.root, self.netns)

    def links(self):
        return processes.links_in(self.netns)

    def mounts(self):
        return processes.mounts_below(self.root)


class EngineSet:
    """Makes engines below one scratch folder and removes them all at the end."""

    def __init__(self, client, programs, base=None, backend="native"):
        self.client, self.programs, self.backend = client, programs, backend
        sweep(base)
        base = pathlib.Path(base or tempfile.gettempdir())
        self.root = base / ("%s%d" % (RUN_PREFIX, os.getpid()))
        self.root.mkdir()
        self._engines, self._made = [], 0
        self._lock = threading.Lock()

    def make(self, kind, name=None, arguments=()):
        with self._lock:
            self._made += 1
            name = name or "%s%d" % (kind[0], self._made)
            engine = Engine(kind, self.programs[kind], self.root / name, self.client, arguments, self.backend)
            self._engines.append(engine)
        return engine

    def drop(self, engine):
        with self._lock:
            if engine not in self._engines:
                return
            self._engines.remove(engine)
        engine.stop()

    def close(self):
        for engine in list(self._engines):
            self.drop(engine)
        unmount_and_delete(self.root)


def destroy(root, netns_name, ids=()):
    """Removes everything an engine can have left, without its help."""
    netns = "/var/run/netns/" + netns_name
    ids = set(ids) | ids_named_below(root)
    processes.end_processes(list(processes.processes_of(root, netns)))
    processes.remove_cgroups(ids)
    if os.path.exists(netns):
        processes.run("ip", "netns", "delete", netns_name, check=False)
    unmount_and_delete(root)


def ids_named_below(root, depth=4):
    """Container ids that appear as folder names near the top of the engine's folders."""
    found = set()
    for where, folders, _ in os.walk(root):
        if where[len(str(root)):].count("/") >= depth:
            folders.clear()
        found.update(f for f in folders if re.fullmatch(r"[0-9a-f]{64}", f))
    return found


def unmount_and_delete(root):
    # A mount inside a folder that is deleted would be walked into: look again after
    # unmounting, and stay on one file system.
    processes.unmount_below(root)
    left = processes.mounts_below(root)
    if left:
        raise RuntimeError("cannot unmount %s" % ", ".join(left))
    if os.path.isdir(root):
        shutil.rmtree(root)


def sweep(base=None):
    """Removes what runs that were killed left behind."""
    for root in pathlib.Path(base or tempfile.gettempdir()).glob(RUN_PREFIX + "*"):
        pid = root.name[len(RUN_PREFIX):]
        if pid.isdigit() and not processes.alive(int(pid)):
            for engine in [p for p in root.iterdir() if p.is_dir()]:
                destroy(engine, root.name + "-" + engine.name)
            unmount_and_delete(root)
