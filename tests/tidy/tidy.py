#!/usr/bin/env python3
"""Checks what a compiler does not: which room includes which, what core may not touch, how long files and functions are.

Each finding is one line, FILE:LINE: what is wrong. The last line is "tidy: N passed, N failed", one check a count.
The checks are proved by tests/tidy/broken/, a small tree in which every line marked "// tidy: NAME" must be found by
the check NAME, and no other line by any.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# Which rooms a room may include, base and itself being understood. The arrows of the design: they only point down.
ROOMS = {
    "base": set(),
    "trace": set(),
    "archive": set(),
    "http": set(),
    "oci": {"archive"},
    "storage": {"oci", "archive", "trace"},
    "network": {"trace"},
    "runtime": {"oci", "storage", "trace"},
    "registry": {"http", "oci", "archive", "storage", "trace"},
    "build": {"oci", "archive"},
    "engine": {"runtime", "storage", "network", "registry", "build", "oci", "archive", "http", "trace"},
    "api": {"engine", "oci", "archive", "http", "trace", "runtime", "storage", "network", "registry"},
    "cli": {"http", "oci", "archive", "runtime"},
    "machine": {"trace"},
    "sim": {"machine", "storage", "runtime", "network", "http", "trace"},
    "lesson": {"trace", "http"},
    "playground": {"*"},
}
# native rooms: core rooms by name, other native rooms as native/NAME; machine and sim are out of reach.
NATIVE_ROOMS = {
    "kernel": {"runtime"},
    "hostfs": {"storage", "native/kernel"},
    "runtime": {"runtime", "trace", "native/kernel"},
    "network": {"network", "trace", "native/kernel"},
    "server": {"http", "native/kernel"},
    "bin": {"*"},
}

OS_HEADERS = re.compile(
    r"^(sys/|linux/|net/|netinet/|arpa/|asm/|unistd\.h|fcntl\.h|poll\.h|sched\.h|signal\.h|csignal|errno\.h|cerrno|"
    r"pthread\.h|pty\.h|termios\.h|dirent\.h|pwd\.h|grp\.h|spawn\.h|thread|mutex|atomic|condition_variable|future|"
    r"filesystem|iostream|fstream|cstdio|stdio\.h|ctime|time\.h|chrono|random|unordered_map|unordered_set|format|"
    r"expected|source_location|coroutine|ranges|memory_resource)")
# Includes that one file may have, with the reason.
OS_HEADER_EXCEPTIONS = {("core/base/assert.cpp", "cstdio"): "the last words of a failed assertion"}

BANNED_IN_CORE = {
    "backend": re.compile(r"#\s*(?:el)?if(?:def)?\b.*(__linux__|__EMSCRIPTEN__|EMSCRIPTEN|_WIN32|__APPLE__)"),
    "throw": re.compile(r"^\s*throw\b|\bthrow [A-Za-z_:]+[({]"),
    "global": re.compile(r"^(?:static )?(?!const|using|extern|return|class|struct|enum|template|typedef|namespace|inline)"
                         r"(?:std::)?(?:string|vector|map|int|bool|long|unsigned|size_t)(?:<[^;()]*>)? \w+(?: = [^;()]*)?;$"),
}
BANNED_NAMES = re.compile(r"^(utils?|common|misc|helpers?|internal|stuff)(_|\.|$)")

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
TABLE_MARK = "tidy: table"  # in the first lines of a file that is a table: its length is not counted


class Finding:
    def __init__(self, check, path, line, text):
        self.check, self.path, self.line, self.text = check, path, line, text

    def __str__(self):
        return "%s:%d: %s" % (self.path, self.line, self.text)


def room_of(path):
    """("core", "engine") of core/engine/x.cpp; None outside of rooms."""
    parts = pathlib.PurePosixPath(path).parts
    return (parts[0], parts[1]) if len(parts) >= 3 and parts[0] in ("core", "native") else None


def included_room(name):
    """The room an include names: "engine" for engine/x.h, "native/kernel" for native/kernel/x.h."""
    parts = name.split("/")
    if parts[0] == "native" and len(parts) > 2:
        return "native/" + parts[1]
    return parts[0] if len(parts) > 1 and parts[0] in ROOMS else None


def check_includes(path, lines):
    room = room_of(path)
    if room is None:
        return
    side, name = room
    table = ROOMS if side == "core" else NATIVE_ROOMS
    if name not in table:
        yield Finding("includes", path, 1, "no such room in the table of tests/tidy: %s/%s" % room)
        return
    own = name if side == "core" else "native/" + name
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not found:
            continue
        target = included_room(found.group(2))
        if target is None:
            if found.group(1) == '"' and "/" not in found.group(2):
                yield Finding("includes", path, number, "include %s by its room: \"%s/...\"" % (found.group(2), own))
            continue
        if target in ("base", own) or target in table[name]:
            continue
        if "*" in table[name]:
            continue
        yield Finding("includes", path, number, "%s must not include %s (%s)" % (own, target, found.group(2)))


def check_portable(path, lines):
    if not path.startswith("core/"):
        return
    # A file that only one platform builds says so by its name, and its room's CMakeLists.txt chooses.
    if path.endswith("_native.cpp"):
        return
    for number, line in enumerate(lines, 1):
        found = re.match(r"\s*#\s*include\s+<([^>]+)>", line)
        if found and OS_HEADERS.match(found.group(1)) and (path, found.group(1)) not in OS_HEADER_EXCEPTIONS:
            yield Finding("portable", path, number, "core must not include <%s>" % found.group(1))
        code = line.split("//")[0].rstrip()
        for what, pattern in BANNED_IN_CORE.items():
            if pattern.search(code):
                yield Finding("portable", path, number, "not in core: %s" % what)


def check_lengths(path, lines):
    if any(TABLE_MARK in line for line in lines[:10]):
        return
    if len(lines) > FILE_LINES_MAX:
        yield Finding("lengths", path, FILE_LINES_MAX + 1, "%d lines: over %d" % (len(lines), FILE_LINES_MAX))
    if not path.endswith(".cpp"):
        return
    start = None
    for number, line in enumerate(lines, 1):
        # clang-format puts a function's last brace into the column of its first line.
        if re.match(r"^[A-Za-z_].*\{$", line) and not re.match(r"^(namespace|struct|class|enum|union|extern)\b", line):
            start = number
        elif re.match(r"^ {4,}.*\) (?:const )?\{$", line) and start is None and number > 1:
            start = number
        elif line == "}" and start is not None:
            if number - start + 1 > FUNCTION_LINES_MAX and not path.startswith("tests/"):
                yield Finding("lengths", path, start, "function of %d lines: over %d" % (number - start + 1,
                                                                                         FUNCTION_LINES_MAX))
            start = None
        elif line == "};":  # of a class: a condition within its inline functions is no function's first line
            start = None


def check_names(path, lines):
    if BANNED_NAMES.match(pathlib.PurePosixPath(path).name):
        yield Finding("names", path, 1, "a file is named after its noun, not '%s'" % pathlib.PurePosixPath(path).stem)
    if path.endswith(".h") and not any(line == "#pragma once" for line in lines):
        yield Finding("names", path, 1, "no #pragma once")
    for number, line in enumerate(lines, 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", line) and "tests/tidy/tidy.py" not in path:
            if not re.search(r"\b(TODO|FIXME)\(#\d+\)", line):
                yield Finding("names", path, number, "a TODO needs the number of its issue: TODO(#12)")


CHECKS = {
    "includes": check_includes,
    "portable": check_portable,
    "lengths": check_lengths,
    "names": check_names,
}


def sources(root):
    """Tracked and new C++ files below core, native and tests, but for the tree that is broken on purpose."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                            stdout=subprocess.PIPE, check=True).stdout.decode().split("\0")
    for name in sorted(set(listed)):
        if name.endswith((".h", ".cpp")) and name.startswith(("core/", "native/", "tests/")):
            if not name.startswith("tests/tidy/broken/") and (root / name).is_file():
                yield name


def findings_in(root, names):
    for name in names:
        lines = (root / name).read_text(encoding="utf-8").splitlines()
        for check in CHECKS.values():
            yield from check(name, lines)


def self_test():
    """What is wrong with the checks themselves: marked lines that they miss, other lines that they find."""
    broken = ROOT / "tests" / "tidy" / "broken"
    names = sorted(str(p.relative_to(broken)) for p in broken.rglob("*") if p.suffix in (".h", ".cpp"))
    wanted = set()
    for name in names:
        for number, line in enumerate((broken / name).read_text(encoding="utf-8").splitlines(), 1):
            for mark in re.findall(r"// tidy: (\w+)$", line):
                wanted.add((mark, name, number))
    found = {(f.check, f.path, f.line) for f in findings_in(broken, names)}
    if not wanted:
        yield "tests/tidy/broken: nothing there"
    for check, name, number in sorted(wanted - found):
        yield "tests/tidy/broken/%s:%d: the check '%s' does not see this" % (name, number, check)
    for check, name, number in sorted(found - wanted):
        yield "tests/tidy/broken/%s:%d: the check '%s' is wrong about this" % (name, number, check)


def main():
    names = list(sources(ROOT))
    trouble = list(self_test())
    findings = list(findings_in(ROOT, names))
    failed = {f.check for f in findings}
    for line in trouble + [str(f) for f in findings]:
        print(line)
    if not names:
        trouble.append("no sources")
    passed = len([c for c in CHECKS if c not in failed]) + (0 if trouble else 1)
    print("tidy: %d passed, %d failed" % (passed, len(CHECKS) + 1 - passed))
    return 1 if findings or trouble else 0


if __name__ == "__main__":
    sys.exit(main())
