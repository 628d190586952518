#!/usr/bin/env python3
"""Runs every applet of BusyBox on this Linux and in the simulated machine, and compares stdout, stderr and exit status.

    tests/applets/run.py [WORD...]      all cases, or those whose applets or title contain one of the words
    tests/applets/run.py --show WORD    also prints what Linux printed
    tests/applets/run.py --table FILE   writes the verdict of each applet as a Markdown table

The cases are cases/*.txt (README.md says how they look). Both sides get the same root: one BusyBox binary, its links and
files/. Linux runs a case as root in new namespaces, and is the judge. Cases known to differ are in not_yet.txt with the
reason: skipped, and failed once they pass, so that the list stays true. An applet that no case names has failed.
"""
import argparse
import concurrent.futures
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = ROOT / "build" / "applets"
BUSYBOX = pathlib.Path("/bin/busybox")
LINUX_SECONDS, MACHINE_SECONDS = 60, 120
ENVIRONMENT = {"PATH": "/bin:/sbin:/usr/bin:/usr/sbin", "HOME": "/"}


class Case:
    def __init__(self, place, applets, title):
        self.place, self.applets, self.title = place, applets, title
        self.skip, self.masks, self.lines = None, [], []

    @property
    def name(self):
        return "%s: %s" % (", ".join(self.applets), self.title)


def read_cases(path):
    cases = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        place = "%s:%d" % (path.name, number)
        if line.startswith("== "):
            applets, found, title = line[3:].partition(": ")
            if not found:
                sys.exit("%s: expected == APPLET, APPLET: TITLE" % place)
            cases.append(Case(place, applets.split(", "), title.strip()))
        elif not cases:
            if line and not line.startswith("#"):
                sys.exit("%s: a line before the first case" % place)
        elif line.startswith("@skip "):
            cases[-1].skip = line[6:]
        elif line.startswith("@mask "):
            pattern, found, text = line[6:].rpartition(" => ")
            if not found:
                sys.exit("%s: expected @mask REGEX => TEXT" % place)
            cases[-1].masks.append((re.compile(pattern.encode(), re.M), text.encode()))
        else:
            cases[-1].lines.append(line)
    return cases


def applet_names():
    listed = subprocess.run([str(BUSYBOX), "--list"], capture_output=True, text=True, check=True)
    return listed.stdout.split()


def make_root(applets):
    """The root of both sides: /bin with BusyBox and a link for each applet, and what files/ has."""
    root = BUILD / "root"
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(HERE / "files", root, symlinks=True)
    for name in ("bin", "sbin", "usr/bin", "usr/sbin", "etc", "root", "var/tmp", "var/run", "var/log", "mnt"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(BUSYBOX, root / "bin" / "busybox")
    for applet in applets:
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    subprocess.run(["gcc", "-static", "-O1", "-Wall", "-o", str(root / "bin" / "on_a_terminal"),
                    str(HERE / "on_a_terminal.c")], check=True)
    for path in root.rglob("*"):
        if not path.is_symlink():
            program = path.parent.name == "bin" or path.is_dir() or os.access(path, os.X_OK)
            path.chmod(0o755 if program else 0o644)
    return root


def run(command, seconds):
    """(stdout, stderr, how it ended)"""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=ENVIRONMENT, start_new_session=True)
    try:
        out, err = process.communicate(timeout=seconds)
        return out, err, process.returncode
    except subprocess.TimeoutExpired:
        process.kill()  # unshare --kill-child takes the rest along
        out, err = process.communicate()
        return out, err, "no end"


def mask(case, text):
    for pattern, replacement in case.masks:
        text = pattern.sub(replacement, text)
    return text.decode("utf-8", errors="backslashreplace").splitlines()


class Verdict:
    def __init__(self, case, kind, lines=(), linux=()):
        self.case, self.kind, self.lines, self.linux = case, kind, list(lines), list(linux)


def judge(case, number, root, machine_run):
    if case.skip:
        return Verdict(case, "skip", [case.skip])
    script = BUILD / "scripts" / ("%d.sh" % number)
    script.write_text("\n".join(case.lines) + "\n")
    linux = run(["/usr/bin/unshare", "-mpiunC", "--fork", "--kill-child", "--propagation", "private", str(BUSYBOX), "sh",
                 str(HERE / "on_linux.sh"), str(root), str(BUILD / "mount"), str(script)], LINUX_SECONDS)
    out, err, ended = run([str(machine_run), "--root", str(root), "--put", "/case=%s" % script, "--no-input", "--adopts",
                           "--", str(BUSYBOX), "sh", "-c", "/bin/busybox sh /case; exit $?"], MACHINE_SECONDS)
    complaint = re.compile(rb"^machine_run: not modelled: .*\n", re.M)
    complaints = sorted(set(complaint.findall(err)) - {b"machine_run: not modelled: system call rseq\n"})
    machine = (out, complaint.sub(b"", err), ended)
    lines = []
    for what, expected, got in zip(("stdout", "stderr"), linux, machine):
        lines += difflib.unified_diff(mask(case, expected), mask(case, got), "linux's " + what, "the machine's " + what,
                                      lineterm="", n=1)
    if linux[2] != ended:
        lines.append("ended with %s on Linux, with %s in the machine" % (linux[2], ended))
    if linux[2] == "no end":
        lines.append("it does not end on Linux")
    if lines:
        lines += ["! " + line.decode(errors="backslashreplace").strip() for line in complaints]
    seen = mask(case, linux[0]) + ["2> " + line for line in mask(case, linux[1])] + ["status %s" % linux[2]]
    return Verdict(case, "FAIL" if lines else "ok", lines, seen)


def read_not_yet():
    known = {}
    for line in (HERE / "not_yet.txt").read_text().splitlines():
        name, found, reason = line.partition(" # ")
        if found and not line.startswith("#"):
            known[name.strip()] = reason.strip()
    return known


def settle(verdict, not_yet):
    """A known difference is skipped with its reason; one that is gone is a failure."""
    reason = not_yet.get(verdict.case.name)
    if reason is None:
        return
    if verdict.kind == "FAIL":
        verdict.kind, verdict.lines = "skip", ["not yet: " + reason]
    elif verdict.kind == "ok":
        verdict.kind, verdict.lines = "FAIL", ["it passes: take it out of not_yet.txt"]


def write_table(path, applets, verdicts):
    version = subprocess.run([str(BUSYBOX)], capture_output=True, text=True).stdout.split(" (")[0]
    rows, same, skipped = [], 0, 0
    for applet in applets:
        mine = [verdict for verdict in verdicts if applet in verdict.case.applets]
        passed = sum(verdict.kind == "ok" for verdict in mine)
        notes = [verdict.lines[0] for verdict in mine if verdict.kind == "skip"]
        failed = not mine or any(verdict.kind == "FAIL" for verdict in mine)
        judged = "differs" if failed else "same" if passed and not notes else "same in part" if passed else "skipped"
        same += judged == "same"
        skipped += judged == "skipped"
        rows.append("| `%s` | %s | %d | %s |" % (applet, judged, passed, "; ".join(dict.fromkeys(notes))))
    text = ["<!-- Written by tests/applets/run.py --table: do not edit. -->", "# BusyBox in the simulated machine", "",
            "Each applet of %s is run on Linux and in the machine; stdout, stderr and exit status must be equal." % version,
            "The cases are in [tests/applets](../tests/applets).", "",
            "%d applets: %d the same, %d the same in part, %d skipped, %d differ." % (
                len(applets), same, sum("| same in part |" in row for row in rows), skipped,
                sum("| differs |" in row for row in rows)), "",
            "| applet | verdict | cases that are the same | note |", "|---|---|---|---|", *rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(text) + "\n")


def find_machine_run(given):
    path = pathlib.Path(given) if given else ROOT / "build/native/tests/guest/machine_run"
    if not path.exists():
        sys.exit("run.py: no machine_run: build it first (scripts/build native)")
    return path


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only cases whose applets or title contain one of these")
    parser.add_argument("--show", action="store_true", help="print what Linux printed")
    parser.add_argument("--table", type=pathlib.Path, help="write the verdict of each applet there")
    parser.add_argument("--machine-run", help="the program that runs a binary in the machine")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 2),
                        help="at a time: most of them only wait")
    return parser.parse_args()


def report(verdict, show):
    print("%-4s %s" % (verdict.kind, verdict.case.name) + (": " + verdict.lines[0] if verdict.kind == "skip" else ""))
    if verdict.kind == "FAIL":
        print("    (%s)" % verdict.case.place)
        print("\n".join("    " + line for line in verdict.lines[:40]))
    if show:
        print("\n".join("    | " + line for line in verdict.linux))
    sys.stdout.flush()


def main():
    args = parse()
    cases = [case for path in sorted((HERE / "cases").glob("*.txt")) for case in read_cases(path)]
    if os.geteuid() != 0 or not BUSYBOX.exists():
        print("skip: the applets need root and a static BusyBox at %s" % BUSYBOX)
        print("0 passed, 0 failed, %d skipped" % len(cases))
        return 0
    applets = applet_names()
    not_yet = read_not_yet()
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    named = {applet for case in cases for applet in case.applets}
    complaints = ["no case names the applet %s" % applet for applet in applets if applet not in named]
    complaints += ["there is no applet %s" % applet for applet in sorted(named - set(applets))]
    complaints += ["not_yet.txt: no such case: %s" % name for name in not_yet if name not in {c.name for c in cases}]
    for complaint in complaints:
        print("FAIL %s" % complaint)
        counts["FAIL"] += 1

    machine_run = find_machine_run(args.machine_run)
    (BUILD / "scripts").mkdir(parents=True, exist_ok=True)
    (BUILD / "mount").mkdir(exist_ok=True)
    root = make_root(applets)
    wanted = [case for case in cases if not args.words or any(word in case.name for word in args.words)]
    verdicts = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        first = list(pool.map(lambda at: judge(at[1], at[0], root, machine_run), enumerate(wanted)))
        for number, verdict in enumerate(first):
            # What a terminal or a clock shows on Linux depends on how busy the machine is: once more, alone.
            if verdict.kind == "FAIL" and verdict.case.name not in not_yet:
                print("again %s: %s" % (verdict.case.name, verdict.lines[-1].strip()[:120] if verdict.lines else ""), flush=True)
                verdict = judge(wanted[number], number, root, machine_run)
            settle(verdict, not_yet)
            counts[verdict.kind] += 1
            verdicts.append(verdict)
            report(verdict, args.show)
    if args.table:
        write_table(args.table, applets, verdicts)
    print("%d passed, %d failed, %d skipped" % (counts["ok"], counts["FAIL"], counts["skip"]))
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
