"""Bytes through a container: stdin, stdout, stderr, attach, exec, logs."""
import hashlib
import random
import re
import subprocess
import time

from support.http import split_frames
from support.processes import wait_until
from support.testing import check, equal, matches, show

MEGABYTES = 10


def noise():
    """10 MB that no line discipline, framing or text conversion would leave alone."""
    return random.Random(20).randbytes(MEGABYTES << 20)


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_ten_megabytes_through(lab):
    """10 MB through stdin and stdout of run -i"""
    data = noise()
    done = lab.engine.docker("run", "--rm", "-i", "busybox", "cat", input=data).ok()
    equal((len(done.raw_out), digest(done.raw_out)), (len(data), digest(data)), "what came back")


def test_ten_megabytes_in(lab):
    """10 MB into stdin, counted inside"""
    data = noise()
    equal(lab.engine.docker("run", "--rm", "-i", "busybox", "sha256sum", input=data).ok().out, digest(data) + "  -\n")


def test_ten_megabytes_out_and_logged(lab):
    """10 MB of lines on stdout, and the same from the log"""
    name = lab.name()
    script = "awk 'BEGIN { for (i = 0; i < 200000; i++) printf \"%07d ......................................x\\n\", i }'"
    out = lab.engine.docker("run", "--name", name, "busybox", "sh", "-c", script).ok().raw_out
    equal(len(out), 200000 * 48, "bytes")
    equal(digest(lab.engine.docker("logs", name).ok().raw_out), digest(out), "the log")


def test_ten_megabytes_through_exec(lab):
    """10 MB through exec -i"""
    name, data = lab.name(), noise()
    lab.engine.docker("run", "-d", "--name", name, "busybox", "sleep", "1000").ok()
    done = lab.engine.docker("exec", "-i", name, "cat", input=data).ok()
    equal((len(done.raw_out), digest(done.raw_out)), (len(data), digest(data)), "what came back")


def test_slow_reader(lab):
    """a client that reads late loses nothing"""
    client = lab.engine.popen("run", "--rm", "busybox", "sh", "-c", "head -c 3000000 /dev/zero", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    time.sleep(1)
    data = client.stdout.read()
    client.stdout.close()
    equal((len(data), client.wait(timeout=20)), (3000000, 0))


def test_output_and_errors_apart(lab):
    """stdout and stderr arrive apart and whole"""
    done = lab.engine.shell("for i in 1 2 3; do echo out $i; echo err $i >&2; done; printf last").ok()
    equal(done.out, "out 1\nout 2\nout 3\nlast")
    equal(done.err, "err 1\nerr 2\nerr 3\n")


def test_end_of_input(lab):
    """the end of the client's input is the end of the container's"""
    equal(lab.engine.docker("run", "--rm", "-i", "busybox", "sh", "-c", "wc -c; echo done", input="12345").ok().out, "5\ndone\n")
    equal(lab.engine.docker("run", "--rm", "-i", "busybox", "cat", input="").ok().out, "")


def test_container_ends_before_input(lab):
    """a container that does not read its input ends all the same"""
    done = lab.engine.docker("run", "--rm", "-i", "busybox", "sh", "-c", "exit 3", input=b"x" * 100000, timeout=30)
    equal(done.code, 3)


def test_start_attached(lab):
    """start -ai: input in, output out, exit code"""
    name = lab.name()
    lab.engine.docker("create", "-i", "--name", name, "busybox", "sh", "-c", "tr a-z A-Z; exit 5").ok()
    done = lab.engine.docker("start", "-ai", name, input="shout\n")
    equal((done.out, done.code), ("SHOUT\n", 5))


def test_attach(lab):
    """attach to a running container: its output from now on, its exit code"""
    name = lab.name()
    lab.engine.docker("run", "-d", "-i", "--name", name, "busybox", "sh", "-c", "echo early; read x; echo got $x; exit 7").ok()
    lab.engine.wait_log(name, "early")
    # The input stays open: when it ends, docker ends the output too (StdinOnce is off).
    client = lab.engine.popen("attach", name, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    time.sleep(0.5)
    client.stdin.write(b"word\n")
    client.stdin.flush()
    equal((client.stdout.read(), client.wait(timeout=20)), (b"got word\n", 7))
    client.stdin.close()
    client.stdout.close()


def test_two_attached(lab):
    """two clients attached see the same"""
    name = lab.name()
    lab.engine.docker("create", "--name", name, "busybox", "sh", "-c", "sleep 0.5; echo to all").ok()
    paths = "/containers/%s/attach?stream=1&stdout=1&stderr=1" % name
    with lab.engine.api.hijack(paths) as one, lab.engine.api.hijack(paths) as two:
        lab.engine.docker("start", name).ok()
        equal([split_frames(c.read_all()) for c in (one, two)], [{1: b"to all\n"}] * 2)


def test_signal_proxy(lab):
    """a signal to the client goes to the container"""
    name = lab.name()
    client = lab.engine.popen("run", "--name", name, "busybox", "sh", "-c", "trap 'echo bye; exit 6' TERM; echo up; while :; do sleep 0.1; done",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    equal(client.stdout.readline(), b"up\n")
    client.terminate()
    equal((client.stdout.read(), client.wait(timeout=20)), (b"bye\n", 6))
    client.stdout.close()


# --- the hijacked stream itself ---

def test_hijack_upgraded(lab):
    """attach with Upgrade: 101, then stdcopy frames"""
    name = lab.name()
    lab.engine.docker("create", "-i", "--name", name, "busybox", "sh", "-c", "read x; echo out $x; echo err >&2").ok()
    with lab.engine.api.hijack("/containers/%s/attach?stream=1&stdin=1&stdout=1&stderr=1" % name) as stream:
        equal((stream.status, stream.headers.get("Upgrade"), stream.headers.get("Connection")), (101, "tcp", "Upgrade"))
        equal(stream.headers.get("Content-Type"), "application/vnd.docker.raw-stream")
        lab.engine.docker("start", name).ok()
        stream.send(b"hello\n")
        stream.close_input()
        equal(split_frames(stream.read_all()), {1: b"out hello\n", 2: b"err\n"})


def test_hijack_without_upgrade(lab):
    """attach without Upgrade: 200, then the same frames"""
    name = lab.name()
    lab.engine.docker("create", "--name", name, "busybox", "sh", "-c", "echo out; echo err >&2").ok()
    with lab.engine.api.hijack("/containers/%s/attach?stream=1&stdout=1&stderr=1" % name, upgrade=False) as stream:
        equal(stream.status, 200)
        equal(stream.headers.get("Content-Type"), "application/vnd.docker.raw-stream")
        lab.engine.docker("start", name).ok()
        equal(split_frames(stream.read_all()), {1: b"out\n", 2: b"err\n"})


def test_hijack_terminal_is_raw(lab):
    """attach with a terminal: no frames, both outputs as one"""
    name = lab.name()
    lab.engine.docker("create", "-t", "--name", name, "busybox", "sh", "-c", "echo out; echo err >&2").ok()
    with lab.engine.api.hijack("/containers/%s/attach?stream=1&stdout=1&stderr=1" % name) as stream:
        lab.engine.docker("start", name).ok()
        equal(stream.read_all(), b"out\r\nerr\r\n")


def test_hijack_logs_first(lab):
    """attach with logs=1 tells the past first"""
    name = lab.name()
    lab.engine.docker("run", "-d", "--name", name, "busybox", "sh", "-c", "echo past; sleep 1; echo present").ok()
    lab.engine.wait_log(name, "past")
    with lab.engine.api.hijack("/containers/%s/attach?logs=1&stream=1&stdout=1" % name) as stream:
        equal(split_frames(stream.read_all()), {1: b"past\npresent\n"})


def test_hijack_exec(lab):
    """exec start: hijacked, framed, with the input's end passed on"""
    name = lab.name()
    lab.engine.docker("run", "-d", "--name", name, "busybox", "sleep", "1000").ok()
    body = {"Cmd": ["sh", "-c", "cat; echo err >&2; exit 4"], "AttachStdin": True, "AttachStdout": True, "AttachStderr": True}
    identity = lab.engine.api("POST", "/containers/%s/exec" % name, body).json()["Id"]
    with lab.engine.api.hijack("/exec/%s/start" % identity, {"Detach": False, "Tty": False}) as stream:
        equal(stream.status, 101)
        stream.send(b"through")
        stream.close_input()
        equal(split_frames(stream.read_all()), {1: b"through", 2: b"err\n"})
    state = wait_until(lambda: (lambda s: not s["Running"] and s)(lab.engine.api("GET", "/exec/%s/json" % identity).json()), 5, "the exec has ended")
    equal(state["ExitCode"], 4)


def test_client_goes_away(lab):
    """a client that vanishes does not end the container"""
    name = lab.name()
    client = lab.engine.popen("run", "--name", name, "busybox", "sh", "-c", "echo up; while :; do echo tick; sleep 0.05; done",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    equal(client.stdout.readline(), b"up\n")
    client.kill()
    client.wait()
    client.stdout.close()
    length = len(lab.engine.docker("logs", name).ok().out)
    wait_until(lambda: len(lab.engine.docker("logs", name).ok().out) > length, 5, "it goes on ticking")


# --- exec ---

def running(lab, engine, *flags):
    name = lab.name()
    engine.docker("run", "-d", "--name", name, *flags, "busybox", "sleep", "1000").ok()
    return name


EXECS = {
    "plain": ("output, exit code", [], ["sh", "-c", "echo out; echo err >&2; exit 7"]),
    "env": ("-e and the container's own environment", ["-e", "A=1"], ["env"]),
    "user": ("-u", ["-u", "sailor"], ["sh", "-c", "id; echo $HOME; grep Cap /proc/self/status"]),
    "user_unknown": ("-u with an unknown name", ["-u", "pirate"], ["id"]),
    "workdir": ("-w", ["-w", "/tmp"], ["pwd"]),
    "workdir_missing": ("-w that is not there", ["-w", "/no/such"], ["pwd"]),
    "not_found": ("a command that is not there", [], ["nosuch"]),
    "not_executable": ("a file that cannot run", [], ["/etc/passwd"]),
    "same_namespaces": ("same processes, mounts, limits and filter as the container", [], ["sh", "-c", "ps | grep -c '[s]leep 1000'; mount | wc -l; grep -E 'Cap|Seccomp|NoNewPrivs' /proc/self/status; ulimit -a; cat /proc/self/cgroup"]),
    "no_terminal": ("no terminal without -t", [], ["tty"]),
}


def exec_test(flags, command):
    def test(lab):
        def probe(engine):
            return show(engine.docker("exec", *flags, running(lab, engine), *command))
        lab.compare(probe)
    return test


def generated_tests():
    for word, (title, flags, command) in EXECS.items():
        test = exec_test(flags, command)
        test.__name__ = "test_exec_" + word
        test.__doc__ = "exec: " + title
        yield test


def test_exec_detached(lab):
    """exec -d leaves the command running"""
    name = running(lab, lab.engine)
    lab.engine.docker("exec", "-d", name, "sh", "-c", "sleep 0.3; echo late >/late").ok()
    wait_until(lambda: lab.engine.docker("exec", name, "cat", "/late").out == "late\n", 10, "the file")


def test_exec_refused(lab):
    """exec in a stopped, a paused and no container"""
    name = lab.name()

    def probe(engine):
        engine.docker("create", "--name", name, "busybox", "sleep", "1000").ok()
        text = show(engine.docker("exec", name, "true")) + show(engine.docker("exec", "nosuch", "true"))
        engine.docker("start", name).ok()
        engine.docker("pause", name).ok()
        text += show(engine.docker("exec", name, "true"))
        engine.docker("unpause", name).ok()
        return text
    lab.compare(probe)


def test_exec_dies_with_the_container(lab):
    """an exec ends with its container: 137"""
    name = running(lab, lab.engine)
    client = lab.engine.popen("exec", name, "sh", "-c", "echo up; sleep 1000", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    equal(client.stdout.readline(), b"up\n")
    lab.engine.docker("kill", name).ok()
    equal(client.wait(timeout=20), 137)
    client.stdout.close()


def test_exec_inspect(lab):
    """the exec object"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, "busybox", "sleep", "1000").ok()
        identity = engine.api("POST", "/containers/%s/exec" % name, {"Cmd": ["sh", "-c", "exit 3"], "AttachStdout": True, "Env": ["A=1"], "User": "0"}).json()["Id"]
        before = engine.api("GET", "/exec/%s/json" % identity).text
        check(identity in engine.inspect(name)["ExecIDs"], "ExecIDs")
        engine.api("POST", "/exec/%s/start" % identity, {"Detach": True})
        wait_until(lambda: not engine.api("GET", "/exec/%s/json" % identity).json()["Running"], 5, "the exec has ended")
        return before + engine.api("GET", "/exec/%s/json" % identity).text
    lab.compare(probe, same=lambda t: re.sub(r'"Pid":\d+', '"Pid":<n>', t))


# --- logs ---

def test_logs_follow_keeps_up(lab):
    """logs -f from the start sees every line, in order, and ends with the container"""
    name = lab.name()
    script = "for i in 1 2 3 4 5; do seq $((i * 10000)) $((i * 10000 + 9999)); sleep 0.1; done"
    lab.engine.docker("run", "-d", "--name", name, "busybox", "sh", "-c", script).ok()
    out = lab.engine.docker("logs", "-f", name, timeout=60).ok().out
    equal([int(line) for line in out.split()] == list(range(10000, 60000)), True, "every line in order (%d lines)" % len(out.split()))


def test_logs_follow_is_prompt(lab):
    """logs -f shows a line within a second, and two followers both see it"""
    name = lab.name()
    lab.engine.docker("run", "-d", "-i", "--name", name, "busybox", "sh", "-c", "while read x; do echo got $x; done").ok()
    followers = [lab.engine.popen("logs", "-f", name, stdout=subprocess.PIPE) for _ in range(2)]
    with lab.engine.api.hijack("/containers/%s/attach?stream=1&stdin=1" % name) as stream:
        for word in (b"one", b"two"):
            begun = time.monotonic()
            stream.send(word + b"\n")
            equal([f.stdout.readline() for f in followers], [b"got %s\n" % word] * 2)
            check(time.monotonic() - begun < 1, "a line took %.1f s" % (time.monotonic() - begun))
    lab.engine.docker("rm", "-f", name).ok()
    for follower in followers:
        equal(follower.wait(timeout=10), 0, "exit code of the follower")
        follower.stdout.close()


def test_logs_tail_and_streams(lab):
    """--tail, and both streams"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "--name", name, "busybox", "sh", "-c", "for i in 1 2 3 4; do echo line $i; done; sleep 0.1; echo error >&2; sleep 0.1; printf unfinished").ok()
        return "".join(show(engine.docker("logs", *flags, name)) for flags in ([], ["--tail", "2"], ["--tail", "0"], ["--tail", "all"], ["-n", "100"], ["--tail", "-1"]))
    lab.compare(probe)


def test_logs_times(lab):
    """-t, --since and --until"""
    name = lab.name()
    lab.engine.docker("run", "--name", name, "busybox", "sh", "-c", "echo one; sleep 1.2; echo two").ok()
    lines = lab.engine.docker("logs", "-t", name).ok().out.splitlines()
    stamps = [matches(line, r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (one|two)$").group(1) for line in lines]
    check(stamps[0] < stamps[1], "times: %s" % stamps)
    equal(lab.engine.docker("logs", "--since", stamps[1], name).ok().out, "two\n", "--since")
    equal(lab.engine.docker("logs", "--until", stamps[0], name).ok().out, "one\n", "--until")
    equal(lab.engine.docker("logs", "--since", "10m", name).ok().out, "one\ntwo\n", "--since 10m")


def test_logs_details_and_refusals(lab):
    """--details shows labels asked for; bad times are refused"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "--name", name, "-l", "deck=upper", "--log-opt", "labels=deck", "busybox", "echo", "x").ok()
        return show(engine.docker("logs", "--details", name)) + show(engine.docker("logs", "--since", "nonsense", name)) + show(engine.docker("logs", "nosuch"))
    lab.compare(probe)


def test_logs_long_lines(lab):
    """a line of 100000 bytes without an end comes back whole"""
    name = lab.name()
    lab.engine.docker("run", "--name", name, "busybox", "sh", "-c", "head -c 100000 /dev/zero | tr '\\0' a; echo; echo next").ok()
    equal(lab.engine.docker("logs", name).ok().out, "a" * 100000 + "\nnext\n")


def test_logs_bytes(lab):
    """bytes that are not text: NUL, escape and UTF-8 come back from the log"""
    name = lab.name()
    data = lab.engine.docker("run", "--name", name, "busybox", "printf", "nul\\000esc\\033[1m\\303\\251\\n").ok().raw_out
    equal(data, b"nul\0esc\x1b[1m\xc3\xa9\n")
    equal(lab.engine.docker("logs", name).ok().raw_out, data)


def test_logs_across_restarts(lab):
    """a second start adds to the log"""
    name = lab.name()
    lab.engine.docker("run", "--name", name, "busybox", "sh", "-c", "echo run").ok()
    lab.engine.docker("start", "-a", name).ok()
    equal(lab.engine.docker("logs", name).ok().out, "run\nrun\n")


def test_log_driver_none(lab):
    """--log-driver none: output is shown, logs are refused"""
    name = lab.name()

    def probe(engine):
        return show(engine.docker("run", "--name", name, "--log-driver", "none", "busybox", "echo", "seen")) + show(engine.docker("logs", name))
    lab.compare(probe)


def test_log_rotation(lab):
    """max-size and max-file keep the end of the log"""
    name = lab.name()
    lab.engine.docker("run", "--name", name, "--log-opt", "max-size=20k", "--log-opt", "max-file=2", "busybox", "seq", "1", "5000").ok()
    lines = lab.engine.docker("logs", name).ok().out.split()
    equal(lines[-1], "5000", "the last line")
    check(10 < len(lines) < 2000, "%d lines were kept" % len(lines))
    equal(lines, [str(n) for n in range(5001 - len(lines), 5001)], "the lines in order")
