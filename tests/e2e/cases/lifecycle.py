"""create, start, stop, kill, restart, rename, rm, wait, prune, ps, inspect, top, events."""
import json
import re
import threading
import time

from support.processes import alive, wait_until
from support.testing import check, contains, equal, lacks, matches, show

SLEEPER = ["busybox", "sleep", "1000"]
TRAPPER = ["busybox", "sh", "-c", "trap 'echo stopped; exit 9' TERM; echo up; while :; do sleep 0.1; done"]


def running(lab, word="c", command=SLEEPER, flags=(), engine=None):
    name = lab.name(word)
    (engine or lab.engine).docker("run", "-d", "--name", name, *flags, *command).ok()
    return name


def test_create_start_stop(lab):
    """create, start, stop, start, stop: the states, and the words"""
    name = lab.name()

    def probe(engine):
        steps = [["create", "--name", name, *TRAPPER], ["start", name], ["start", name], ["stop", name], ["stop", name], ["start", name]]
        text = ""
        for step in steps:
            text += show(engine.docker(*step)) + engine.state(name)["Status"] + "\n"
            if step[0] == "start":
                engine.wait_log(name, "up")
        return text
    lab.compare(probe)


def test_stop_sends_term_then_kill(lab):
    """stop sends SIGTERM, and SIGKILL after the grace period"""
    trapper = running(lab, "trap", TRAPPER)
    lab.engine.wait_log(trapper, "up")
    lab.engine.docker("stop", trapper).ok()
    equal(lab.engine.state(trapper)["ExitCode"], 9, "exit code after SIGTERM")
    contains(lab.engine.docker("logs", trapper).out, "stopped")
    deaf = running(lab, "deaf", ["busybox", "sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"])
    lab.engine.wait_log(deaf, "up")
    begun = time.monotonic()
    lab.engine.docker("stop", "-t", "1", deaf).ok()
    check(0.9 < time.monotonic() - begun < 5, "grace of one second took %.1f s" % (time.monotonic() - begun))
    equal(lab.engine.state(deaf)["ExitCode"], 137, "exit code after SIGKILL")


def test_stop_signal(lab):
    """--stop-signal and the image's own are what stop sends"""
    name = running(lab, command=["busybox", "sh", "-c", "trap 'exit 5' USR1; echo up; while :; do sleep 0.1; done"], flags=["--stop-signal", "SIGUSR1"])
    lab.engine.wait_log(name, "up")
    lab.engine.docker("stop", name).ok()
    equal(lab.engine.state(name)["ExitCode"], 5, "exit code")


def test_kill_signals(lab):
    """kill by name, by number, with and without SIG; bad ones are refused"""
    name = lab.name()

    def probe(engine):
        script = "for s in HUP USR1 USR2 INT; do trap \"echo got $s\" $s; done; echo up; while :; do sleep 0.05; done"
        engine.docker("run", "-d", "--name", name, "busybox", "sh", "-c", script).ok()
        engine.wait_log(name, "up")
        text = ""
        for sig, got in (("HUP", "HUP"), ("SIGUSR1", "USR1"), ("12", "USR2"), ("int", "INT")):
            text += show(engine.docker("kill", "-s", sig, name))
            engine.wait_log(name, "got " + got)
        for bad in ("NOSUCH", "99", "-1"):
            text += show(engine.docker("kill", "--signal=" + bad, name))
        return text + show(engine.docker("kill", name)) + show(engine.docker("kill", name))
    lab.compare(probe)


def test_restart(lab):
    """restart gives a new process and keeps the files"""
    name = running(lab, command=["busybox", "sh", "-c", "echo x >>/count; wc -l </count; exec sleep 1000"])
    lab.engine.wait_log(name, "1")
    first = lab.engine.state(name)
    lab.engine.docker("restart", "-t", "0", name).ok()
    lab.engine.wait_log(name, "2")
    second = lab.engine.state(name)
    check(first["Pid"] != second["Pid"] and first["StartedAt"] < second["StartedAt"], "a new process")
    check(not alive(first["Pid"]), "the old process lives")


def test_state_is_true(lab):
    """State.Pid is a live process while running, 0 afterwards; the times are in order"""
    name = running(lab)
    state = lab.engine.state(name)
    check(alive(state["Pid"]), "pid %s is not alive" % state["Pid"])
    equal((state["Running"], state["Status"], state["ExitCode"], state["FinishedAt"]), (True, "running", 0, "0001-01-01T00:00:00Z"))
    lab.engine.docker("kill", name).ok()
    after = lab.engine.wait_state(name, "exited") and lab.engine.state(name)
    equal((after["Running"], after["Pid"], after["ExitCode"], after["OOMKilled"]), (False, 0, 137, False))
    check(after["StartedAt"] == state["StartedAt"] < after["FinishedAt"], "times: %s" % after)
    check(not alive(state["Pid"]), "the process lives on")


def test_rm(lab):
    """rm of a running container is refused, rm -f is not"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, *SLEEPER).ok()
        return show(engine.docker("rm", name)) + show(engine.docker("rm", "-f", name)) + show(engine.docker("rm", name)) + show(engine.docker("rm", "-f", name))
    lab.compare(probe)


def test_rename(lab):
    """rename, and what is refused"""
    old, new = lab.name("old"), lab.name("new")

    def probe(engine):
        engine.docker("create", "--name", old, *SLEEPER).ok()
        text = show(engine.docker("rename", old, new)) + show(engine.docker("inspect", "-f", "{{.Name}}", new))
        text += show(engine.docker("rename", old, "x")) + show(engine.docker("rename", new, new)) + show(engine.docker("rename", new, "-bad"))
        engine.docker("create", "--name", old, *SLEEPER).ok()
        return text + show(engine.docker("rename", old, new))
    lab.compare(probe)


def test_names_and_id_prefixes(lab):
    """a container is found by name, id, and a prefix of its id that is unique"""
    name = lab.name()
    identity = lab.engine.docker("create", "--name", name, *SLEEPER).ok().out.strip()
    for handle in (name, identity, identity[:12], identity[:8]):
        equal(lab.engine.api("GET", "/containers/%s/json" % handle).json()["Id"], identity, handle)
    equal(lab.engine.api("GET", "/containers/%s/json" % identity[1:13]).status, 404, "not a prefix")


def test_wait(lab):
    """wait prints the exit code, of a stopped container too"""
    name = running(lab, command=["busybox", "sh", "-c", "sleep 0.3; exit 6"])
    equal(lab.engine.docker("wait", name).ok().out, "6\n")
    equal(lab.engine.docker("wait", name).ok().out, "6\n")


def test_wait_conditions(lab):
    """wait: not-running answers at once, next-exit and removed wait for theirs"""
    name = lab.name()
    lab.engine.docker("create", "--name", name, "busybox", "sh", "-c", "exit 3").ok()
    answer = lab.engine.api("POST", "/containers/%s/wait?condition=not-running" % name)
    equal((answer.status, answer.json()["StatusCode"]), (200, 0), "not-running of a created one")
    results = {}

    def wait_for(condition):
        response = lab.engine.api.stream("POST", "/containers/%s/wait?condition=%s" % (name, condition))
        started.release()
        results[condition] = (json.loads(response.read())["StatusCode"], time.monotonic())
        response.connection.close()
    started = threading.Semaphore(0)
    threads = [threading.Thread(target=wait_for, args=(c,)) for c in ("next-exit", "removed")]
    for thread in threads:
        thread.start()
    for _ in threads:
        check(started.acquire(timeout=10), "wait sends its head before the end")
    lab.engine.docker("start", name).ok()
    threads[0].join(10)
    equal(results["next-exit"][0], 3, "next-exit")
    check("removed" not in results, "removed answered before removal")
    lab.engine.docker("rm", name).ok()
    threads[1].join(10)
    equal(results["removed"][0], 3, "removed")


def test_top(lab):
    """top lists the container's processes, as the host's ps does"""
    name = running(lab, command=["busybox", "sh", "-c", "sleep 77 & sleep 1000 & wait"])
    wait_until(lambda: len(lab.engine.docker("top", name).ok().out.splitlines()) == 4, 5, "three processes in top")
    out = lab.engine.docker("top", name).ok().out
    matches(out, r"^UID +PID +PPID +C +STIME +TTY +TIME +CMD$")
    contains(out, "sleep 77")
    out = lab.engine.docker("top", name, "-o", "pid,args").ok().out
    matches(out.splitlines()[0], r"^PID +COMMAND$")
    check(str(lab.engine.state(name)["Pid"]) in out, "the pid of the first process")


def test_top_refused(lab):
    """top of a stopped container, and with arguments that ps refuses"""
    name = lab.name()

    def probe(engine):
        engine.docker("create", "--name", name, *SLEEPER).ok()
        text = show(engine.docker("top", name))
        engine.docker("start", name).ok()
        return text + show(engine.docker("top", name, "-o", "comm"))
    lab.compare(probe)


def test_ps_table(lab):
    """ps -a: the columns"""
    names = lab.name("a"), lab.name("b")

    def probe(engine):
        engine.docker("create", "--name", names[0], "-l", "deck=upper", "busybox", "echo", "a long command that will be cut off").ok()
        engine.docker("run", "--name", names[1], "busybox", "sh", "-c", "exit 4")
        flags = ["--filter", "name=" + names[0], "--filter", "name=" + names[1]]
        text = engine.docker("ps", "-a", *flags).ok().out + engine.docker("ps", "-aq", "--no-trunc", *flags).ok().out
        text += engine.docker("ps", "-a", "--no-trunc", "--format", "{{.Command}} {{.Labels}} {{.Mounts}} {{.Networks}} {{.LocalVolumes}} {{.State}}", *flags).ok().out
        return text
    lab.compare(probe, same=lambda t: re.sub(r" {2,}", "  ", re.sub(r"\d+ seconds? ago|Less than a second ago|About a minute ago", "<ago>", t)))


def test_ps_filters(lab):
    """ps: status, exited, label, name, id, ancestor, before, since, volume, network, publish"""
    upper, lower, done = lab.name("upper"), lab.name("lower"), lab.name("done")
    label = "mark=" + lab.name("x")

    def probe(engine):
        engine.docker("run", "-d", "--name", upper, "-l", label, "-l", "deck=upper", "-p", "127.0.0.1::90", "-v", lab.volume() + ":/v", *SLEEPER).ok()
        engine.docker("create", "--name", lower, "-l", label, "-l", "deck=lower", "--network", "none", *SLEEPER).ok()
        engine.docker("run", "--name", done, "-l", label, "busybox", "sh", "-c", "exit 4").failed(4)
        identity = engine.inspect(upper)["Id"]
        rows = [[], ["-a"], ["-a", "status=created"], ["-a", "status=exited"], ["status=running"], ["-a", "exited=4"], ["-a", "exited=0"], ["-a", "label=deck"],
                ["-a", "label=deck=lower"], ["-a", "name=upper"], ["-a", "name=^/?%s$" % lower], ["-a", "id=" + identity[:10]], ["-a", "ancestor=busybox"],
                ["-a", "ancestor=nosuch"], ["-a", "before=" + done], ["-a", "since=" + upper], ["-a", "volume=" + lab.volume()], ["-a", "volume=/v"],
                ["-a", "network=none"], ["publish=90"], ["-a", "expose=90"], ["-a", "status=running", "status=created"], ["-a", "health=none"], ["-a", "is-task=false"]]
        lines = []
        for row in rows:
            flags = [f for f in row if f == "-a"] + [p for f in row if f != "-a" for p in ("--filter", f)]
            out = engine.docker("ps", "--filter", "label=" + label, "--format", "{{.Names}}", *flags).ok().out.split()
            lines.append("%s: %s" % (" ".join(row).replace(identity[:10], "<id>"), " ".join(out)))
        for flags in (["-n", "2"], ["-l"]):
            check(len(engine.docker("ps", "-q", *flags).ok().out.split()) <= 2, "ps " + flags[0])
        return "\n".join(lines)
    lab.compare(probe)


def test_ps_filters_refused(lab):
    """ps: filters that are refused"""
    rows = ["nosuch=1", "status=nosuch", "exited=x", "health=x", "before=nosuch", "publish=x", "is-task=x"]
    lab.compare(lambda engine: "".join(show(engine.docker("ps", "-a", "--filter", row)) for row in rows))


def test_list_fields(lab):
    """the objects of GET /containers/json"""
    name = lab.name()

    def probe(engine):
        engine.docker("create", "--name", name, "-p", "80", *SLEEPER).ok()
        found = engine.api("GET", "/containers/json?all=1&size=1&filters=" + json.dumps({"name": [name]}).replace(" ", "").replace('"', "%22")).json()
        equal(len(found), 1)
        for key in ("Created",):
            found[0][key] = 0
        return json.dumps(found[0], indent=1, sort_keys=True)
    lab.compare(probe, same=lambda t: re.sub(r'"Status": ".*"', "", re.sub(r'"(SizeRootFs|SizeRw)": \d+', r'"\1": <n>', t)))


def test_inspect_shape(lab):
    """every field of inspect, for a container with many flags"""
    name = lab.name()
    flags = ["-e", "A=1", "-w", "/tmp", "-u", "sailor", "-h", "box", "--read-only", "--tmpfs", "/t", "-m", "64m", "--cpus", "0.5", "--pids-limit", "9",
             "--cap-add", "NET_ADMIN", "--cap-drop", "CHOWN", "--ulimit", "nofile=10:20", "--restart", "on-failure:1", "--label", "a=b", "--dns", "9.9.9.9",
             "--add-host", "x:1.2.3.4", "--shm-size", "2m", "--sysctl", "net.ipv4.ip_forward=0", "--group-add", "7", "--stop-timeout", "3", "--init",
             "--log-opt", "max-size=1m", "-p", "127.0.0.1:18099:80/tcp", "--security-opt", "no-new-privileges", "--entrypoint", "sleep"]

    def probe(engine):
        engine.docker("create", "--name", name, *flags, "busybox", "1000").ok()
        found = engine.inspect(name)
        for key in ("GraphDriver", "ResolvConfPath", "HostnamePath", "HostsPath", "LogPath"):
            check(key in found, "no " + key)
            del found[key]
        return json.dumps(found, indent=1, sort_keys=True)
    # Docker masks the power meter since 24.0.8, 20.10 does not.
    lab.compare(probe, same=lambda t: re.sub(r',\s*"/sys/devices/virtual/powercap"', "", re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", t)))


def test_inspect_not_found(lab):
    """inspect of nothing"""
    lab.compare_docker("inspect", "nosuch")
    lab.compare_docker("container", "inspect", "nosuch")


def test_prune(lab):
    """container prune removes the stopped ones that fit its filter"""
    label = "prune=" + lab.name("x")
    stopped, kept, other = lab.name("stopped"), lab.name("kept"), lab.name("other")
    lab.engine.docker("create", "--name", stopped, "-l", label, *SLEEPER).ok()
    lab.engine.docker("run", "-d", "--name", kept, "-l", label, *SLEEPER).ok()
    lab.engine.docker("create", "--name", other, *SLEEPER).ok()
    identity = lab.engine.inspect(stopped)["Id"]
    out = lab.engine.docker("container", "prune", "-f", "--filter", "label=" + label).ok().out
    contains(out, "Deleted Containers:\n%s\n" % identity)
    contains(out, "Total reclaimed space: ")
    equal([lab.engine.api("GET", "/containers/%s/json" % n).status for n in (stopped, kept, other)], [404, 200, 200])


def test_events(lab):
    """the events of one container's life, with their attributes"""
    name = lab.name()

    def probe(engine):
        begun = time.time()
        engine.docker("run", "--name", name, "-l", "deck=upper", "busybox", "sh", "-c", "exit 4").failed(4)
        engine.docker("start", name).ok()
        engine.wait_state(name, "exited")
        engine.docker("rename", name, name + "x").ok()
        engine.docker("rm", name + "x").ok()
        lines = []
        for event in engine.events(begun, type="container"):
            attributes = event["Actor"]["Attributes"]
            if attributes.get("name", "").startswith(name):
                attributes = {k: v for k, v in attributes.items() if k != "execDuration"}
                lines.append("%s %s %s %s" % (event["Type"], event["Action"], event["scope"], json.dumps(attributes, sort_keys=True)))
                check(event["id"] == event["Actor"]["ID"] and event["time"] == event["timeNano"] // 10**9, "ids and times")
        return "\n".join(lines)
    # attach and start come from different connections: their order is not fixed.
    text = lab.compare(probe, same=lambda t: "\n".join(sorted(line.split(" {")[0] + line.split(" ", 3)[3] for line in t.splitlines())))
    contains(text, "container die")


def test_events_live(lab):
    """events as they happen, filtered"""
    name = lab.name()
    client = lab.engine.popen("events", "--filter", "container=" + name, "--filter", "event=die", "--format", "{{.Action}} {{.Actor.Attributes.exitCode}}", stdout=-1)
    time.sleep(0.5)
    lab.engine.docker("run", "--name", name, "busybox", "sh", "-c", "exit 8").failed(8)
    try:
        equal(client.stdout.readline().decode(), "die 8\n")
    finally:
        client.kill()
        client.wait()
        client.stdout.close()


def test_image_and_volume_events(lab):
    """tag, untag, delete of images; create and destroy of volumes"""
    tag, volume = "told-" + lab.name("x"), lab.volume()

    def probe(engine):
        begun = time.time()
        engine.docker("tag", "busybox", tag).ok()
        engine.docker("rmi", tag).ok()
        engine.docker("volume", "create", volume).ok()
        engine.docker("volume", "rm", volume).ok()
        return "\n".join("%s %s" % (e["Type"], e["Action"]) for e in engine.events(begun)
                         if tag in json.dumps(e) or volume in json.dumps(e) or e["Action"] == "untag" and e["Actor"]["ID"] == lab.images.busybox_id)
    lab.compare(probe, same=lambda t: "\n".join(sorted(set(t.splitlines()))))


def test_diff(lab):
    """diff: added, changed, deleted"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "--name", name, "busybox", "sh", "-c", "echo x >/etc/new; rm /etc/group; chmod 700 /home; mkdir /deep /deep/er").ok()
        return "\n".join(sorted(engine.docker("diff", name).ok().out.splitlines()))
    lab.compare(probe)


def test_export(lab):
    """export gives the whole file system as a tar"""
    import io
    import tarfile
    name = lab.name()
    lab.engine.docker("run", "--name", name, "busybox", "sh", "-c", "echo exported >/mark; rm /etc/group").ok()
    with tarfile.open(fileobj=io.BytesIO(lab.engine.docker("export", name).ok().raw_out)) as tar:
        equal(tar.extractfile("mark").read(), b"exported\n")
        names = tar.getnames()
    check("etc/passwd" in names and "etc/group" not in names, "the layers are not merged")
    lacks(" ".join(names), ".wh.")


def test_copy_in_and_out(lab):
    """cp into a container and back: contents, mode and owner"""
    name, folder = lab.name(), lab.engine.root / lab.name("cp")
    folder.mkdir()
    (folder / "in").write_bytes(bytes(range(256)) * 100)
    (folder / "in").chmod(0o741)
    lab.engine.docker("create", "--name", name, *SLEEPER).ok()
    lab.engine.docker("cp", folder / "in", name + ":/home/got").ok()
    lab.engine.docker("cp", name + ":/home/got", folder / "out").ok()
    equal((folder / "out").read_bytes(), (folder / "in").read_bytes(), "contents")
    equal((folder / "out").stat().st_mode & 0o777, 0o741, "mode")
    lab.reference.docker("create", "--name", name, *SLEEPER)
    lab.compare(lambda engine: show(engine.docker("cp", name + ":/no/such", folder)))


def test_version_and_info(lab):
    """version and info: what clients read is there"""
    version = lab.engine.api("GET", "/version", version=None).json()
    for key in ("ApiVersion", "MinAPIVersion", "Version", "Os", "Arch", "KernelVersion", "Components"):
        check(version.get(key), "no " + key)
    info = lab.engine.api("GET", "/info").json()
    reference = lab.reference.api("GET", "/info").json()
    for key in ("NCPU", "MemTotal", "OSType", "Architecture", "KernelVersion", "CgroupVersion", "Name", "OperatingSystem", "MemoryLimit", "PidsLimit", "CgroupDriver"):
        equal(info.get(key), reference[key], key)
    missing = [key for key in reference if key not in info and key not in ("KernelMemory", "KernelMemoryTCP", "ClusterAdvertise", "ClusterStore", "SystemStatus")]
    equal(missing, [], "keys of /info that are missing")
