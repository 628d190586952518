"""kill -9 of the daemon at random moments: afterwards every container's state is true.

What the load knows for sure is what the daemon acknowledged before it died; an operation
that was under way may have happened or not, but nothing in between.
"""
import random
import threading
import time

from support.processes import alive, cgroups_naming, wait_until
from support.testing import check, equal

SEED = 20261123
WORKERS = 3


class Load:
    """Workers that create, run, stop and remove containers through the API, and keep book."""

    def __init__(self, engine, seed):
        self.engine, self._random = engine, random.Random(seed)
        self.lock = threading.Lock()
        self.present = {}         # id: what is known: "created", "running", "exits N", "stopped", "ended" or "unknown"
        self.removed = set()      # ids whose removal was acknowledged
        self.unsure = set()       # ids with an operation under way when the daemon died
        self.operations = 0
        self._stop = threading.Event()
        self._threads = []

    def start(self):
        self._stop.clear()
        seeds = [self._random.random() for _ in range(WORKERS)]
        self._threads = [threading.Thread(target=self._work, args=(random.Random(s),)) for s in seeds]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self, dice):
        while not self._stop.is_set():
            try:
                dice.choice([self._run, self._run, self._run_short, self._stop_one, self._kill_one, self._remove_one])(dice)
            except (OSError, EOFError, ValueError):
                time.sleep(0.02)  # the daemon is down; http.client's errors are OSErrors or ValueErrors
            except Exception as error:  # http.client.HTTPException: cut off in the middle
                if type(error).__module__ != "http.client":
                    raise

    def _call(self, method, path, body=None):
        answer = self.engine.api(method, path, body, timeout=20)
        with self.lock:
            self.operations += 1
        return answer

    def _make(self, command):
        answer = self._call("POST", "/containers/create", {"Image": "busybox", "Cmd": command, "Labels": {"load": "1"}})
        if answer.status != 201:
            return None
        identity = answer.json()["Id"]
        with self.lock:
            self.present[identity] = "created"
            self.unsure.add(identity)  # until the start is acknowledged
        return identity

    def _run(self, _):
        identity = self._make(["sleep", "10000"])
        if identity and self._call("POST", "/containers/%s/start" % identity).status == 204:
            with self.lock:
                self.present[identity] = "running"
                self.unsure.discard(identity)

    def _run_short(self, dice):
        code = dice.randrange(1, 100)
        identity = self._make(["sh", "-c", "sleep 0.%d; exit %d" % (dice.randrange(1, 9), code)])
        if identity and self._call("POST", "/containers/%s/start" % identity).status == 204:
            with self.lock:
                self.present[identity] = "exits %d" % code
                self.unsure.discard(identity)

    def _pick(self, dice):
        with self.lock:
            sure = [i for i in self.present if i not in self.unsure]
            if not sure:
                return None
            identity = dice.choice(sure)
            self.unsure.add(identity)
            return identity

    def _stop_one(self, dice):
        identity = self._pick(dice)
        if identity and self._call("POST", "/containers/%s/stop?t=0" % identity).status in (204, 304):
            self._ended_early(identity)

    def _kill_one(self, dice):
        identity = self._pick(dice)
        if identity and self._call("POST", "/containers/%s/kill" % identity).status in (204, 409):
            self._ended_early(identity)

    def _ended_early(self, identity):
        with self.lock:
            # A short one may have been ended before its own end: its exit code is not known.
            self.present[identity] = "stopped" if self.present[identity] in ("running", "stopped") else "ended"
            self.unsure.discard(identity)

    def _remove_one(self, dice):
        identity = self._pick(dice)
        if identity and self._call("DELETE", "/containers/%s?force=1" % identity).status == 204:
            with self.lock:
                self.removed.add(identity)
                self.present.pop(identity)
                self.unsure.discard(identity)


def check_truth(engine, load):
    """Every container that must be there is; each says what the kernel says."""
    listed = {c["Id"]: c for c in engine.api("GET", "/containers/json?all=1").json()}
    lost = [i for i in load.present if i not in listed and i not in load.unsure]
    equal(lost, [], "containers that are lost")
    equal([i for i in load.removed if i in listed], [], "removed containers that came back")
    for identity in listed:
        # What ended while the daemon was down may take a moment to be noticed.
        try:
            wait_until(lambda: problem(engine, load, identity) is None, 5, "true")
        except AssertionError:
            raise AssertionError("%s %s" % (identity[:12], problem(engine, load, identity)))
    equal(cgroups_naming(load.removed), [], "cgroups of removed containers")


def problem(engine, load, identity):
    """What is untrue about this container, or None."""
    state = engine.state(identity)
    known = load.present.get(identity, "?")
    if state["Running"] and not alive(state["Pid"]):
        return "said to run as %d, which is not alive" % state["Pid"]
    if not state["Running"] and (state["Pid"] != 0 or members(identity)):
        return "said to be %s, but has processes %s" % (state["Status"], members(identity))
    if identity in load.unsure:
        return None
    if known == "running" and not state["Running"]:
        return "was started, is %s (%d)" % (state["Status"], state["ExitCode"])
    if known in ("stopped", "ended") and state["Running"]:
        return "was stopped, runs"
    if known.startswith("exits") and not state["Running"] and state["ExitCode"] != int(known.split()[-1]):
        return "%s, says %s" % (known, state["ExitCode"])
    if known.startswith("exits") and state["Running"]:
        return "%s, still runs" % known
    return None


def members(identity):
    found = set()
    for path in cgroups_naming([identity]):
        try:
            with open(path + "/cgroup.procs") as file:
                found.update(int(pid) for pid in file.read().split())
        except OSError:
            pass
    return sorted(pid for pid in found if alive(pid))


def settle(load):
    """After a restart: what was under way has happened or not; from here on it is known."""
    with load.lock:
        for identity in list(load.unsure):
            answer = load.engine.api("GET", "/containers/%s/json" % identity)
            if answer.status == 404:
                load.present.pop(identity, None)
            else:
                state = answer.json()["State"]
                load.present[identity] = "running" if state["Running"] and answer.json()["Path"] == "sleep" else "unknown"
        load.unsure.clear()


def test_thirty_kills(lab):
    """kill -9 at 30 random moments of a run, stop, kill and rm load"""
    lab.only_drydock("dockerd shows running containers as created after it, even with live-restore")
    engine, dice = lab.own_engine(), random.Random(SEED)
    engine.docker("run", "--rm", "busybox", "true").ok()
    links = sorted(engine.links())
    load, kills = Load(engine, SEED), 30
    for number in range(kills):
        load.start()
        moment = dice.uniform(0.02, 0.6)
        time.sleep(moment)
        engine.kill()
        load.stop()
        try:
            engine.launch()
            check_truth(engine, load)
        except AssertionError as error:
            raise AssertionError("kill %d of %d (seed %d, after %.3f s): %s" % (number + 1, kills, SEED, moment, error))
        settle(load)
    check(load.operations > kills, "the load did next to nothing: %d operations" % load.operations)
    ids = list(load.present)
    for identity in [c["Id"] for c in engine.api("GET", "/containers/json?all=1").json()]:
        equal(engine.api("DELETE", "/containers/%s?force=1" % identity).status, 204, "removal of " + identity[:12])
    wait_until(lambda: sorted(engine.links()) == links, 10, "the links as at the start")
    wait_until(lambda: not cgroups_naming(ids), 10, "the cgroups are gone")
    equal([m for m in engine.mounts() if "overlay" in m or "merged" in m or "rootfs" in m], [], "mounts")
    equal(engine.docker("run", "--rm", "busybox", "echo", "fine").ok().out, "fine\n")


test_thirty_kills.long = True


def test_containers_outlive_the_daemon(lab):
    """kill -9: the container goes on; its log, exit code and terminal are there afterwards"""
    engine = lab.own_engine(outlived=True)
    ticking, ending, shell = lab.name("ticking"), lab.name("ending"), lab.name("shell")
    engine.docker("run", "-d", "--name", ticking, "busybox", "sh", "-c", "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done").ok()
    engine.docker("run", "-d", "--name", ending, "busybox", "sh", "-c", "sleep 0.5; echo last words; exit 23").ok()
    engine.docker("run", "-dit", "--name", shell, "busybox", "cat").ok()
    pid = engine.state(ticking)["Pid"]
    engine.kill()
    time.sleep(1)
    check(alive(pid), "the container died with its daemon")
    engine.launch()
    equal(engine.state(ticking)["Pid"], pid, "the same process")
    state = engine.wait_state(ending, "exited") and engine.state(ending)
    equal(state["ExitCode"], 23, "exit code of what ended meanwhile")
    if lab.kind == "drydock":  # dockerd loses what is written meanwhile
        equal(engine.docker("logs", ending).ok().out, "last words\n")
    ticks = [int(line.split()[1]) for line in engine.docker("logs", ticking).ok().out.splitlines()]
    equal(ticks, list(range(1, len(ticks) + 1)), "no tick is lost")
    with engine.api.hijack("/containers/%s/attach?stream=1&stdin=1&stdout=1" % shell) as stream:
        stream.send(b"hello\n")
        stream.read_until(b"hello\r\n")
    equal(engine.docker("exec", ticking, "echo", "inside").ok().out, "inside\n")
    engine.docker("stop", "-t", "0", ticking).ok()
    equal(engine.state(ticking)["ExitCode"], 137, "exit code")


def test_restart_policy_after_a_crash(lab):
    """a restarted daemon starts what is to be restarted, and only that"""
    engine = lab.own_engine(outlived=True)
    always, no = lab.name("always"), lab.name("no")
    engine.docker("run", "-d", "--restart", "always", "--name", always, "busybox", "sleep", "1000").ok()
    engine.docker("run", "-d", "--name", no, "busybox", "sleep", "1000").ok()
    engine.docker("kill", no).ok()
    engine.kill()
    launched = time.monotonic()
    engine.launch()
    check(time.monotonic() - launched < 10, "the restart took %.1f s" % (time.monotonic() - launched))
    engine.wait_state(always, "running")
    equal(engine.state(no)["Status"], "exited")


def test_pull_and_load_cut_short(lab):
    """kill -9 in the middle of loads: no half an image, and the next load works"""
    lab.only_drydock("dockerd now and then lists an image that does not run")
    engine, dice = lab.own_engine(), random.Random(SEED)
    for _ in range(5):
        client = engine.popen("load", "-i", lab.images.layered, stdout=-3, stderr=-3)
        time.sleep(dice.uniform(0.01, 0.3))
        engine.kill()
        client.wait()
        engine.launch()
        for image in engine.api("GET", "/images/json").json():
            engine.docker("run", "--rm", image["Id"], "true").ok()
    engine.docker("load", "-i", lab.images.layered).ok()
    equal(engine.docker("image", "inspect", "-f", "{{.Id}}", "layered").ok().out.strip(), lab.images.layered_id)
