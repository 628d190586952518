#!/usr/bin/env python3
"""No handler of the interpreter that goes on by a tail call may use WebAssembly's shadow stack: clang before 19 restores
the stack pointer only after return_call, that is never, so that a guest would eat up the stack.

    frames.py [OBJECT...]     default: the objects of core/machine/cpu in build/web

The last line is "N passed, N failed", a function that makes a tail call counting as one.
"""
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
OBJECTS = "build/web/core/machine/cpu/CMakeFiles/drydock_machine_cpu.dir/*.o"


def functions(disassembly):
    name, lines = None, []
    for line in disassembly.splitlines():
        found = re.match(r"^[0-9a-f]+ <(.+)>:", line)
        if found:
            if name:
                yield name, lines
            name, lines = found.group(1), []
        else:
            lines.append(line)
    if name:
        yield name, lines


def main():
    objdump = shutil.which("llvm-objdump") or shutil.which("llvm-objdump-14")
    if not objdump:
        print("skip: frames: no llvm-objdump\n0 passed, 0 failed, 1 skipped")
        return 0
    objects = sys.argv[1:] or sorted(map(str, ROOT.glob(OBJECTS)))
    passed = failed = 0
    for path in objects:
        done = subprocess.run([objdump, "-d", "-r", "--demangle", path], stdout=subprocess.PIPE, check=True)
        for name, lines in functions(done.stdout.decode(errors="replace")):
            if not any("return_call" in line for line in lines):
                continue
            if any("__stack_pointer" in line for line in lines):
                print("%s: %s makes a tail call with a frame" % (pathlib.Path(path).name, name))
                failed += 1
            else:
                passed += 1
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
