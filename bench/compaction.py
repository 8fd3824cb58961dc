"""What puts feel while a million revisions are compacted: a row of bench/run."""

import json
import os
import statistics
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
GENERATOR = os.path.join(ROOT, "build/release/bin/quorate_bench")
ETCDCTL = os.path.join(ROOT, "build/compat/bin/etcdctl")
KEYS = 100_000
QUIET_S, AFTER_S = 4, 12
# Light, so that what is measured is the compaction and not a full machine.
CONNECTIONS, RATE_PER_S = 10, 1000


def generator(server, workload, *flags):
    return [GENERATOR, workload, f"--port={server.endpoint.split(':')[1]}", f"--keys={KEYS}", *flags]


def fill(server, revisions):
    for _ in range(revisions // KEYS):
        subprocess.run(generator(server, "fill", "--connections=10", "--streams=10"), check=True,
                       stdout=subprocess.DEVNULL)


def latest_revision(server):
    done = subprocess.run([ETCDCTL, f"--endpoints={server.endpoint}", "get", "none", "-w", "json"],
                          capture_output=True, check=True)
    return json.loads(done.stdout)["header"]["revision"]


def compaction_run(server, revisions):
    """The worst second's p99 of paced puts while it compacts, and the median second's before; microseconds."""
    fill(server, revisions)
    revision = latest_revision(server)
    argv = generator(server, "paced-put", f"--connections={CONNECTIONS}", "--streams=10", f"--rate={RATE_PER_S}",
                     f"--seconds={QUIET_S + AFTER_S}", "--warmup=1", "--each-second=1")
    seconds, began, compaction, ended = [], None, None, None
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as load:
        for line in load.stdout:
            told = json.loads(line)
            if "second" not in told:
                break
            seconds.append(told)
            if told["second"] == QUIET_S:
                began = time.monotonic()
                compaction = subprocess.Popen([ETCDCTL, f"--endpoints={server.endpoint}", "compaction",
                                               "--physical", "--command-timeout=120s", str(revision)],
                                              stdout=subprocess.DEVNULL)
            if compaction and ended is None and compaction.poll() is not None:
                ended = time.monotonic()
    if compaction.wait() != 0:
        raise RuntimeError("the compaction failed")
    took = (ended or time.monotonic()) - began
    last = QUIET_S + int(took) + 1
    before = statistics.median(s["p99_us"] for s in seconds[:QUIET_S])
    during = max(s["p99_us"] for s in seconds[QUIET_S:last + 1])
    return {"before_us": before, "during_us": during, "ratio": during / before, "seconds": took,
            "errors": seconds[-1]["errors"]}
