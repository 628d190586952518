#!/usr/bin/env python3
"""Boots a small machine with a kernel of Debian's and a pure cgroup v2 tree, and runs tests/vm/guest.sh in it.

The host of the tests may have cgroup v1, v2 or both; here it is v2 for certain. qemu interprets (no KVM is needed), so
what runs inside is chosen to be short. The last line is "vm: N passed, N failed, N skipped".
"""
import argparse
import gzip
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
KERNEL = ROOT / "build" / "third_party" / "kernel"
MODULES = ["overlay", "veth", "bridge", "nf_tables", "nft_chain_nat", "nft_masq", "nft_fib_ipv4", "nft_ct", "nft_nat",
           "nft_fib", "loop"]
VERDICT = re.compile(r"^(ok|not ok|skip) (.*?)\r?$", re.M)
DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+ \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")
DONE = "guest is done"


def copy_with_libraries(program, tree, target):
    """The program at target, and the shared libraries that it needs, at their own paths."""
    place = tree / target.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(program, place)
    listed = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    for library in re.findall(r"(/\S+\.so\S*)", listed):
        place = tree / library.lstrip("/")
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(os.path.realpath(library), place)


def copy_modules(tree):
    """The modules and what they need, in the order in which they are loaded."""
    version = next((KERNEL / "lib" / "modules").iterdir()).name
    subprocess.run(["depmod", "-b", str(KERNEL), version], check=True)
    base = KERNEL / "lib" / "modules" / version
    needs = {}
    for line in (base / "modules.dep").read_text().splitlines():
        path, _, others = line.partition(":")
        needs[pathlib.PurePosixPath(path).name.split(".")[0].replace("-", "_")] = [path, *others.split()]
    order = []
    for name in MODULES:
        for path in reversed(needs.get(name, [])):
            if path not in order:
                order.append(path)
    place = tree / "modules"
    place.mkdir()
    for path in order:
        shutil.copy2(base / path, place / pathlib.PurePosixPath(path).name)
    (tree / "modules" / "order").write_text("".join(pathlib.PurePosixPath(p).name + "\n" for p in order))


def make_initramfs(tree, target):
    names = subprocess.run(["find", ".", "-print0"], cwd=tree, stdout=subprocess.PIPE, check=True).stdout
    archive = subprocess.run(["cpio", "--null", "-o", "-H", "newc", "--quiet"], cwd=tree, input=names,
                             stdout=subprocess.PIPE, check=True).stdout
    with gzip.open(target, "wb", compresslevel=1) as out:
        out.write(archive)


def make_guest(work, build):
    tree = work / "tree"
    for folder in ("bin", "proc", "sys", "dev", "tmp", "new", "tests", "etc", "root", "run", "var"):
        (tree / folder).mkdir(parents=True)
    shutil.copy2("/bin/busybox", tree / "bin" / "busybox")
    for applet in subprocess.run(["/bin/busybox", "--list"], stdout=subprocess.PIPE, text=True).stdout.split():
        if applet != "busybox":
            (tree / "bin" / applet).symlink_to("busybox")
    (tree / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (tree / "etc" / "group").write_text("root:x:0:\ndocker:x:999:\n")
    shutil.copy2(ROOT / "tests" / "vm" / "init.sh", tree / "init")
    (tree / "init").chmod(0o755)
    shutil.copy2(ROOT / "tests" / "vm" / "guest.sh", tree / "guest.sh")
    for program in sorted((build / "bin").glob("drydock*")):
        copy_with_libraries(program, tree, "/build/bin/" + program.name)
    for program in sorted((build / "tests" / "unit" / "native").rglob("test_native_*")):
        if program.is_file() and not program.suffix:
            copy_with_libraries(program, tree, "/build/" + str(program.relative_to(build)))
    copy_with_libraries(shutil.which("docker"), tree, "/bin/docker")
    copy_modules(tree)
    make_initramfs(tree, work / "initramfs.gz")


def boot(work, seconds):
    kernel = next((KERNEL / "boot").glob("vmlinuz-*"))
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048",
               "-nographic", "-no-reboot", "-nic", "none", "-kernel", str(kernel), "-initrd", str(work / "initramfs.gz"),
               "-append", "console=ttyS0 quiet panic=-1 cgroup_no_v1=all"]
    try:
        run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=seconds)
        return run.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as stopped:
        return (stopped.stdout or b"").decode(errors="replace") + "\nthe machine was stopped after %d s\n" % seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "native", help="the build to test")
    parser.add_argument("--seconds", type=int, default=420, help="at most so long")
    args = parser.parse_args()
    missing = [name for name in ("qemu-system-x86_64", "cpio", "depmod", "docker") if not shutil.which(name)]
    if missing or not KERNEL.is_dir():
        print("skip: no %s" % ", ".join(missing or ["kernel in " + str(KERNEL.relative_to(ROOT))]))
        print("vm: 0 passed, 0 failed, 1 skipped")
        return 0
    with tempfile.TemporaryDirectory(prefix="drydock-vm-") as folder:
        work = pathlib.Path(folder)
        make_guest(work, args.build.resolve())
        output = boot(work, args.seconds)
    print(output)
    passed = failed = skipped = 0
    for verdict, name in VERDICT.findall(output):
        passed += verdict == "ok"
        failed += verdict == "not ok"
        skipped += verdict == "skip"
    if DONE not in output:
        print("not ok: the guest did not come to its end")
        failed += 1
    print("vm: %d passed, %d failed, %d skipped" % (passed, failed, skipped))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
