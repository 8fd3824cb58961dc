#!/usr/bin/env python3
"""Runs the tests that Rust's crate etcd-client ships, and counts them.

  rust_driver.py [--self]    quorate, or real etcd

All of them have to pass but those of rust/left_out.txt, the ignored ones too. They want a member at the default port.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys

import apart

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build/compat")
WORK = os.path.join(BUILD, "rust")
TOOLS = ["cargo", "rustc", "protoc"]
TARGETS = ["client", "namespace"]
LIMIT_S = 120


def unpack():
    """Brings the crate from the registry and copies its source; its folder."""
    with open(os.path.join(HERE, "rust/crate.sha256"), encoding="utf-8") as pinned:
        wanted, name = pinned.read().split()
    fetch = WORK + "/fetch"
    os.makedirs(fetch, exist_ok=True)
    shutil.copy(os.path.join(HERE, "rust/Cargo.toml"), fetch)
    open(fetch + "/nothing.rs", "w", encoding="utf-8").close()
    told = subprocess.run(["cargo", "metadata", "-q", "--format-version", "1"], cwd=fetch, check=True, capture_output=True,
                          text=True).stdout
    crate = name.removesuffix(".crate")
    manifest = next(package["manifest_path"] for package in json.loads(told)["packages"]
                    if f"{package['name']}-{package['version']}" == crate)
    source = os.path.dirname(manifest)
    registry = os.path.dirname(source).replace("/registry/src/", "/registry/cache/")
    seen = subprocess.run(["sha256sum", os.path.join(registry, name)], check=True, capture_output=True, text=True).stdout
    if seen.split()[0] != wanted:
        raise SystemExit("what came from the registry is not what rust/crate.sha256 names")
    copy = os.path.join(WORK, crate)
    if not os.path.exists(copy):
        shutil.copytree(source, copy)
    return copy


def build(source):
    """The test programs by the names of their targets."""
    argv = ["cargo", "test", "-q", "--locked", "--no-run", "--message-format=json", "--target-dir", WORK + "/target"]
    for target in TARGETS:
        argv += ["--test", target]
    # A crate that is built outside any workspace of ours, without debug information.
    env = dict(os.environ, CARGO_PROFILE_DEV_DEBUG="0", CARGO_PROFILE_TEST_DEBUG="0")
    told = subprocess.run(argv, cwd=source, env=env, check=True, stdout=subprocess.PIPE, text=True).stdout
    events = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    return {e["target"]["name"]: e["executable"] for e in events if e.get("executable")}


def run(program, names, etcd, before, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    argv = [*before, sys.executable, HERE + "/with_server.py", "--server-cmd", etcd, "--work", folder, "--port", "2379",
            "--", program, "--include-ignored", "--exact", *names]
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=LIMIT_S, check=False)
        said = done.stdout
    except subprocess.TimeoutExpired as stopped:
        said = (stopped.stdout or b"").decode(errors="replace") + f"\nstopped after {LIMIT_S} s"
    return {name for name in names if re.search(rf"^test {name} \.\.\. ok$", said, re.MULTILINE)}, said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self", action="store_true", dest="itself")
    args = parser.parse_args()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print(f"not run: no {' and no '.join(missing)} here")
        print("0 passed, 0 failed")
        return 0
    etcd = os.path.join(BUILD, "bin/etcd") if args.itself else os.path.join(ROOT, "build/release/bin/quorate")
    with open(os.path.join(HERE, "rust/left_out.txt"), encoding="utf-8") as lines:
        left_out = dict(line.rstrip("\n").split("  ", 1) for line in lines if not line.startswith("#"))
    for name, why in left_out.items():
        print(f"left out: {name}: {why}")

    programs, before, known = build(unpack()), apart.prefix(), set()
    passed = failed = 0
    for target in TARGETS:
        listed = subprocess.run([programs[target], "--list"], check=True, capture_output=True, text=True).stdout
        names = re.findall(r"^(\w+): test$", listed, re.MULTILINE)
        known.update(names)
        names = [name for name in names if name not in left_out]
        good, said = run(programs[target], names, etcd, before, f"{WORK}/{target}")
        passed += len(good)
        failed += len(names) - len(good)
        if len(good) < len(names):
            print(f"FAILED {', '.join(name for name in names if name not in good)}\n{said}")
    for name in sorted(set(left_out) - known):
        failed += 1
        print(f"there is no test {name} to leave out")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
