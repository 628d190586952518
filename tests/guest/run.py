#!/usr/bin/env python3
"""Runs the guest programs on this Linux and in the simulated machine, and compares what they print and how they end.

    tests/guest/run.py [NAME...]        all, or those whose name contains one of the words
    tests/guest/run.py --list

The programs (programs/*.c) are one static binary; each is a function that puts itself into namespaces of its own. Linux
comes first: what it prints is what is expected. Known differences are in not_yet.txt, one name a line: they count as
skipped, and as failed once they pass, so that the list stays true. The last line is "N passed, N failed, N skipped".
"""
import argparse
import concurrent.futures
import difflib
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "tests" / "guest"
BUILD = ROOT / "build" / "guest"
LINUX_SECONDS, MACHINE_SECONDS = 30, 60
CFLAGS = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-w"]


def build(jobs):
    """The binary, with only what has changed compiled again."""
    BUILD.mkdir(parents=True, exist_ok=True)
    headers = max(path.stat().st_mtime for path in (HERE / "programs").glob("*.h"))
    sources = sorted((HERE / "programs").glob("*.c"))
    objects = {source: BUILD / (source.stem + ".o") for source in sources}

    def compile_one(source):
        target = objects[source]
        if target.exists() and target.stat().st_mtime > max(headers, source.stat().st_mtime):
            return None
        fresh = target.with_suffix(".%d.o" % os.getpid())
        done = subprocess.run(["gcc", *CFLAGS, "-c", str(source), "-o", str(fresh)], capture_output=True, text=True)
        if done.returncode:
            return done.stderr
        os.replace(fresh, target)  # whole or not at all, also when two runs build at once
        return None

    broken = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for source, complaint in zip(sources, pool.map(compile_one, sources)):
            if complaint:
                broken[source] = complaint
    binary = BUILD / "guest"
    good = [str(objects[source]) for source in sources if source not in broken]
    if not binary.exists() or any(os.stat(path).st_mtime > binary.stat().st_mtime for path in good):
        fresh = binary.with_suffix(".%d" % os.getpid())
        subprocess.run(["gcc", "-static", "-o", str(fresh), *good], check=True)
        os.replace(fresh, binary)
    return binary, broken


def run(command, seconds):
    """(what it printed, how it ended, its complaints)"""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        return late.stdout or b"", "time", late.stderr or b""
    return done.stdout, done.returncode, done.stderr


def show(text):
    return text.decode("utf-8", errors="backslashreplace").splitlines()


class Verdict:
    def __init__(self, name, kind, lines=()):
        self.name, self.kind, self.lines = name, kind, list(lines)


def judge(name, binary, machine_run):
    expected, ended, complaint = run([str(binary), name], LINUX_SECONDS)
    if ended != 0:
        return Verdict(name, "failed", ["on Linux it ended with %s" % ended, *show(complaint)])
    for line in show(expected):
        if line.startswith("skip: "):
            return Verdict(name, "skipped", [line[6:]])
    got, got_ended, complaint = run([str(machine_run), "--no-input", "--", str(binary), name], MACHINE_SECONDS)
    if (got, got_ended) == (expected, ended):
        return Verdict(name, "passed")
    lines = list(difflib.unified_diff(show(expected), show(got), "linux", "machine", lineterm="", n=1))
    if got_ended != ended:
        lines.append("ended with %s" % got_ended)
    return Verdict(name, "failed", lines + ["! " + line for line in show(complaint)[:8]])


def find_machine_run(given):
    for path in [given] if given else [ROOT / "build/native/tests/guest/machine_run"]:
        if path and pathlib.Path(path).exists():
            return pathlib.Path(path)
    sys.exit("run.py: no machine_run: build it first (scripts/build native)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only programs whose name contains one of these")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--machine-run", help="the program that runs a binary in the machine")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    args = parser.parse_args()
    binary, broken = build(args.jobs)
    names = subprocess.run([str(binary), "--list"], capture_output=True, text=True, check=True).stdout.split()
    names = sorted(name for name in names if not args.names or any(word in name for word in args.names))
    if args.list:
        print("\n".join(names))
        return 0
    if os.geteuid() != 0:
        print("skip: the guest programs need root")
        print("0 passed, 0 failed, %d skipped" % len(names))
        return 0
    machine_run = find_machine_run(args.machine_run)
    not_yet = {line.split("#")[0].strip() for line in (HERE / "not_yet.txt").read_text().splitlines()} - {""}
    counts = {"passed": 0, "failed": len(broken), "skipped": 0}
    for source, complaint in broken.items():
        print("failed: %s does not compile\n%s" % (source.name, complaint))
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for verdict in pool.map(lambda name: judge(name, binary, machine_run), names):
            kind = verdict.kind
            if verdict.name in not_yet and kind in ("passed", "failed"):
                kind = "skipped" if kind == "failed" else "failed"
                verdict.lines = ["known to differ" if kind == "skipped" else "passes: take it out of not_yet.txt"]
            counts[kind] += 1
            if kind == "skipped":
                print("skip: %s: %s" % (verdict.name, verdict.lines[0]))
            elif kind == "failed":
                print("failed: %s" % verdict.name)
                for line in verdict.lines[:60]:
                    print("    " + line)
            sys.stdout.flush()
    print("%d passed, %d failed, %d skipped" % (counts["passed"], counts["failed"], counts["skipped"]))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
