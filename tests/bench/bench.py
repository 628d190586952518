#!/usr/bin/env python3
"""Measures drydockd beside the reference dockerd, in pairs, in one run, as whole processes.

    tests/bench/bench.py [--engine drydock|reference] [--only NAME] [--runs N] [--json FILE]

Both engines are driven by the stock client; runs alternate, so that whatever else the
machine does falls on both. `--engine reference` measures dockerd against itself, which
shows the noise. Nothing here is asserted: it prints a table and may write JSON.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support import fixtures, images, processes  # noqa: E402

REPOSITORY = HERE.parent.parent
LAYERS, FILES_PER_LAYER, FILE_BYTES = 5, 500, 48 << 10


def seconds(function):
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


class Bench:
    def __init__(self, run, options):
        self.ours, self.theirs, self.runs = run.engine, run.reference, options.runs
        self.shared, self.rows = run, []

    def add(self, name, unit, ours, theirs, note=""):
        """One row; each side is a list of samples or a number."""
        def middle(samples):
            return statistics.median(samples) if isinstance(samples, list) else samples
        mine, other = middle(ours), middle(theirs)
        row = {"name": name, "unit": unit, "ours": mine, "theirs": other, "ratio": mine / other if other else None, "note": note,
               "samples": {"ours": ours, "theirs": theirs}}
        self.rows.append(row)
        print("%-34s %12.2f %12.2f %-5s %8s  %s" % (name, mine, other, unit, "%.3f" % row["ratio"] if other else "-", note), flush=True)

    def alternate(self, action, runs, scale=1000):
        """Samples of action(engine) for both, in turns; who begins alternates too."""
        ours, theirs = [], []
        for number in range(runs):
            pair = [(self.ours, ours), (self.theirs, theirs)]
            for engine, samples in pair if number % 2 else pair[::-1]:
                samples.append(seconds(lambda: action(engine)) * scale)
        return ours, theirs

    # --- what is measured ---

    def bench_run(self):
        """docker run --rm busybox true, one after another, and what of it is the client's own."""
        def run(engine):
            engine.docker("run", "--rm", "busybox", "true").ok()
        for engine in (self.ours, self.theirs):
            run(engine)
        baseline = self.alternate(lambda engine: engine.docker("version").ok(), max(5, self.runs // 2))
        self.add("docker version (the client alone)", "ms", *baseline)
        ours, theirs = self.alternate(run, self.runs)
        self.add("docker run --rm busybox true", "ms", ours, theirs, "wanted: at most 0.35")
        self.add("  less docker version", "ms", *[max(statistics.median(s) - statistics.median(b), 0.001) for s, b in zip((ours, theirs), baseline)])
        self.add("  slowest of %d" % self.runs, "ms", max(ours), max(theirs))

    def bench_parallel(self):
        """twenty docker run --rm at once"""
        def run(engine):
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                for done in pool.map(lambda _: engine.docker("run", "--rm", "busybox", "true", timeout=120), range(20)):
                    done.ok()
        self.add("20 docker run --rm at once", "s", *self.alternate(run, 5, scale=1))

    def bench_detached(self):
        """run -d, exec, stop and rm of one container"""
        def steps(engine):
            engine.docker("run", "-d", "--name", "bench", "busybox", "sleep", "1000").ok()
            engine.docker("exec", "bench", "true").ok()
            engine.docker("stop", "-t", "0", "bench").ok()
            engine.docker("rm", "bench").ok()
        self.add("run -d, exec, stop, rm", "ms", *self.alternate(steps, max(5, self.runs // 3)))

    def bench_pull(self):
        """pull and unpack of a large image, against dockerd and against skopeo and umoci"""
        layers = large_image()
        archive = self.shared.engines.root / "large.tar"
        archive.write_bytes(images.docker_archive("large:latest", layers))
        size = "%.0f MB in %d layers" % (sum(map(len, layers)) / 1e6, len(layers))
        for engine in (self.ours, self.theirs):
            self.shared.registry(engine).push("docker-archive:%s" % archive, "ship/large")

        def pull(engine):
            engine.docker("pull", "-q", self.shared.registry(engine).address + "/ship/large", timeout=300).ok()

        def forget(engine):
            engine.docker("rmi", self.shared.registry(engine).address + "/ship/large").ok()
        ours, theirs, tools = [], [], []
        for number in range(4):
            pair = [(self.ours, ours), (self.theirs, theirs)]
            for engine, samples in pair if number % 2 else pair[::-1]:
                samples.append(seconds(lambda: pull(engine)))
                forget(engine)
            tools.append(self.skopeo_and_umoci())
        self.add("pull and unpack, dockerd", "s", ours, theirs, size)
        self.add("pull and unpack, skopeo + umoci", "s", ours, tools, size)
        self.add("docker load of the same", "s", *self.load(archive))

    def skopeo_and_umoci(self):
        registry = self.shared.registry(self.theirs)
        folder = self.shared.engines.root / "unpacked"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

        def both():
            registry.skopeo("copy", "--insecure-policy", "--src-tls-verify=false", "docker://%s/ship/large" % registry.address, "oci:%s:latest" % (folder / "oci"))
            processes.run("umoci", "unpack", "--image", "%s:latest" % (folder / "oci"), folder / "bundle")
        taken = seconds(both)
        shutil.rmtree(folder)
        return taken

    def load(self, archive):
        def once(engine):
            engine.docker("load", "-q", "-i", archive, timeout=300).ok()
        ours, theirs = [], []
        for number in range(2):
            for engine, samples in ((self.ours, ours), (self.theirs, theirs)):
                samples.append(seconds(lambda: once(engine)))
                engine.docker("rmi", "large:latest").ok()
        return ours, theirs

    def bench_memory(self):
        """resident memory (PSS) of daemon and helpers, idle and with 100 containers"""
        self.add("memory, idle", "MB", *self.memory())
        count = 100

        def start(engine):
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                for done in pool.map(lambda n: engine.docker("run", "-d", "--name", "many%d" % n, "busybox", "sleep", "1000", timeout=120), range(count)):
                    done.ok()
        self.add("start of %d, four at a time" % count, "s", [seconds(lambda: start(self.ours))], [seconds(lambda: start(self.theirs))])
        time.sleep(2)
        self.add("memory, %d containers" % count, "MB", *self.memory(), "daemon, helpers, monitors or shims")
        for engine in (self.ours, self.theirs):
            engine.remove_all_containers()

    def memory(self):
        return [sum(processes.pss_bytes(pid) for pid in own_processes(engine)) / 1e6 for engine in (self.ours, self.theirs)]


def own_processes(engine):
    """The engine's processes without those inside containers and the registry's."""
    ours = os.readlink("/proc/self/ns/pid")
    found = []
    for pid, command in engine.processes().items():
        try:
            if os.readlink("/proc/%d/ns/pid" % pid) == ours and not command.startswith("docker-registry"):
                found.append(pid)
        except OSError:
            continue
    return found


def large_image():
    """Layers of files that compress to about half, as programs do; the same on every run."""
    dice = random.Random(7)
    layers = [images.busybox_layer()]
    for number in range(LAYERS):
        members = [(images.entry("large%d/" % number), None)]
        for n in range(FILES_PER_LAYER):
            half = dice.randbytes(FILE_BYTES // 2)
            members.append(images.file_entry("large%d/%04d" % (number, n), half + bytes(FILE_BYTES // 2)))
        layers.append(images.tar_of(members))
    return layers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["drydock", "reference"], default="drydock")
    parser.add_argument("--drydockd", default=str(REPOSITORY / "build/native/bin/drydockd"))
    parser.add_argument("--dockerd", default=shutil.which("dockerd") or "/usr/sbin/dockerd")
    parser.add_argument("--docker", default="docker")
    parser.add_argument("--runs", type=int, default=30, help="runs of docker run each (default 30)")
    parser.add_argument("--only", action="append", choices=[n[len("bench_"):] for n in vars(Bench) if n.startswith("bench_")])
    parser.add_argument("--json", type=pathlib.Path, help="write the rows with all samples here")
    options = parser.parse_args()
    options.full = False
    names = [n for n in vars(Bench) if n.startswith("bench_") and (not options.only or n[len("bench_"):] in options.only)]
    with fixtures.Run(options) as run:
        bench = Bench(run, options)
        client = subprocess.run([options.docker, "--version"], capture_output=True, text=True).stdout.strip()
        print("%s, %d CPUs, load %.1f" % (client, os.cpu_count(), os.getloadavg()[0]))
        print("%-34s %12s %12s %-5s %8s" % ("", options.engine, "dockerd", "", "ratio"))
        for name in names:
            getattr(bench, name)()
    if options.json:
        options.json.write_text(json.dumps({"client": client, "engine": options.engine, "rows": bench.rows}, indent=1))


if __name__ == "__main__":
    main()
