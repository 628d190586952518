#!/usr/bin/env python3
"""Builds and runs the suites, one line each, and adds up their counts.

The last line is always "N passed, N failed, N skipped". A suite that cannot be built, that crashes or that runs no test
counts as failed. Logs: build/test-logs/SUITE.log.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build" / "test-logs"

DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")
PLAIN = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
SKIPPED = re.compile(r"^\s*(?:skip|skipped|SKIP):? .*$", re.M)


class Counts:
    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return "%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped)


def run(command, log):
    """The command's exit status and what it printed; its output goes to the log as it comes."""
    log.write("$ %s\n" % " ".join(map(str, command)))
    log.flush()
    start = log.tell()
    status = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT).returncode
    with open(log.name, encoding="utf-8", errors="replace") as reader:
        reader.seek(start)
        return status, reader.read()


def counts_of(status, output):
    """What a test program says of itself; without counts, or ending badly without a failed test, it failed."""
    counts = Counts()
    found = DOCTEST.findall(output) or PLAIN.findall(output)[-1:]
    for passed, failed, skipped in found:
        counts.add(Counts(int(passed), int(failed), int(skipped or 0)))
    if counts.passed + counts.failed + counts.skipped == 0 or (status != 0 and counts.failed == 0):
        counts.failed += 1
    return counts


def test_programs(folder, suffix=""):
    tree = ROOT / "build" / folder / "tests" / "unit"
    return sorted(p for p in tree.rglob("test_*" + suffix) if p.is_file() and p.suffix == suffix)


def unit_suite(folder, launcher=(), suffix=""):
    def suite(log):
        total = Counts()
        status, _ = run(["scripts/build", folder], log)
        if status != 0:
            return Counts(failed=1)
        programs = test_programs(folder, suffix)
        if not programs:
            return Counts(failed=1)
        for program in programs:
            counts = counts_of(*run([*launcher, program, "--no-colors=true"], log))
            if counts.failed:
                print("  failed: %s" % program.relative_to(ROOT), flush=True)
            total.add(counts)
        return total

    return suite


def program_suite(*command):
    return lambda log: counts_of(*run(list(command), log))


SUITES = {
    "tidy": program_suite(sys.executable, "tests/tidy/tidy.py"),
    "native": unit_suite("native"),
    "isa": program_suite("build/native/tests/isa/isa_test"),
    "guest": program_suite(sys.executable, "tests/guest/run.py"),
    "applets": program_suite(sys.executable, "tests/applets/run.py"),
    "sanitize": unit_suite("sanitize"),
    "web": unit_suite("web", launcher=["node"], suffix=".js"),
    "replay": program_suite(sys.executable, "tests/replay/run.py"),
    "vm": program_suite(sys.executable, "tests/vm/run.py"),
    "e2e": program_suite(sys.executable, "tests/e2e/run.py", "--engine", "drydock"),
}


def show_trouble(path):
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    print("  last lines of %s:" % path.relative_to(ROOT))
    for line in lines[-60:]:
        print("  | " + line)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="*", help="only these")
    parser.add_argument("--list", action="store_true", help="list the suites")
    args = parser.parse_args()
    if args.list:
        print("\n".join(SUITES))
        return 0
    unknown = [name for name in args.suite if name not in SUITES]
    if unknown:
        parser.error("no such suite: %s" % ", ".join(unknown))

    LOGS.mkdir(parents=True, exist_ok=True)
    total = Counts()
    for name in args.suite or SUITES:
        path = LOGS / (name + ".log")
        print("%-9s ..." % name, flush=True)
        start = time.monotonic()
        with open(path, "w", encoding="utf-8") as log:
            counts = SUITES[name](log)
        print("%-9s %s (%.0f s)" % (name, counts, time.monotonic() - start), flush=True)
        if counts.failed:
            show_trouble(path)
        for reason in sorted(set(SKIPPED.findall(path.read_text(encoding="utf-8", errors="replace")))):
            print("  " + reason.strip())
        total.add(counts)
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
