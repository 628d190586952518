#!/usr/bin/env python3
"""Runs a corpus of recorded shell cases, kept beside this repository, against a fresh engine.

    tests/e2e/fidelity.py [--engine drydock|reference] [--corpus FOLDER] [-- ARGUMENTS OF ITS run.py]

The corpus is a folder with run.py, fixture.sh and cases/. It is run in the engine's own
network namespace, with an empty registry beside it. The last line is the corpus's own.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.engine import EngineSet  # noqa: E402
from support.registry import Registry  # noqa: E402

REPOSITORY = HERE.parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=["drydock", "reference"], default="drydock")
    parser.add_argument("--drydockd", default=str(REPOSITORY / "build/native/bin/drydockd"))
    parser.add_argument("--dockerd", default=shutil.which("dockerd") or "/usr/sbin/dockerd")
    parser.add_argument("--docker", default="docker")
    parser.add_argument("--corpus", type=pathlib.Path, default=REPOSITORY.parent / "shared" / "fidelity")
    parser.add_argument("arguments", nargs="*", help="for the corpus's own run.py")
    options = parser.parse_args()
    if not (options.corpus / "run.py").exists():
        print("fidelity: no corpus at %s" % options.corpus)
        return 2
    engines = EngineSet(options.docker, {"reference": options.dockerd, "drydock": options.drydockd})
    try:
        engine = engines.make(options.engine, "fid").start()
        registry = Registry(engine, 5000)
        inside = ["nsenter", "--net=" + engine.netns]
        env = dict(os.environ, DOCKER_HOST=engine.host, REGISTRY=registry.address, DOCKER=options.docker)
        fixture = subprocess.run(inside + [str(options.corpus / "fixture.sh")], env=env)
        if fixture.returncode != 0:
            print("fidelity: the engine does not take the fixture")
            return 2
        sys.stdout.flush()
        return subprocess.run(inside + [sys.executable, str(options.corpus / "run.py"), *options.arguments], env=env).returncode
    finally:
        engines.close()


if __name__ == "__main__":
    sys.exit(main())
