#!/usr/bin/env python3
"""Runs the tests that Python's etcd3 ships in its source package, and counts them.

  python_driver.py [--self]    quorate, or real etcd

All of them have to pass but those of python/left_out.txt. They want a member at the default port and an etcdctl on
the PATH. They wait much, so three groups run beside each other where each can have a network of its own.
"""

import argparse
import concurrent.futures
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree

import apart

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, "build/compat")
WORK = os.path.join(BUILD, "python")
LIMIT_S = 240
GROUPS = ["watch", "lock|lease", "."]  # a test is of the first that its name matches


def not_run(why):
    print(f"not run: {why}")
    print("0 passed, 0 failed")
    return 0


def prepare():
    """Installs what requirements.txt names, and unpacks the source package; its folder, or None without venv."""
    parts = [os.path.join(HERE, "python", name) for name in ("requirements.txt", "sdist.txt")]
    wanted = hashlib.sha256(b"".join(open(part, "rb").read() for part in parts)).hexdigest()
    stamp = os.path.join(WORK, "stamp")
    if not os.path.exists(stamp) or open(stamp, encoding="utf-8").read() != wanted:
        shutil.rmtree(WORK, ignore_errors=True)
        os.makedirs(WORK)
        if subprocess.run([sys.executable, "-m", "venv", WORK + "/venv"], stdout=subprocess.DEVNULL, check=False).returncode:
            return None
        pip = [WORK + "/venv/bin/python", "-m", "pip", "--disable-pip-version-check", "-q"]
        subprocess.run([*pip, "install", "--require-hashes", "--only-binary", ":all:", "-r", parts[0]], check=True)
        subprocess.run([*pip, "download", "--require-hashes", "--no-deps", "--no-binary", ":all:", "-d", WORK + "/sdist",
                        "-r", parts[1]], check=True)
        with tarfile.open(glob.glob(WORK + "/sdist/*.tar.gz")[0]) as package:
            package.extractall(WORK)
        with open(stamp, "w", encoding="utf-8") as out:
            out.write(wanted)
    return next(path for path in glob.glob(WORK + "/etcd3-*") if os.path.isdir(path))


def read_left_out():
    with open(os.path.join(HERE, "python/left_out.txt"), encoding="utf-8") as lines:
        return dict(line.rstrip("\n").split("  ", 1) for line in lines if not line.startswith("#"))


def list_tests(source):
    done = subprocess.run([WORK + "/venv/bin/python", "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider",
                           "tests/test_etcd3.py"], cwd=source, capture_output=True, text=True, check=True)
    return [line.split("::", 1)[1] for line in done.stdout.splitlines() if "::" in line]


class Group:
    def __init__(self, source, etcd, number, names):
        self.source, self.etcd, self.names = source, etcd, names
        self.work = f"{WORK}/group-{number}"

    def run(self, before):
        """Verdict and output of each test."""
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)
        report = self.work + "/report.xml"
        argv = [*before, sys.executable, HERE + "/with_server.py", "--server-cmd", self.etcd, "--work", self.work,
                "--port", "2379", "--name", "pifpaf0", "--", WORK + "/venv/bin/python", "-m", "pytest", "-q",
                "-p", "no:cacheprovider", "-p", "fewer_examples", "-W", "ignore", f"--junitxml={report}",
                *(f"tests/test_etcd3.py::{name}" for name in self.names)]
        env = dict(os.environ, PATH=BUILD + "/bin:" + os.environ["PATH"], TEST_ETCD_VERSION="v3.7.1",
                   PYTHONPATH=HERE + "/python", PYTHONDONTWRITEBYTECODE="1", HYPOTHESIS_STORAGE_DIRECTORY=self.work + "/hypothesis")
        try:
            done = subprocess.run(argv, cwd=self.source, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", timeout=LIMIT_S, check=False)
            log = done.stdout
        except subprocess.TimeoutExpired as stopped:
            log = (stopped.stdout or b"").decode(errors="replace") + f"\nstopped after {LIMIT_S} s"
        verdicts = {name: ("not run", log) for name in self.names}
        if os.path.exists(report):
            for case in xml.etree.ElementTree.parse(report).iter("testcase"):
                name = case.get("classname").split(".")[-1] + "::" + case.get("name")
                bad = [child for child in case if child.tag in ("failure", "error", "skipped")]
                verdicts[name] = (bad[0].tag, bad[0].text or bad[0].get("message")) if bad else ("pass", "")
        return verdicts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self", action="store_true", dest="itself")
    args = parser.parse_args()
    source = prepare()
    if source is None:
        return not_run("this Python has no venv")
    etcd = os.path.join(BUILD, "bin/etcd") if args.itself else os.path.join(ROOT, "build/release/bin/quorate")
    left_out, names = read_left_out(), list_tests(source)
    unknown = sorted(set(left_out) - set(names))
    for name in names:
        if name in left_out:
            print(f"left out: {name}: {left_out[name]}")
    groups = [[] for _ in GROUPS]
    for name in names:
        if name not in left_out:
            groups[next(i for i, pattern in enumerate(GROUPS) if re.search(pattern, name))].append(name)

    before = apart.prefix()
    passed, failed = 0, len(unknown)
    for name in unknown:
        print(f"there is no test {name} to leave out")
    with concurrent.futures.ThreadPoolExecutor(len(GROUPS) if before else 1) as pool:
        runs = [Group(source, etcd, number, group) for number, group in enumerate(groups)]
        for verdicts in pool.map(lambda run: run.run(before), runs):
            for name, (verdict, said) in verdicts.items():
                passed += verdict == "pass"
                failed += verdict != "pass"
                if verdict != "pass":
                    print(f"{verdict.upper()} {name}\n{said}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
