#!/usr/bin/env python3
"""The same seed and the same input log give the same events, byte for byte: on two runs, however the run is cut into
slices, after an undo, and in WebAssembly under node.

    tests/replay/run.py [--show-difference]

The last line is "N passed, N failed, N skipped".
"""
import argparse
import difflib
import hashlib
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NATIVE = ROOT / "build" / "native" / "tests" / "replay" / "replay_session"
WEB = ROOT / "build" / "web" / "tests" / "replay" / "replay_session.js"
BUSYBOX = shutil.which("busybox") or "/bin/busybox"
EVENTS_MIN = 10_000
SECONDS_MAX = 300


def session(command):
    try:
        run = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MAX)
    except subprocess.TimeoutExpired:
        return "did not end within %d s\n" % SECONDS_MAX
    return run.stdout + ("".join("[stderr] %s\n" % line for line in run.stderr.splitlines())) + ("" if run.returncode == 0 else "status %d\n" % run.returncode)


def first_difference(left, right):
    lines = difflib.unified_diff(left.splitlines(), right.splitlines(), "first run", "this run", lineterm="", n=3)
    return "\n".join("  " + line[:200] for _, line in zip(range(16), lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--native-only", action="store_true", help="leave out WebAssembly, where it is not built")
    args = parser.parse_args()
    passed, failed, skipped = 0, 0, 0
    first = session([NATIVE, BUSYBOX])
    events = first.count('"seq":')
    complete = events >= EVENTS_MIN and first.count("\n# ") == 11 and "later" in first and "\ncaught\n" in first
    print("%s   the session runs to its end and tells at least %d events: %d, sha256 %s" %
          ("ok  " if complete else "FAIL", EVENTS_MIN, events, hashlib.sha256(first.encode()).hexdigest()[:16]))
    if not complete:
        print("\n".join("  " + line[:200] for line in first.splitlines()[-30:]))
    passed, failed = passed + complete, failed + (not complete)
    others = [("a second run", [NATIVE, BUSYBOX]),
              ("in slices of 10,007 instructions", [NATIVE, BUSYBOX, "--slice", "10007"]),
              ("half of it undone by a snapshot and done again", [NATIVE, BUSYBOX, "--undo"])]
    if not args.native_only:
        others.append(("in WebAssembly under node", ["node", WEB, BUSYBOX]))
    for name, command in others:
        again = session(command)
        same = again == first
        print("%s   the same events: %s" % ("ok  " if same else "FAIL", name))
        if not same:
            print(first_difference(first, again))
        passed, failed = passed + same, failed + (not same)
    print("%d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
