#!/usr/bin/env python3
"""Drives a whole daemon with the stock docker client, beside the reference dockerd.

    tests/e2e/run.py [--engine drydock|drydock-sim|reference] [--only GLOB] [--jobs N] [-v]

A test is a function named test_* in cases/; its first docstring line is its name. Most
compare the engine under test with the reference in the same run; `--engine reference`
runs a second dockerd as the engine under test, which proves the tests themselves.
Root, docker.io, docker-registry, skopeo and busybox-static are needed. The last line is
`e2e: N passed, N failed, N skipped`; the exit status is 0 when nothing failed.
"""
import argparse
import concurrent.futures
import fnmatch
import importlib
import os
import pathlib
import shutil
import signal
import sys
import threading
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from support import fixtures, testing  # noqa: E402

REPOSITORY = HERE.parent.parent
NEEDED = ("docker", "dockerd", "docker-registry", "skopeo", "ip", "nsenter", "setsid")


class Test:
    def __init__(self, module, function, number):
        self.module, self.function = module, function
        self.prefix = "t%03d" % number
        self.name = "%s.%s" % (module, function.__name__[len("test_"):])
        self.title = (function.__doc__ or function.__name__).strip().splitlines()[0]
        self.long = getattr(function, "long", False)


def discover(patterns):
    tests = []
    for path in sorted((HERE / "cases").glob("[a-z]*.py")):
        module = importlib.import_module("cases." + path.stem)
        found = [value for key, value in vars(module).items() if key.startswith("test_")]
        found += list(getattr(module, "generated_tests", list)())
        for function in found:
            tests.append(Test(path.stem, function, len(tests)))
    chosen = [t for t in tests if not patterns
              or any(fnmatch.fnmatch(t.name, p) or fnmatch.fnmatch(t.module, p) for p in patterns)]
    # The longest first, so that no long one is left running alone at the end.
    return sorted(chosen, key=lambda t: not t.long)


def not_yet():
    """Tests that drydock is known not to pass yet, with the reason: not_yet.txt, "NAME: REASON" a line.

    They run all the same. One that fails is a skip with its reason; one that passes counts as passed.
    """
    lines = (pathlib.Path(__file__).resolve().parent / "not_yet.txt").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


class Report:
    def __init__(self, verbose, not_yet):
        self.verbose, self.lock = verbose, threading.Lock()
        self.passed, self.failed, self.skipped, self.times = 0, [], 0, []
        self.not_yet = not_yet

    def add(self, test, outcome, seconds, detail=""):
        with self.lock:
            self.times.append((seconds, test.name))
            if outcome == "ok":
                self.passed += 1
            elif outcome == "skip":
                self.skipped += 1
            else:
                self.failed.append(test.name)
            print("%-4s %-44s %s%s" % (outcome, test.name, test.title,
                                       " (%.1f s)" % seconds if self.verbose else ""))
            for line in detail.splitlines():
                print("     " + line)
            sys.stdout.flush()


def run_test(test, run, report, deadline):
    begun = time.monotonic()
    over = "the time for the whole suite is over (--deadline)" if begun > deadline else run.lost
    if over:
        report.add(test, "FAIL", 0, "not run: " + over)
        return
    lab = testing.Lab(run, test.prefix)
    outcome, detail = "ok", ""
    try:
        test.function(lab)
    except testing.Skip as reason:
        outcome, detail = "skip", "skipped: %s" % reason
    except AssertionError as error:
        outcome, detail = "FAIL", str(error) or traceback.format_exc()
    except Exception:  # a broken test is a failed test
        outcome, detail = "FAIL", traceback.format_exc()
    finally:
        try:
            lab.close()
        except Exception:
            outcome, detail = "FAIL", detail + "\nwhile cleaning up: " + traceback.format_exc()
    if outcome == "FAIL":
        detail += run.revive()
    if outcome == "FAIL" and test.name in report.not_yet:
        outcome, detail = "skip", "skipped: not yet: %s" % report.not_yet[test.name]
    report.add(test, outcome, time.monotonic() - begun, detail)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["drydock", "drydock-sim", "reference"], default="drydock")
    parser.add_argument("--drydockd", default=str(REPOSITORY / "build/native/bin/drydockd"), help="the daemon's binary")
    parser.add_argument("--dockerd", default=shutil.which("dockerd") or "/usr/sbin/dockerd", help="the reference")
    parser.add_argument("--docker", default="docker", help="the client (found on PATH)")
    parser.add_argument("--only", action="append", metavar="GLOB", help="tests whose module or name fits")
    parser.add_argument("--jobs", type=int, default=3, help="tests at a time (default 3)")
    parser.add_argument("--full", action="store_true", help="the reference takes the long tests at full size too")
    parser.add_argument("--stop-after", type=int, metavar="N", default=0, help="stop after N failures (0: never)")
    parser.add_argument("--deadline", type=float, metavar="SECONDS", default=900, help="tests not begun by then fail (default 900)")
    parser.add_argument("--list", action="store_true", help="print the tests, run nothing")
    parser.add_argument("-v", "--verbose", action="store_true", help="show times, and the slowest tests at the end")
    return parser.parse_args()


def missing(options):
    if os.geteuid() != 0:
        return "this needs root"
    absent = [tool for tool in NEEDED if not shutil.which(tool)]
    if absent:
        return "not installed: " + ", ".join(absent)
    if options.engine != "reference" and not os.access(options.drydockd, os.X_OK):
        return "no such daemon: %s (build it, or use --drydockd)" % options.drydockd
    return None


def main():
    options = arguments()
    tests = discover(options.only)
    if options.list:
        for test in tests:
            print("%-44s %s" % (test.name, test.title))
        return 0
    reason = missing(options)
    if reason or not tests:
        print("e2e: cannot run: %s" % (reason or "no test fits"))
        return 2
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(143))
    report = Report(options.verbose, not_yet() if options.engine != "reference" else {})
    begun = time.monotonic()
    with fixtures.Run(options) as run:
        print("engines ready after %.1f s, %d tests" % (time.monotonic() - begun, len(tests)))
        with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, options.jobs)) as pool:
            deadline = begun + options.deadline
            waiting = [pool.submit(run_test, test, run, report, deadline) for test in tests]
            try:
                for future in concurrent.futures.as_completed(waiting):
                    future.result()
                    if options.stop_after and len(report.failed) >= options.stop_after:
                        break
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
    if options.verbose:
        for seconds, name in sorted(report.times, reverse=True)[:15]:
            print("%6.1f s  %s" % (seconds, name))
    for name in sorted(report.failed):
        print("failed: " + name)
    print("took %.0f s" % (time.monotonic() - begun))
    print("e2e: %d passed, %d failed, %d skipped" % (report.passed, len(report.failed), report.skipped))
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
