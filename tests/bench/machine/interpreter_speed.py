#!/usr/bin/env python3
"""Instructions per second of the interpreter on five BusyBox workloads, and how that compares with qemu-user.

    interpreter_speed.py [--runner build/native/tests/bench/machine/guest_runner] [--runs 3] [WORKLOAD]...

Each workload is run in turns by both, so that a busy machine slows both; CPU time counts, the best of the runs. The
outputs must be equal. Ratio: CPU time of qemu-user / CPU time of the interpreter. qemu-user is left out if it is not
installed (Debian: qemu-user). The time of `busybox true`, best of five, is taken off both: in WebAssembly (--runner
'node --no-experimental-fetch .../guest_runner.js') most of that is node's.
"""
import argparse
import os
import pathlib
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUSYBOX = "/bin/busybox"
WANTED = {"sh": 0.24, "sha256sum": 0.08, "gzip": 0.24, "awk": 0.38, "sort": 0.35}


def make_inputs(folder):
    dice = random.Random(1)
    words = ["".join(dice.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(dice.randint(2, 9))) for _ in range(3000)]
    (folder / "binary").write_bytes(dice.randbytes(10_000_000))
    text = []
    size = 0
    while size < 5_000_000:
        line = " ".join(dice.choice(words) for _ in range(12))
        text.append(line)
        size += len(line) + 1
    (folder / "text").write_text("\n".join(text) + "\n")
    (folder / "lines").write_text("".join("%s %d\n" % (dice.choice(words), dice.randrange(10**6)) for _ in range(50_000)))


def workloads(folder):
    return {
        "sh": [BUSYBOX, "sh", "-c", "i=0; while [ $i -lt 10000 ]; do i=$((i+1)); done; echo $i"],
        "sha256sum": [BUSYBOX, "sha256sum", str(folder / "binary")],
        "gzip": [BUSYBOX, "gzip", "-c", str(folder / "text")],
        "awk": [BUSYBOX, "awk", "BEGIN { for (i = 0; i < 30000; i++) { s += i * 1.5; t = t substr(i \"\", 1, 1);"
                " if (length(t) > 100) t = \"\"; a[i % 100] += s } print s, t, a[7] }"],
        "sort": [BUSYBOX, "sort", str(folder / "lines")],
    }


def timed(command, env):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        sys.exit("%s: status %d: %s" % (" ".join(command), done.returncode, done.stderr.decode(errors="replace")))
    return after.ru_utime - before.ru_utime, done.stdout, done.stderr.decode(errors="replace")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runner", default=str(ROOT / "build/native/tests/bench/machine/guest_runner"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("workload", nargs="*")
    args = parser.parse_args()
    qemu = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")
    env = {"PATH": "/bin", "HOME": os.environ.get("HOME", "/")}
    print("%-10s %14s %9s %8s %8s %7s %7s" % ("workload", "instructions", "seconds", "M/s", "qemu s", "ratio", "wanted"))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_inputs(folder)
        our_start = min(timed([*args.runner.split(), BUSYBOX, "true"], env)[0] for _ in range(5))
        their_start = min(timed([qemu, BUSYBOX, "true"], env)[0] for _ in range(5)) if qemu else 0
        for workload, command in workloads(folder).items():
            if args.workload and workload not in args.workload:
                continue
            ours, theirs, count = [], [], 0
            for _ in range(args.runs):
                seconds, output, stats = timed([*args.runner.split(), "--stats", *command], env)
                count = int(re.search(r"(\d+) instructions", stats).group(1))
                ours.append(seconds - our_start)
                if qemu:
                    seconds, reference, _ = timed([qemu, *command], env)
                    theirs.append(seconds - their_start)
                    if output != reference:
                        sys.exit("%s: the outputs differ" % workload)
            best = min(ours)
            row = "%-10s %14d %9.3f %8.0f" % (workload, count, best, count / best / 1e6)
            if theirs:
                row += " %8.3f %7.2f %7.2f" % (min(theirs), min(theirs) / best, WANTED[workload])
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
