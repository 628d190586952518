"""What the host holds on behalf of one engine: processes, mounts, cgroups, namespaces.

Everything is found by what the kernel says (/proc, /sys/fs/cgroup), never by asking the
daemon, so that it works when the daemon is dead or wrong.
"""
import ctypes
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
CGROUP_ROOT = pathlib.Path("/sys/fs/cgroup")
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command, check=True, **options):
    """A host command, its output captured as text."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise RuntimeError("%s: %s" % (" ".join(map(str, command)), done.stderr.strip()))
    return done.stdout


def wait_until(condition, seconds, what):
    """Polls until `condition` gives something true, and returns it."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError("after %g s still not: %s" % (seconds, what))
        time.sleep(0.02)


def in_netns(path, function):
    """Runs `function` in the network namespace bound at `path`, on a thread of its own.

    setns(2) moves only the calling thread, and sockets stay in the namespace they were
    made in: what `function` opens can be used from anywhere afterwards.
    """
    outcome = {}

    def enter():
        try:
            with open(path, "rb") as handle:
                if _libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns", str(path))
            outcome["value"] = function()
        except BaseException as error:  # handed to the caller's thread
            outcome["error"] = error

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def mounts_below(root):
    """Mount points of this mount namespace below `root`, deepest first."""
    prefix = str(root).rstrip("/") + "/"
    found = []
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        point = re.sub(r"\\(\d{3})", lambda m: chr(int(m.group(1), 8)), line.split()[1])
        if point.startswith(prefix):
            found.append(point)
    return sorted(found, key=lambda p: (-p.count("/"), p), reverse=False)


def unmount_below(root):
    for point in mounts_below(root):
        run("umount", "-l", point, check=False)


def processes_of(root, netns=None):
    """{pid: command line} of the processes that belong to the engine at `root`.

    Belonging: the command line names the root, or the network namespace is the engine's,
    or the mount namespace is a foreign one that holds a mount from below the root.
    """
    ours_mnt = os.readlink("/proc/self/ns/mnt")
    engine_net = os.stat(netns).st_ino if netns and os.path.exists(netns) else None
    marker = str(root) + "/"
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        process = "/proc/" + entry
        try:
            with open(process + "/cmdline", "rb") as file:
                command = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            if not command:
                continue  # a kernel thread, or a zombie
            mine = marker in command + "/"
            if not mine and engine_net is not None:
                mine = os.stat(process + "/ns/net").st_ino == engine_net
            if not mine and os.readlink(process + "/ns/mnt") != ours_mnt:
                with open(process + "/mountinfo") as file:
                    mine = marker in file.read()
            if mine:
                found[int(entry)] = command
        except OSError:
            continue  # it ended while we looked
    return found


def end_processes(pids, grace=0.0):
    """Ends exactly these processes; they are gone (or zombies of others) when it returns."""
    for sig, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if sig == signal.SIGTERM and grace <= 0:
            continue
        for pid in pids:
            try:
                os.kill(pid, sig)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(alive(pid) for pid in pids):
            time.sleep(0.02)


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def children_of(pid):
    """Direct and indirect children of `pid`, itself not included."""
    parent = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open("/proc/%s/stat" % entry) as file:
                    parent[int(entry)] = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
    found, frontier = [], [pid]
    while frontier:
        frontier = [child for child, up in parent.items() if up in frontier]
        found += frontier
    return found


def cgroups_naming(ids):
    """Cgroup directories, in any hierarchy, whose name contains one of these ids."""
    found = []
    wanted = set(ids)
    for where, folders, _ in os.walk(CGROUP_ROOT):
        for folder in folders:
            match = re.search(r"[0-9a-f]{64}", folder)
            if match and match.group(0) in wanted:
                found.append(os.path.join(where, folder))
    return found


def remove_cgroups(ids):
    """Ends what is left in the cgroups of these containers, and removes them."""
    paths = cgroups_naming(ids)
    members = set()
    for path in paths:
        try:
            members.update(int(pid) for pid in pathlib.Path(path, "cgroup.procs").read_text().split())
        except OSError:
            pass  # gone meanwhile
    end_processes(members)
    for path in sorted(paths, key=len, reverse=True):
        remove_cgroup_tree(path)


def remove_cgroup_tree(path):
    for where, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(where)
        except OSError:
            pass  # still busy: a leak check reports it


def links_in(netns):
    """Names of the network links in a namespace."""
    listing = run("nsenter", "--net=%s" % netns, "ip", "-o", "link")
    return [re.split(r"[:@ ]+", line)[1] for line in listing.splitlines()]


def pss_bytes(pid):
    """Proportional set size of one process; 0 when it is gone."""
    try:
        with open("/proc/%d/smaps_rollup" % pid) as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
