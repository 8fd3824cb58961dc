#!/usr/bin/env python3
"""Runs a program on a client of another language against real etcd and quorate, and compares what comes of it.

  programs_driver.py node|java [--self]     --self: real etcd against real etcd, to show that outcomes are determined

The client comes at a pinned version from its language's registry: node/package-lock.json, java/pom.xml with
java/deps.sha256. A program prints one line a check, `NAME: OUTCOME`; a line that is the same for both servers and does
not say FAILED has passed. Checks that are not made stand in LANGUAGE/left_out.txt, each with the reason.
"""

import argparse
import concurrent.futures
import glob
import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build/compat")
LIMIT_S = 180


def read_left_out(language):
    path = os.path.join(HERE, language, "left_out.txt")
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("  ", 1) for line in lines if not line.startswith("#"))


def fresh(work, *sources):
    """Whether `work` was made from other contents than these files have now; it is then made anew."""
    wanted = hashlib.sha256(b"".join(open(path, "rb").read() for path in sources)).hexdigest()
    stamp = os.path.join(work, "stamp")
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted:
        return None
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)

    def done():
        with open(stamp, "w", encoding="utf-8") as out:
            out.write(wanted)
    return done


def prepare_node(work):
    sources = [os.path.join(HERE, "node", name) for name in ("package.json", "package-lock.json")]
    done = fresh(work, *sources)
    if done:
        for path in sources:
            shutil.copy(path, work)
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=work, check=True)
        done()
    shutil.copy(os.path.join(HERE, "node/program.js"), work)
    return ["node", work + "/program.js"]


def digests(folder):
    for path in sorted(glob.glob(folder + "/*.jar")):
        with open(path, "rb") as jar:
            yield f"{hashlib.sha256(jar.read()).hexdigest()}  {os.path.basename(path)}\n"


def prepare_java(work):
    pinned = os.path.join(HERE, "java/deps.sha256")
    done = fresh(work, os.path.join(HERE, "java/pom.xml"), pinned)
    if done:
        subprocess.run(["mvn", "-q", "-B", "-C", "-f", os.path.join(HERE, "java/pom.xml"), "dependency:copy-dependencies",
                        f"-DoutputDirectory={work}/deps"], check=True)
        with open(pinned, encoding="utf-8") as lines:
            if list(digests(work + "/deps")) != list(lines):
                raise SystemExit("what came from the registry is not what java/deps.sha256 names")
        done()
    sources = sorted(glob.glob(os.path.join(HERE, "java/*.java")))
    subprocess.run(["javac", "-nowarn", "-cp", work + "/deps/*", "-d", work + "/classes", *sources], check=True)
    return ["java", "-XX:+UseSerialGC", "-Xmx512m", "-cp", f"{work}/classes:{work}/deps/*", "Program"]


LANGUAGES = {"node": (["node", "npm"], prepare_node), "java": (["java", "javac", "mvn"], prepare_java)}


def outcomes(side, server, work, argv, left_out):
    """The program's lines as (name, outcome) pairs."""
    folder = os.path.join(work, side)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    command = [sys.executable, HERE + "/with_server.py", "--server-cmd", server, "--work", folder, "--", *argv]
    with open(folder + "/program.log", "wb") as log:
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, timeout=LIMIT_S, check=False,
                                  env=dict(os.environ, LEFT_OUT="\n".join(left_out)))
            said = done.stdout
        except subprocess.TimeoutExpired as stopped:
            said = stopped.stdout or b""
    return [tuple(line.split(": ", 1)) for line in said.decode(errors="replace").splitlines() if ": " in line]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", choices=sorted(LANGUAGES))
    parser.add_argument("--self", action="store_true", dest="itself")
    args = parser.parse_args()
    tools, prepare = LANGUAGES[args.language]
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        print(f"not run: no {' and no '.join(missing)} here")
        print("0 passed, 0 failed")
        return 0

    work = os.path.join(BUILD, args.language)
    argv = prepare(work)
    left_out = read_left_out(args.language)
    for name, why in left_out.items():
        print(f"left out: {name}: {why}")
    etcd = os.path.join(BUILD, "bin/etcd")
    other = etcd if args.itself else os.path.join(ROOT, "build/release/bin/quorate")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda side: outcomes(*side, work, argv, left_out), [("etcd", etcd), ("ours", other)])
    passed = failed = 0
    if not theirs or theirs[-1][0] != "end":
        failed += 1
        print(f"the program did not come to its end on real etcd: {theirs[-1:]}; see {work}/etcd/program.log")
    ours = dict(ours)
    for name, outcome in theirs:
        if name == "end" and ours.get(name) == outcome:
            continue
        if ours.get(name) == outcome and not outcome.startswith("FAILED"):
            passed += 1
            continue
        failed += 1
        print(f"DIFFERS {name}\n  etcd: {outcome}\n  ours: {ours.get(name, 'not run')}")
    for name in set(ours) - {name for name, _ in theirs}:
        failed += 1
        print(f"DIFFERS {name}\n  etcd: not run\n  ours: {ours[name]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
