"""Many containers come and go, and nothing of them stays."""
import concurrent.futures
import os

from support.processes import cgroups_naming, wait_until
from support.testing import check, equal

PARALLEL = 8


def held(engine):
    """What the host holds for this engine: mounts, links, the number of processes."""
    return {"mounts": sorted(engine.mounts()), "links": sorted(engine.links()), "processes": len(engine.processes())}


def back_to(engine, before, seconds=20):
    def same():
        now = held(engine)
        # A helper process of the daemon may have ended meanwhile: fewer is fine.
        return now["mounts"] == before["mounts"] and now["links"] == before["links"] and now["processes"] <= before["processes"]
    try:
        wait_until(same, seconds, "as before")
    except AssertionError:
        now = held(engine)
        raise AssertionError("left behind: mounts %s, links %s, %d processes where there were %d:\n%s" % (
            sorted(set(now["mounts"]) - set(before["mounts"])), sorted(set(now["links"]) - set(before["links"])),
            now["processes"], before["processes"], "\n".join("%d %s" % p for p in engine.processes().items())))


def test_two_hundred(lab):
    """200 containers started and removed leave no mount, cgroup, link or process"""
    engine, count = lab.own_engine(), 200 if lab.full else 24
    engine.docker("run", "--rm", "busybox", "true").ok()
    before = held(engine)
    ids = []

    def live_and_die(number):
        # Three ways to end: by itself, by stop, by force.
        way = number % 3
        command = ["true"] if way == 0 else ["sleep", "1000"]
        flags = ["-v", "/data", "--tmpfs", "/t"] if number % 2 else ["-m", "32m", "-p", "80"]
        identity = engine.docker("run", "-d", *flags, "busybox", *command).ok().out.strip()
        ids.append(identity)
        if way == 0:
            engine.docker("wait", identity).ok()
            engine.docker("rm", "-v", identity).ok()
        elif way == 1:
            engine.docker("stop", "-t", "0", identity).ok()
            engine.docker("rm", "-v", identity).ok()
        else:
            engine.docker("rm", "-f", "-v", identity).ok()

    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(live_and_die, range(count)))
    equal(len(set(ids)), count, "containers")
    back_to(engine, before)
    wait_until(lambda: not cgroups_naming(ids), 5, "the cgroups are gone")
    left = [os.path.join(w, d) for w, folders, _ in os.walk(engine.root / "data") for d in folders if d in set(ids)]
    equal(left, [], "folders in the data root")
    equal(engine.docker("volume", "ls", "-q").ok().out, "", "volumes")
    equal(engine.docker("ps", "-aq").ok().out, "", "containers listed")


test_two_hundred.long = True


def test_with_rm(lab):
    """--rm containers, twenty at a time"""
    engine = lab.own_engine()
    engine.docker("run", "--rm", "busybox", "true").ok()
    before = held(engine)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda n: engine.docker("run", "--rm", "busybox", "echo", n).ok().out.strip(), range(20 if not lab.full else 60)))
    equal(sorted(done, key=int), [str(n) for n in range(len(done))], "outputs")
    back_to(engine, before)


test_with_rm.long = True


def test_failed_starts(lab):
    """starts that fail leave nothing either"""
    engine = lab.own_engine()
    engine.docker("run", "--rm", "busybox", "true").ok()
    before = held(engine)
    for flags in (["-u", "nosuch"], ["-v", "/tmp:/etc/passwd"], ["--sysctl", "net.nosuch=1"], ["--ulimit", "nosuch=1"], ["--network", "nosuch"],
                  ["--device", "/dev/nosuch"], ["--log-opt", "max-size=x"]):
        engine.docker("run", "--rm", *flags, "busybox", "true").failed()
    engine.docker("run", "--rm", "busybox", "nosuch").failed(127)
    back_to(engine, before)
    equal(engine.docker("ps", "-aq").ok().out, "", "containers")


def test_execs(lab):
    """a hundred execs leave no process"""
    engine, name = lab.own_engine(), lab.name()
    engine.docker("run", "-d", "--name", name, "busybox", "sleep", "1000").ok()
    engine.docker("exec", name, "true").ok()
    before = held(engine)
    with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(lambda n: engine.docker("exec", name, "echo", n).ok(), range(100 if lab.full else 20)))
    back_to(engine, before)


def open_files(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def test_open_files_of_the_daemon(lab):
    """the daemon's open files do not grow with the containers it has had"""
    engine = lab.own_engine()
    pid = engine.process.pid
    for _ in range(3):
        engine.docker("run", "--rm", "-t", "busybox", "true").ok()
    before = open_files(pid)
    for _ in range(10):
        engine.docker("run", "--rm", "busybox", "true").ok()
        engine.docker("logs", "nosuch").failed()
    wait_until(lambda: open_files(pid) <= before + 3, 10, "%d open files again, now %d" % (before, open_files(pid)))


def test_stop_of_the_daemon(lab):
    """a daemon that is stopped leaves no pidfile, process or cgroup"""
    engine = lab.own_engine()
    identity = engine.docker("run", "-d", "busybox", "sleep", "1000").ok().out.strip()
    engine.docker("rm", "-f", identity).ok()
    engine.terminate()
    check(not (engine.root / "pid").exists(), "the pidfile is left")
    equal([p for p in engine.processes().values() if "sleep 1000" in p], [], "processes of containers")
    equal(cgroups_naming([identity]), [], "cgroups")
