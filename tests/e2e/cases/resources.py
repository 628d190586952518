"""Limits: what the flags write into the cgroup files, and that they hold."""
import pathlib
import time

from support.processes import CGROUP_ROOT, cgroups_naming, remove_cgroup_tree, wait_until
from support.testing import check, contains, equal, show

V1 = pathlib.Path("/sys/fs/cgroup/memory").is_dir()
FILES = {
    "memory": ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.swappiness", "memory.oom_control"],
    "cpu": ["cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us"], "cpuset": ["cpuset.cpus", "cpuset.mems"], "pids": ["pids.max"],
}
READ = "; ".join("for f in %s; do [ -e /sys/fs/cgroup/%s/$f ] && echo $f $(head -1 /sys/fs/cgroup/%s/$f); done" % (" ".join(names), group, group)
                 for group, names in FILES.items())

# A process that takes memory page by page until it is killed.
HOG = "x=a; while :; do x=$x$x; done"


def limits_test(flags):
    def test(lab):
        if not V1:
            lab.skip("cgroup v1 is not mounted; v2 is tested in a virtual machine")
        lab.compare_shell(READ, *flags)
    return test


CASES = {
    "none": [],
    "memory": ["-m", "64m"],
    "memory_and_swap": ["-m", "64m", "--memory-swap", "96m"],
    "memory_without_swap": ["-m", "64m", "--memory-swap", "64m"],
    "memory_unlimited_swap": ["-m", "64m", "--memory-swap", "-1"],
    "memory_reservation": ["-m", "64m", "--memory-reservation", "32m"],
    "swappiness": ["--memory-swappiness", "10"],
    "no_oom_kill": ["-m", "64m", "--oom-kill-disable"],
    "cpus": ["--cpus", "0.75"],
    "cpu_shares": ["--cpu-shares", "321"],
    "cpu_period_and_quota": ["--cpu-period", "50000", "--cpu-quota", "20000"],
    "cpuset": ["--cpuset-cpus", "0", "--cpuset-mems", "0"],
    "pids": ["--pids-limit", "33"],
    "pids_unlimited": ["--pids-limit", "-1"],
    "memory_too_small": ["-m", "4m"],
    "swap_below_memory": ["-m", "64m", "--memory-swap", "32m"],
    "swap_alone": ["--memory-swap", "64m"],
    "reservation_above_memory": ["-m", "64m", "--memory-reservation", "128m"],
    "cpus_too_many": ["--cpus", "512"],
    "cpus_with_quota": ["--cpus", "1", "--cpu-quota", "10000"],
    "cpuset_absent": ["--cpuset-cpus", "0-511"],
    "cpuset_nonsense": ["--cpuset-cpus", "zero"],
    "swappiness_out_of_range": ["--memory-swappiness", "101"],
}


def generated_tests():
    for word, flags in CASES.items():
        test = limits_test(flags)
        test.__name__ = "test_files_" + word
        test.__doc__ = "cgroup files, or refusal, with: " + (" ".join(flags) or "no flag")
        yield test


def test_cgroup_parent(lab):
    """--cgroup-parent: the container's cgroups are below it"""
    parent = "/" + lab.engine.root.parent.name
    try:
        lab.compare_shell("cat /proc/self/cgroup", "--cgroup-parent", parent)
    finally:
        for hierarchy in CGROUP_ROOT.iterdir():
            remove_cgroup_tree(hierarchy / parent.strip("/"))


def test_out_of_memory(lab):
    """a hog at -m 32m is killed: OOMKilled, 137; its neighbour lives"""
    neighbour, hog = lab.name("neighbour"), lab.name("hog")
    lab.engine.docker("run", "-d", "--name", neighbour, "-m", "32m", "busybox", "sleep", "1000").ok()
    done = lab.engine.docker("run", "--name", hog, "-m", "32m", "--memory-swap", "32m", "busybox", "sh", "-c", HOG)
    equal(done.code, 137, "exit code")
    state = lab.engine.state(hog)
    equal((state["OOMKilled"], state["ExitCode"], state["Status"]), (True, 137, "exited"), "state")
    neighbour_state = lab.engine.state(neighbour)
    equal((neighbour_state["Running"], neighbour_state["OOMKilled"]), (True, False), "the neighbour")


def test_out_of_memory_event(lab):
    """the kill is an oom event"""
    hog, begun = lab.name("hog"), time.time()
    lab.engine.docker("run", "--name", hog, "-m", "32m", "--memory-swap", "32m", "busybox", "sh", "-c", HOG).failed(137)
    found = [event["Action"] for event in lab.engine.events(begun, container=hog)]
    check("oom" in found, "no oom event: %s" % found)
    check(found.index("oom") < found.index("die"), "oom after die: %s" % found)


def test_out_of_memory_of_a_child(lab):
    """a killed child is the container's own affair: it goes on"""
    name = lab.name()
    done = lab.engine.docker("run", "--name", name, "-m", "32m", "--memory-swap", "32m", "busybox", "sh", "-c", "sh -c '%s'; echo child $?" % HOG).ok()
    contains(done.out, "child 137")
    equal(lab.engine.state(name)["ExitCode"], 0, "exit code")


def test_pids_limit_holds(lab):
    """--pids-limit: one process more is refused"""
    done = lab.engine.shell("for i in 1 2 3 4 5 6 7 8; do sleep 5 & done; wait", "--pids-limit", "4")
    check(done.code != 0, "eight children with four pids")
    contains(done.err, "can't fork")


def test_update(lab):
    """update changes the files of a running container, and inspect"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, "-m", "64m", "busybox", "sleep", "100").ok()
        text = show(engine.docker("update", "-m", "128m", "--memory-swap", "256m", "--cpus", "0.5", "--cpu-shares", "99", "--pids-limit", "44", "--restart", "no", name))
        text += engine.docker("exec", name, "sh", "-c", READ).ok().out
        template = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.CpuShares}} {{.HostConfig.PidsLimit}}"
        text += engine.inspect(name, template)
        text += show(engine.docker("update", "-m", "1k", name)) + show(engine.docker("update", "--cpus", "999", name))
        return text + show(engine.docker("update", "-m", "512m", name))
    lab.compare(probe)


def test_update_of_a_stopped_container(lab):
    """update of a stopped container holds at its next start"""
    name = lab.name()
    lab.engine.docker("create", "--name", name, "busybox", "sleep", "100").ok()
    lab.engine.docker("update", "--pids-limit", "55", name).ok()
    lab.engine.docker("start", name).ok()
    equal(lab.engine.docker("exec", name, "cat", "/sys/fs/cgroup/pids/pids.max").ok().out, "55\n")


def test_stats(lab):
    """stats --no-stream: one row with sane numbers"""
    name = lab.name()
    lab.engine.docker("run", "-d", "--name", name, "-m", "64m", "busybox", "sh", "-c", "while :; do :; done").ok()
    out = lab.engine.docker("stats", "--no-stream", "--format", "{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.PIDs}}", name).ok().out.strip()
    shown, cpu, memory, pids = out.split("|")
    equal(shown, name)
    check(float(cpu.rstrip("%")) > 5, "cpu " + cpu)
    contains(memory, "/ 64MiB")
    equal(pids, "1", "pids")


def test_stats_fields(lab):
    """the raw stats object has the fields clients read"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, "busybox", "sleep", "100").ok()
        found = engine.api("GET", "/containers/%s/stats?stream=0" % name).json()
        keys = {key: sorted(found[key]) for key in ("cpu_stats", "memory_stats", "pids_stats", "networks") if key in found}
        keys["memory_stats"] = [k for k in keys["memory_stats"] if k != "failcnt"]
        keys["top"] = sorted(found)
        keys["eth0"] = sorted(found.get("networks", {}).get("eth0", {}))
        return "\n".join("%s: %s" % item for item in sorted(keys.items()))
    lab.compare(probe)


def test_stats_stream(lab):
    """stats as a stream gives one object a second"""
    name = lab.name()
    lab.engine.docker("run", "-d", "--name", name, "busybox", "sleep", "100").ok()
    response = lab.engine.api.stream("GET", "/containers/%s/stats?stream=1" % name)
    first, second = response.readline(), response.readline()
    response.connection.close()
    check(b'"read"' in first and b'"read"' in second and first != second, "two different objects")


def test_pause(lab):
    """pause freezes, unpause thaws; rm -f of a paused container works"""
    name = lab.name()

    def probe(engine):
        engine.docker("run", "-d", "--name", name, "busybox", "sh", "-c", "while :; do echo tick; sleep 0.05; done").ok()
        engine.wait_log(name, "tick")
        text = show(engine.docker("pause", name)) + engine.state(name)["Status"]
        before = engine.docker("logs", name).ok().out
        time.sleep(0.2)
        text += "\n" + show(engine.docker("pause", name)) + show(engine.docker("exec", name, "true"))
        equal(engine.docker("logs", name).ok().out, before, "the log while paused")
        text += show(engine.docker("unpause", name)) + engine.state(name)["Status"] + "\n" + show(engine.docker("unpause", name))
        wait_until(lambda: len(engine.docker("logs", name).ok().out) > len(before), 5, "ticks again")
        return text
    lab.compare(probe)


def test_stop_of_a_paused_container(lab):
    """kill and rm -f of a paused container do not hang"""
    name = lab.name()
    lab.engine.docker("run", "-d", "--name", name, "busybox", "sleep", "100").ok()
    lab.engine.docker("pause", name).ok()
    if lab.kind == "reference":
        # dockerd 20.10 waits for a frozen process that cannot die.
        lab.engine.docker("unpause", name).ok()
    lab.engine.docker("rm", "-f", name, timeout=30).ok()
    equal(lab.engine.api("GET", "/containers/%s/json" % name).status, 404, "status")


def test_parent_cgroup_goes(lab):
    """the container's cgroups are gone with it"""
    name = lab.name()
    identity = lab.engine.docker("run", "-d", "--name", name, "busybox", "sleep", "100").ok().out.strip()
    check(cgroups_naming([identity]), "no cgroup while it runs")
    lab.engine.docker("rm", "-f", name).ok()
    wait_until(lambda: not cgroups_naming([identity]), 5, "the cgroups are gone")
