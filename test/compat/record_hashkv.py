#!/usr/bin/env python3
"""Records what a real etcd answers to Maintenance.HashKV, for src/mvcc/hash_walk_test.cc.

  record_hashkv.py [--seed N] [--requests N] >test/transcripts/hashkv.txt

One request a line; bytes in hex, `-` for none; a transaction's operations are parted by `;`:
  grant ID / put KEY VALUE LEASE / delete KEY END / txn OP; OP.. / compact REVISION
  hash REVISION = HASH COMPACT_REVISION HASH_REVISION, or: hash REVISION ! the error's text
"""

import argparse
import base64
import json
import os
import random
import sys
import tempfile
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from server import Server, free_ports  # noqa: E402


def text(data):
    return base64.b64encode(data).decode()


def shown(data):
    return data.hex() or "-"


class Recorder:
    def __init__(self, server, seed):
        self.server = server
        self.random = random.Random(seed)
        self.revision, self.compacted, self.compactions = 1, -1, []

    def call(self, path, body):
        request = urllib.request.Request(f"{self.server.url}/v3/{path}", json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            return None, json.load(error)["message"]
        if "header" in answer:
            self.revision = int(answer["header"]["revision"])
        return answer, None

    def must(self, path, body):
        answer, error = self.call(path, body)
        assert error is None, (path, body, error)
        return answer

    def key(self):
        return b"/k/%d" % self.random.randrange(25) if self.random.random() < 0.9 else bytes(
            [self.random.randrange(256) for _ in range(self.random.randrange(1, 4))])

    def end(self):
        return self.random.choice([b"", b"", b"", b"", self.key(), b"\0"])

    def operation(self, keys):
        """One operation and its line; a key in `keys` is not used again."""
        key = self.key()
        if self.random.random() < 0.25 and key not in keys:
            keys.add(key)
            return {"request_delete_range": {"key": text(key)}}, f"delete {shown(key)} -"
        while key in keys:
            key = self.key()
        keys.add(key)
        value = self.random.randbytes(self.random.choice([0, 1, 5, 130, 300]))
        lease = self.random.choice([0, 0, 0, 7, 1 << 40])
        put = {"key": text(key), "value": text(value), "lease": lease}
        return {"request_put": put}, f"put {shown(key)} {shown(value)} {lease}"

    def change(self):
        draw = self.random.random()
        if draw < 0.08:
            key, end = self.key(), self.end()
            self.must("kv/deleterange", {"key": text(key), "range_end": text(end)})
            return f"delete {shown(key)} {shown(end)}"
        keys = set()
        if draw < 0.3:
            operations = [self.operation(keys) for _ in range(self.random.randrange(1, 6))]
            self.must("kv/txn", {"success": [operation for operation, _ in operations]})
            return "txn " + "; ".join(line for _, line in operations)
        operation, line = self.operation(keys)
        if "request_put" in operation:
            self.must("kv/put", operation["request_put"])
        else:
            self.must("kv/deleterange", operation["request_delete_range"])
        return line

    def hash(self, revision):
        answer, error = self.call("maintenance/hashkv", {"revision": revision})
        if error:
            return f"hash {revision} ! {error}"
        return (f"hash {revision} = {answer.get('hash', 0)} {answer.get('compact_revision', 0)} "
                f"{answer.get('hash_revision', 0)}")

    def lines(self, requests):
        for lease in (7, 1 << 40):
            self.must("lease/grant", {"ID": lease, "TTL": 100000})
            yield f"grant {lease}"
        yield self.hash(0)
        for _ in range(requests):
            yield self.change()
            if self.random.random() < 0.05 and self.compacted < self.revision:
                at = self.random.choice([self.revision, self.random.randrange(max(self.compacted + 1, 1), self.revision + 1)])
                for revision in (at, self.revision):
                    yield self.hash(revision)
                self.must("kv/compaction", {"revision": at, "physical": True})
                self.compacted = at
                self.compactions.append(at)
                yield f"compact {at}"
                for revision in {at - 1, at, at + 1, self.revision, self.revision + 1, *self.compactions[-12:]}:
                    yield self.hash(revision)
            if self.random.random() < 0.2:
                yield self.hash(self.random.choice([0, self.revision, self.random.randrange(1, self.revision + 2)]))
        # Nothing is left, so that nothing is kept.
        self.must("kv/deleterange", {"key": text(b"\0"), "range_end": text(b"\0")})
        yield "delete 00 00"
        for revision in range(self.revision - 3, self.revision + 1):
            yield self.hash(revision)
        self.must("kv/compaction", {"revision": self.revision, "physical": True})
        yield f"compact {self.revision}"
        yield self.hash(self.revision)
        self.must("kv/put", {"key": text(b"a")})
        yield "put 61 - 0"
        for revision in (self.revision - 1, self.revision):
            yield self.hash(revision)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server-cmd", default=os.path.join(ROOT, "build/compat/bin/etcd"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=400)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        client, peer = free_ports(2)
        server = Server(args.server_cmd, os.path.join(folder, "data"), client, peer, os.path.join(folder, "log"))
        server.start()
        try:
            for line in Recorder(server, args.seed).lines(args.requests):
                print(line)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
