#!/usr/bin/env python3
"""Runs etcdctl_script.txt against two servers and compares what each command printed.

  etcdctl_driver.py                real etcd against quorate
  etcdctl_driver.py --self         real etcd against real etcd: proves that the mask suffices
  etcdctl_driver.py --quoratectl   real etcdctl against quoratectl, both on quorate, simple output

The transcripts are left in build/compat/transcripts/. Exits 1 when a command differs.
"""

import argparse
import difflib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from server import Server, free_ports  # noqa: E402

COMMAND_TIMEOUT_S = 20
# What quoratectl has in the first release, in its `simple` output.
QUORATECTL = [("get",), ("put",), ("del",), ("txn",), ("watch",), ("lease",), ("compaction",),
              ("endpoint", "status"), ("endpoint", "health"), ("endpoint", "hashkv"),
              ("alarm", "list"), ("alarm", "disarm"), ("defrag",)]
FLAGS_BEYOND_SIMPLE = ("-w", "--write-out", "--hex", "--stream", "-i", "--interactive")
# Refused by quoratectl with a text of its own until authentication is there; etcdctl asks the server.
FLAGS_REFUSED = ("--user", "--password")


class Step:
    def __init__(self, line_number, section, options, words):
        self.line_number = line_number
        self.section = section
        self.options = options
        self.words = words
        self.stdin = ""

    def title(self):
        return f"{self.line_number}: {shlex.join(self.words)}" if self.words else f"{self.line_number}: join"


def read_script(path):
    steps, section = [], ""
    with open(path, encoding="utf-8") as lines:
        for number, raw in enumerate(lines, 1):
            line = raw.rstrip("\n")
            if line.startswith("|"):
                steps[-1].stdin += line[1:].removeprefix(" ") + "\n"
            elif line.startswith("== "):
                section = line[3:].strip()
            elif line.strip() and not line.startswith("#"):
                options = {}
                if line.startswith("["):
                    inside, line = line[1:].split("]", 1)
                    options = dict(word.split("=", 1) for word in inside.split())
                steps.append(Step(number, section, options, shlex.split(line)))
    return steps


def read_varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def decode_message(data):
    """One level of a protobuf message as (field, value) pairs; values are ints or bytes."""
    fields, at = [], 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            value, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            value, at = data[at:at + size], at + size
        else:
            raise ValueError(f"wire type {tag & 7}")
        fields.append((tag >> 3, value))
    return fields


def show_protobuf(data):
    """A response as text, the raft term of its header masked; bytes that are none, in hex."""
    try:
        out = []
        for field, value in decode_message(data):
            if field == 1 and isinstance(value, bytes):
                header = [(f, "<term>" if f == 4 and v else v) for f, v in decode_message(value)]
                out.append(f"header {header}")
            else:
                out.append(f"{field}: {value!r}")
        return "\n".join(out) + "\n"
    except (ValueError, IndexError):
        return data.hex() + "\n"


# Only what differs between two runs of real etcd (`--self` shows that nothing more is needed),
# and the raft term and index, which count how a server is built. Zero is never masked.
MASKS = [
    (r'"ts":"[^"]*"', '"ts":"<time>"'),
    (r'etcd-endpoints://0x[0-9a-f]+/', 'etcd-endpoints://<pointer>/'),
    (r'took (?:= )?[0-9.]+(ns|µs|ms|s)', 'took = <took>'),
    (r'"took":"[0-9.]+(ns|µs|ms|s)"', '"took":"<took>"'),
    (r'"Took" : [0-9.]+(ns|µs|ms|s)', '"Took" : <took>'),
    (r"LocalAddr: '127.0.0.1:\d+'", "LocalAddr: '<local>'"),
    (r'remaining\([1-9]\d*s\)', 'remaining(<n>s)'),
    (r'"ttl":[1-9]\d*,"granted', '"ttl":<n>,"granted'),
    (r'"TTL" : [1-9]\d*\n"GrantedTTL"', '"TTL" : <n>\n"GrantedTTL"'),
    (r'"raft_term":("?)[1-9a-f][0-9a-f]*("?)', r'"raft_term":\1<term>\2'),
    (r'"RaftTerm" : [1-9a-f][0-9a-f]*', '"RaftTerm" : <term>'),
    (r'"(raftTerm|raftIndex|raftAppliedIndex|dbSize|dbSizeInUse)":[1-9]\d*', r'"\1":<n>'),
    (r'"(RaftIndex|RaftAppliedIndex|DBSize|DBSizeInUse)" : [1-9]\d*', r'"\1" : <n>'),
    (r'(/|[0-9a-f]{1,16}, 3\.7\.1, 3\.7\.0, )[0-9.]+ [kM]?B, [0-9.]+ [kM]?B, [0-9-]+%, ', r'\1<size>, <size>, <%>, '),
    (r'(true|false), (true|false), [1-9]\d*, [1-9]\d*, [1-9]\d*, ', r'\1, \2, <term>, <index>, <index>, '),
    (r'(m1|e1)/[0-9a-f]{8,16}\b', r'\1/<lease>'),
    # Leases have ids of their own in each run, and are hashed.
    (r'(?m)((?:http://)?<endpoint>, )[1-9]\d*(, [1-9]\d*)$', r'\1<hash>\2'),
    (r'("hash":)[1-9]\d*(,"compact_revision")', r'\1<hash>\2'),
]


def sort_attached_keys(text):
    """Real etcd lists the keys of a lease in no order."""
    text = re.sub(r"attached keys\(\[(.*)\]\)",
                  lambda m: f"attached keys([{' '.join(sorted(m.group(1).split()))}])", text)
    text = re.sub(r'"keys":\[([^]]*)\]',
                  lambda m: f'"keys":[{",".join(sorted(m.group(1).split(",")))}]', text)
    return re.sub(r'("GrantedTTL" : .*\n)((?:"Key" : .*\n)+)',
                  lambda m: m.group(1) + "".join(sorted(m.group(2).splitlines(True))), text)


def mask_table(text):
    """endpoint tables: numbers and their padding differ, the frame and the headers do not."""
    if "│" not in text:
        return text
    text = re.sub(r"─+", "─", text)
    lines = []
    for line in text.splitlines():
        if line.startswith("│") and re.search(r"│ +(http://)?<endpoint>", line):
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            cells = [re.sub(r"^([0-9.]+ [kM]B|[0-9-]+%|[1-9]\d*|[0-9.]+[µm]?s)$", "<n>", cell) for cell in cells]
            line = "│" + "│".join(cells) + "│"
        else:
            line = re.sub(r" +", " ", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


class Run:
    """The script on one server with one client."""

    def __init__(self, name, server, etcdctl, quoratectl=None):
        self.name = name
        self.server = server
        self.etcdctl = etcdctl
        self.quoratectl = quoratectl
        self.saved = {}
        self.background = {}

    def expand(self, word):
        word = word.replace("$EP", self.server.endpoint)
        for name, value in self.saved.items():
            word = re.sub(rf"\${name}\b", value, word)
        return word

    def mask(self, text):
        text = text.replace(self.server.endpoint, "<endpoint>")
        for name, value in self.saved.items():
            text = text.replace(value, f"<{name}>").replace(str(int(value, 16)), f"<{name}>")
        for pattern, replacement in MASKS:
            text = re.sub(pattern, replacement, text)
        return sort_attached_keys(mask_table(text))

    def argv(self, step):
        words = [self.expand(word) for word in step.words]
        program = self.quoratectl if self.quoratectl and for_quoratectl(step) else self.etcdctl
        given = any(word.startswith("--endpoints") for word in words)
        return [program] + ([] if given else [f"--endpoints={self.server.endpoint}"]) + words

    def start(self, step):
        env = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")}
        process = subprocess.Popen(self.argv(step), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=env, start_new_session=True)
        return Running(process, step)

    def execute(self, step):
        """The transcript of one step: masked stdout, stderr and how it ended."""
        if "sleep" in step.options:
            time.sleep(float(step.options["sleep"]))
        if "join" in step.options:
            return self.finish(self.background.pop(step.options["join"]))
        running = self.start(step)
        if "bg" in step.options:
            self.background[step.options["bg"]] = running
            return "(in the background)\n"
        return self.finish(running)

    def finish(self, running):
        out, err, ending = running.wait()
        step = running.step
        text = show_protobuf(out) if "protobuf" in step.words and not err else out.decode("utf-8", "backslashreplace")
        if "save" in step.options:
            found = re.search(r"\b[0-9a-f]{16}\b", text)
            number = re.search(r'"ID"(?::| : )(\d+)', text)
            value = found.group(0) if found else format(int(number.group(1)), "x") if number else None
            if value:
                self.saved[step.options["save"]] = value
        err_text = err.decode("utf-8", "backslashreplace")
        if self.quoratectl or self.name == "etcdctl":
            err_text = "".join(l for l in err_text.splitlines(True) if not l.startswith('{"level"'))
            err_text = err_text.replace("quoratectl", "etcdctl")
        return f"{self.mask(text)}--- stderr\n{self.mask(err_text)}--- {ending}\n"


class Running:
    """A started command; its output is read by threads so that it can be stopped after N lines."""

    def __init__(self, process, step):
        self.process = process
        self.step = step
        self.out, self.err = bytearray(), bytearray()
        self.enough = threading.Event()
        self.wanted = int(step.options.get("lines", 0))
        self.readers = [threading.Thread(target=self.read_out, daemon=True),
                        threading.Thread(target=self.read_err, daemon=True)]
        for reader in self.readers:
            reader.start()
        try:
            process.stdin.write(step.stdin.encode())
            process.stdin.flush()
            if not self.wanted:
                process.stdin.close()
        except BrokenPipeError:
            pass

    def read_out(self):
        while chunk := self.process.stdout.read1(65536):
            self.out += chunk
            if self.wanted and self.out.count(b"\n") >= self.wanted:
                self.enough.set()
        self.enough.set()

    def read_err(self):
        while chunk := self.process.stderr.read1(65536):
            self.err += chunk

    def wait(self):
        ending = None
        if self.wanted and self.enough.wait(COMMAND_TIMEOUT_S) and self.out.count(b"\n") >= self.wanted:
            ending = "stopped after its lines"
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(COMMAND_TIMEOUT_S if not self.wanted else 5)
        except subprocess.TimeoutExpired:
            ending = ending or "still running"
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for reader in self.readers:
            reader.join(5)
        return bytes(self.out), bytes(self.err), ending or f"exit {self.process.returncode}"


def for_quoratectl(step):
    words = [w for w in step.words if not w.startswith("--")]
    has = any(tuple(words[:len(c)]) == c for c in QUORATECTL) and words != ["lease"]  # its help names the program
    return has and not any(w.split("=")[0] in FLAGS_BEYOND_SIMPLE + FLAGS_REFUSED for w in step.words)


def wait_for_storage_version(run):
    """etcd settles its cluster and storage version some seconds after it became healthy."""
    for _ in range(100):
        argv = [run.etcdctl, f"--endpoints={run.server.endpoint}", "endpoint", "status", "-w", "json"]
        done = subprocess.run(argv, capture_output=True, check=False)
        if b'"storageVersion":"' in done.stdout:
            return
        time.sleep(0.1)


def transcript(run, steps, out_path):
    run.server.start()
    try:
        wait_for_storage_version(run)
        results = [run.execute(step) for step in steps]
    finally:
        run.server.stop()
    with open(out_path, "w", encoding="utf-8") as out:
        for step, result in zip(steps, results):
            out.write(f"$ {step.title()}\n{result}\n")
    return results


def compare(steps, left, right, names, only):
    passed = failed = 0
    for step, a, b in zip(steps, left, right):
        if "bg" in step.options or not only(step):
            continue
        if a == b:
            passed += 1
            continue
        failed += 1
        print(f"DIFFERS {step.section}: etcdctl_script.txt:{step.title()}")
        for line in list(difflib.unified_diff(a.splitlines(), b.splitlines(), *names, lineterm="", n=1))[:40]:
            print(f"    {line}")
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self", action="store_true", dest="itself", help="real etcd on both sides")
    parser.add_argument("--quoratectl", action="store_true", help="compare the two clients on quorate")
    parser.add_argument("--section", help="only this section (revisions shift: use with --self)")
    parser.add_argument("--script", default=os.path.join(HERE, "etcdctl_script.txt"))
    parser.add_argument("--etcd", default=os.path.join(ROOT, "build/compat/bin/etcd"))
    parser.add_argument("--etcdctl", default=os.path.join(ROOT, "build/compat/bin/etcdctl"))
    parser.add_argument("--quorate-server", default=os.path.join(ROOT, "build/release/bin/quorate"))
    parser.add_argument("--quoratectl-bin", default=os.path.join(ROOT, "build/release/bin/quoratectl"))
    args = parser.parse_args()

    steps = [s for s in read_script(args.script) if s.section != "later" or args.section == "later"]
    if args.section:
        steps = [s for s in steps if s.section == args.section]
    work = os.path.join(ROOT, "build/compat/transcripts")
    os.makedirs(work, exist_ok=True)
    client_port, peer_port = free_ports(2)

    def run(side, name, command, quoratectl=None):
        server = Server(command, os.path.join(work, f"{side}.data"), client_port, peer_port,
                        os.path.join(work, f"{name}.log"))
        return transcript(Run(name, server, args.etcdctl, quoratectl), steps, os.path.join(work, f"{name}.txt"))

    if args.quoratectl:
        names = ("etcdctl", "quoratectl")
        left = run("left", names[0], args.quorate_server)
        right = run("right", names[1], args.quorate_server, args.quoratectl_bin)
        only = for_quoratectl
    else:
        names = ("etcd", "etcd-again") if args.itself else ("etcd", "quorate")
        left = run("left", names[0], args.etcd)
        right = run("right", names[1], args.etcd if args.itself else args.quorate_server)
        only = lambda step: True  # noqa: E731
    passed, failed = compare(steps, left, right, names, only)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
