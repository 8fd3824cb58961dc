#!/usr/bin/env python3
"""Runs etcd's own suite tests/common against one binary and counts its tests.

  suites_driver.py                  quorate as etcd, with the real etcdctl
  suites_driver.py --self           real etcd: shows that the list is right
  suites_driver.py --discover       tries every leaf for one member without TLS, and prints what came of it; a test
                                    that has no such leaf passes there and belongs into no list
  suites_driver.py --filter REGEXP  only leaves whose name matches

The suite comes as a Go module that suites/go.mod pins. suites/common.txt lists the leaves that have to pass; it only
grows. A leaf of the list that is not run, is skipped or fails is a failure. Each top-level test has a process of its
own, since a leak after a failure makes all later tests skip themselves, and where the system allows it a network
namespace of its own, since the suite's ports are fixed.
"""

import argparse
import concurrent.futures
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
LIST = os.path.join(HERE, "suites/common.txt")
SUITE = "go.etcd.io/etcd/tests/v3"
LIMIT_S = 120
AT_ONCE = 2
# Three members, authentication and clients of other kinds are not for --discover.
OUTSIDE = re.compile(r"^Test(Auth|Member|User|Role|RootRole)|With(Root|User|Invalid)Auth$")


def go(*words, **options):
    return subprocess.run(["go", *words], cwd=os.path.join(HERE, "suites"), check=True, text=True, **options)


def prepare(etcd):
    """Builds the suite and the folder of programs that it is given; what it takes to run it."""
    binary = os.path.join(BUILD, "bin/common.test")
    go("test", "-c", "-tags", "e2e", "-o", binary, SUITE + "/common")
    folder = os.path.join(BUILD, "suites")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder + "/bin")
    os.symlink(etcd, folder + "/bin/etcd")
    os.symlink(os.path.join(BUILD, "bin/etcdctl"), folder + "/bin/etcdctl")
    # By its path, since inside the module's own folder go would look at that module's requirements.
    converter = go("tool", "-n", "test2json", capture_output=True).stdout.strip()
    module = go("list", "-m", "-f", "{{.Dir}}", SUITE, capture_output=True).stdout.strip()
    return binary, converter, module + "/common", folder


class Suite:
    def __init__(self, etcd):
        self.binary, self.converter, self.cwd, folder = prepare(etcd)
        self.argv = [self.binary, f"--bin-dir={folder}/bin"]
        self.apart = apart.prefix()

    def names(self):
        listed = subprocess.run([self.binary, "-test.list=."], cwd=self.cwd, capture_output=True, text=True, check=True)
        return [name for name in listed.stdout.split() if name.startswith("Test")]

    def run(self, pattern):
        """Verdict and output of each test that matches, by name."""
        argv = [*self.apart, self.converter, "-t", *self.argv, "-test.v=test2json",
                f"-test.timeout={LIMIT_S}s", f"-test.run={pattern}"]
        done = subprocess.run(argv, cwd=self.cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", check=False)
        verdicts, output = {}, {}
        for line in done.stdout.splitlines():
            if not line.startswith("{"):
                output.setdefault("", []).append(line + "\n")
                continue
            event = json.loads(line)
            name = event.get("Test", "")
            if event["Action"] == "output":
                output.setdefault(name, []).append(event["Output"])
            elif event["Action"] in ("pass", "fail", "skip"):
                verdicts[name] = event["Action"]
            elif event["Action"] == "run":
                verdicts[name] = "fail"
        return verdicts, output

    def run_all(self, patterns):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE if self.apart else 1) as pool:
            return list(pool.map(self.run, patterns))


def leaves(verdicts):
    return [name for name in verdicts if name and not any(other.startswith(name + "/") for other in verdicts)]


def pattern_of(group):
    return "/".join(f"^{re.escape(part)}$" for part in group)


def read_list(filter_pattern):
    with open(LIST, encoding="utf-8") as lines:
        names = [line.rstrip("\n") for line in lines if line.strip() and not line.startswith("#")]
    return [name for name in names if re.search(filter_pattern, name)]


def discover(suite, filter_pattern):
    names = [n for n in suite.names() if not OUTSIDE.search(n) and re.search(filter_pattern, n)]
    for name, (verdicts, output) in zip(names, suite.run_all(pattern_of((n, "NoTLS")) for n in names)):
        for leaf in leaves(verdicts):
            print(verdicts[leaf].upper(), leaf)
            if verdicts[leaf] == "fail":
                sys.stderr.write("".join(output.get(leaf, [])))
    return 0


def check(suite, filter_pattern):
    wanted = read_list(filter_pattern)
    # A test's leaves of one kind of cluster share a process.
    groups = list(dict.fromkeys(tuple(name.split("/")[:2]) for name in wanted))
    passed = failed = 0
    for group, (verdicts, output) in zip(groups, suite.run_all(map(pattern_of, groups))):
        for leaf in (name for name in wanted if tuple(name.split("/")[:2]) == group):
            verdict = verdicts.get(leaf, "not run")
            if verdict == "pass":
                passed += 1
                continue
            failed += 1
            print(f"{verdict.upper()} {leaf}")
            sys.stdout.write("".join(output.get(leaf, output.get("", []))[-200:]))
        for leaf in leaves(verdicts):
            if verdicts[leaf] == "pass" and leaf not in wanted and filter_pattern == ".":
                print(f"passes and is not in the list: {leaf}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self", action="store_true", dest="itself")
    parser.add_argument("--discover", action="store_true")
    parser.add_argument("--filter", default=".")
    args = parser.parse_args()
    etcd = os.path.join(BUILD, "bin/etcd") if args.itself else os.path.join(ROOT, "build/release/bin/quorate")
    suite = Suite(etcd)
    return (discover if args.discover else check)(suite, args.filter)


if __name__ == "__main__":
    sys.exit(main())
