#!/usr/bin/env python3
"""Runs the clientv3 tests of test/compat/go against one server and counts them.

  go_driver.py --server-cmd build/release/bin/quorate [--filter REGEXP]
"""

import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from server import Server, free_ports  # noqa: E402


LIMIT_S = 240


def run_tests(binary, endpoint, pattern):
    """Verdict and output of each test, by name; the package itself under the name ``."""
    listed = subprocess.run([binary, f"-test.list={pattern}"], capture_output=True, text=True, check=True)
    env = dict(os.environ, QUORATE_TEST_ENDPOINT=endpoint)
    argv = ["go", "tool", "test2json", "-t", binary, "-test.v=test2json", f"-test.timeout={LIMIT_S}s", f"-test.run={pattern}"]
    # A test that never ran, because an earlier one hung, has failed.
    verdicts, output = {name: "fail" for name in listed.stdout.split() if name.startswith("Test")}, {}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False,
                          cwd=os.path.join(HERE, "go/clientv3"))
    for line in done.stdout.splitlines():
        event = json.loads(line)
        name = event.get("Test", "")
        if event["Action"] == "output":
            output.setdefault(name, []).append(event["Output"])
        elif event["Action"] in ("pass", "fail", "skip"):
            verdicts[name] = event["Action"]
        elif event["Action"] == "run":
            verdicts[name] = "fail"
    return verdicts, output, done.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server-cmd", default=os.path.join(ROOT, "build/release/bin/quorate"))
    parser.add_argument("--filter", default=".")
    args = parser.parse_args()

    binary = os.path.join(ROOT, "build/compat/bin/clientv3.test")
    subprocess.run(["go", "test", "-c", "-o", binary, "./clientv3"], cwd=os.path.join(HERE, "go"), check=True)
    work = os.path.join(ROOT, "build/compat/clientv3")
    os.makedirs(work, exist_ok=True)
    client_port, peer_port = free_ports(2)
    server = Server(args.server_cmd, os.path.join(work, "data"), client_port, peer_port, os.path.join(work, "server.log"))
    server.start()
    try:
        verdicts, output, code = run_tests(binary, server.endpoint, args.filter)
    finally:
        server.stop()

    verdicts.pop("", None)
    leaves = {n: v for n, v in verdicts.items() if n and not any(o.startswith(n + "/") for o in verdicts)}
    passed = sum(v == "pass" for v in leaves.values())
    failed = len(leaves) - passed
    for name, verdict in leaves.items():
        if verdict != "pass":
            print(f"{verdict.upper()} {name}")
            sys.stdout.write("".join(output.get(name, [])))
    if code and not failed:
        failed = 1
        sys.stdout.write("".join(output.get("", [])))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
