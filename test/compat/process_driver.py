#!/usr/bin/env python3
"""What surrounds the API: metrics and plain HTTP of real etcd and of quorate, side by side.

  test/compat/process_driver.py [--table]

Starts both, does the same to both, and compares. --table prints the metrics that etcd has and quorate has not, with
the reason for each. The last line is "N passed, N failed". Needs build/compat/bin/etcd and build/release/bin/quorate.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from server import Server, free_ports

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ETCD = os.path.join(ROOT, "build/compat/bin/etcd")
ETCDCTL = os.path.join(ROOT, "build/compat/bin/etcdctl")
QUORATE = os.path.join(ROOT, "build/release/bin/quorate")
results = []

# Metrics of etcd that quorate does not have: a pattern of names, and why.
ABSENT = [
    (r"go_.*", "of Go's run-time, which there is none of"),
]
# Labels whose values are compared too, since clients pick them out by value.
VALUES = {"etcd_server_feature_enabled", "etcd_server_client_requests_total", "etcd_server_version",
          "etcd_server_healthchecks_total", "etcd_server_healthcheck", "etcd_server_apply_duration_seconds",
          "etcd_server_request_duration_seconds", "etcd_server_range_duration_seconds", "etcd_cluster_version",
          "promhttp_metric_handler_requests_total"}
# Counts that the same requests must leave equal.
EQUAL_NUMBERS = ["etcd_mvcc_put_total", "etcd_mvcc_range_total", "etcd_mvcc_delete_total", "etcd_mvcc_txn_total",
                 "etcd_debugging_mvcc_total_put_size_in_bytes", "etcd_debugging_mvcc_keys_total",
                 "etcd_debugging_mvcc_current_revision", "etcd_debugging_mvcc_compact_revision",
                 "etcd_debugging_lease_granted_total", "etcd_debugging_lease_revoked_total",
                 "etcd_server_has_leader", "etcd_server_is_leader", "etcd_server_leader_changes_seen_total",
                 "etcd_server_health_failures", "etcd_server_quota_backend_bytes",
                 # not the bytes received: a lease's id, which the servers draw, has more or fewer of them
                 "etcd_debugging_auth_revision",
                 'grpc_server_handled_total{grpc_code="OK",grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}']


def check(name, good, seen=""):
    results.append(bool(good))
    print(f"{'ok      ' if good else 'FAILED  '}{name}" + ("" if good else f"\n    {seen}"))


class Both:
    """Real etcd and quorate with the same flags."""

    def __init__(self, work, etcd_flags=(), flags=()):
        ports = free_ports(4)
        folder = tempfile.mkdtemp(dir=work)
        common = ["--log-level", "info", *flags]
        self.etcd = Server(ETCD, folder + "/etcd/data", ports[0], ports[1], folder + "/etcd.log", [*common, *etcd_flags])
        self.quorate = Server(QUORATE, folder + "/quorate/data", ports[2], ports[3], folder + "/quorate.log", common)

    def __enter__(self):
        self.etcd.start()
        self.quorate.start()
        deadline = time.monotonic() + 10
        while any("not_decided" in ask(server.endpoint, "/version")[2] for _, server in self.each()):
            if time.monotonic() > deadline:
                raise RuntimeError("a cluster's version was not decided")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.etcd.stop()
        self.quorate.stop()

    def each(self):
        return (("etcd", self.etcd), ("quorate", self.quorate))


def ask(endpoint, path, method="GET", headers=None):
    connection = http.client.HTTPConnection(endpoint, timeout=10)
    connection.request(method, path, headers=headers or {})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), body.decode()


def ctl(endpoint, *words, stdin=""):
    done = subprocess.run([ETCDCTL, "--endpoints", endpoint, *words], input=stdin, capture_output=True, text=True,
                          timeout=30, check=False)
    return done.stdout


def workload(endpoint):
    for i in range(10):
        ctl(endpoint, "put", f"key-{i}", "value" * i)
    ctl(endpoint, "get", "key-", "--prefix")
    ctl(endpoint, "get", "key-1", "--consistency=s")
    ctl(endpoint, "del", "key-2")
    ctl(endpoint, "txn", stdin='value("key-1") = "x"\n\nput a b\nput c d\n\nget a\nput e fgh\n\n')
    ctl(endpoint, "txn", stdin='value("key-1") = "x"\n\nget a\n\nget a\n\n')
    lease = ctl(endpoint, "lease", "grant", "100").split()[1]
    ctl(endpoint, "put", f"--lease={lease}", "leased", "x")
    ctl(endpoint, "lease", "keep-alive", "--once", lease)
    ctl(endpoint, "lease", "revoke", lease)
    ctl(endpoint, "compact", "5")
    ctl(endpoint, "compact", "99999")
    ctl(endpoint, "get", "key-1", "--rev=2")


class Family:
    def __init__(self):
        self.type = self.help = ""
        self.label_names = set()
        self.label_sets = set()
        self.bounds = []
        self.values = {}


LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse(text):
    families = {}
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            family = families.setdefault(name, Family())
            setattr(family, what.lower(), rest)
            continue
        name, labels, value = LINE.match(line).groups()
        base = name
        for suffix in ("_bucket", "_sum", "_count"):
            if name.endswith(suffix) and families.get(name[:-len(suffix)], Family()).type in ("histogram", "summary"):
                base = name[:-len(suffix)]
        family = families[base]
        pairs = sorted((k, v) for k, v in LABEL.findall(labels or "") if k not in ("le", "quantile"))
        family.label_names.add(tuple(k for k, _ in pairs))
        family.label_sets.add(tuple(pairs))
        bound = dict(LABEL.findall(labels or "")).get("le")
        if bound is not None and len(family.label_sets) == 1:
            family.bounds.append(float(bound))
        family.values[f"{name}{{{labels}}}" if labels else name] = float(value)
    return families


def absent_reason(name):
    return next((why for pattern, why in ABSENT if re.fullmatch(pattern, name)), None)


def differences(name, etcd, ours):
    if etcd.type != ours.type:
        yield f"{name}: type {ours.type}, etcd {etcd.type}"
    if not ours.help:
        yield f"{name}: no help"
    if etcd.label_names != ours.label_names:
        yield f"{name}: labels {sorted(ours.label_names)}, etcd {sorted(etcd.label_names)}"
    if name in VALUES and etcd.label_sets != ours.label_sets:
        yield f"{name}: only etcd {sorted(etcd.label_sets - ours.label_sets)}, only ours {sorted(ours.label_sets - etcd.label_sets)}"
    if [round(b, 9) for b in etcd.bounds] != [round(b, 9) for b in ours.bounds]:
        yield f"{name}: bounds {ours.bounds}, etcd {etcd.bounds}"


def numbers(families):
    return dict(pair for family in families.values() for pair in family.values.items())


def scrape(server):
    return parse(ask(server.endpoint, "/metrics")[2])


def compare_metrics(both, title, table):
    before = [numbers(scrape(server)) for _, server in both.each()]
    for _, server in both.each():
        workload(server.endpoint)
        for path in ("/health", "/readyz", "/livez", "/metrics"):
            ask(server.endpoint, path)
    etcd, ours = scrape(both.etcd), scrape(both.quorate)
    missing = {name: absent_reason(name) for name in etcd if name not in ours}
    check(f"{title}: every metric of etcd is there, or there is a reason", all(missing.values()),
          [name for name, why in missing.items() if not why])
    found = [line for name in etcd if name in ours for line in differences(name, etcd[name], ours[name])]
    check(f"{title}: they are equal in type, labels and bounds", not found, "\n    ".join(found))
    check(f"{title}: quorate has no metric in etcd's name that etcd has not",
          not [name for name in ours if name.startswith("etcd_") and name not in etcd],
          [name for name in ours if name.startswith("etcd_") and name not in etcd])
    shared = [name for name in etcd if name in ours]
    print(f"        {title}: {len(etcd)} metrics of etcd, {len(shared)} of them here, "
          f"{len(shared) - len({line.split(':')[0] for line in found})} equal in type, labels and bounds, "
          f"{sum(name.startswith('etcd_') for name in shared)} of them etcd_*")
    after = [numbers(etcd), numbers(ours)]
    for name in EQUAL_NUMBERS:
        # How often a probe was asked while its server started differs: what rose since is compared.
        a, b = (now[name] - (then[name] if name.endswith(("_total", "_failures")) else 0) for then, now in zip(before, after))
        check(f"{title}: {name} counts as etcd's", a == b, f"etcd {a}, quorate {b}")
    if table:
        print("\n| metric | why it is not here |\n|---|---|")
        for name, why in sorted(missing.items()):
            print(f"| `{name}` | {why} |")


PAGES = ["/health", "/health?serializable=true", "/health?exclude=NOSPACE", "/health?exclude=", "//health", "/health/",
         "/livez", "/livez?verbose", "/livez?verbose=", "/livez/serializable_read", "/livez/serializable_read?verbose",
         "/livez/linearizable_read", "/livez?exclude=serializable_read&verbose", "/livez?exclude=nonsense",
         "/readyz", "/readyz?verbose", "/readyz/data_corruption", "/readyz/serializable_read?verbose",
         "/readyz/linearizable_read?verbose", "/readyz/non_learner?verbose", "/readyz/", "/readyz/nonsense",
         "/readyz?exclude=non_learner&exclude=data_corruption&verbose", "/version", "/version/", "/", "/nonsense",
         "/a/../version", "/debug/requests", "/debug/events", "/debug/pprof/", "/debug/vars/", "/metrics/"]
HEADERS = ["content-type", "x-content-type-options", "allow", "location", "access-control-allow-origin",
           "access-control-allow-methods", "access-control-allow-headers", "content-length"]


def page(server, path, method="GET", headers=None):
    status, got, body = ask(server.endpoint, path, method, headers)
    kept = {name: got.get(name) for name in HEADERS}
    if "verbose" in path:  # etcd prints checks in the order of a Go map
        body = sorted(body.splitlines())
    if method == "HEAD":  # a length that nobody reads
        kept["content-length"] = None
    if status == 421:  # the advice is ours
        body = kept["content-length"] = None
    return status, kept, body


def compare_pages(both, title, headers=None):
    for path in PAGES:
        for method in ("GET", "POST", "OPTIONS", "HEAD") if path.count("?") == 0 else ("GET",):
            etcd, ours = (page(server, path, method, headers) for _, server in both.each())
            check(f"{title}: {method} {path}", etcd == ours, f"etcd    {etcd}\n    quorate {ours}")


def compare_vars(both):
    etcd, ours = (json.loads(ask(server.endpoint, "/debug/vars")[2]) for _, server in both.each())
    check("/debug/vars: the same keys", etcd.keys() == ours.keys(), (etcd.keys(), ours.keys()))
    check("/debug/vars: the same types", [type(v) for v in etcd.values()] == [type(v) for v in ours.values()], ours)
    a, b = etcd["raft.status"], ours["raft.status"]
    check("/debug/vars: raft.status has the same shape", list(a) == list(b) and
          [list(p) for p in a["progress"].values()] == [list(p) for p in b["progress"].values()], (a, b))
    check("/debug/vars: raft.status tells the same state", all(a[k] == b[k] for k in ("raftState", "leadtransferee")), (a, b))


def compare_access(both):
    for origin in ("http://a.example:80", "http://b.example:80", "http://127.0.0.1:1", ""):
        for method in ("GET", "OPTIONS"):
            etcd, ours = (page(server, "/version", method, {"Origin": origin}) for _, server in both.each())
            check(f"--cors: {method} from {origin!r}", etcd == ours, f"etcd    {etcd}\n    quorate {ours}")
    for host in ("localhost", "localhost:80", "127.0.0.1", "evil.example", "evil.example:2379", "[::1]:80", "::1", ""):
        etcd, ours = (page(server, "/version", "GET", {"Host": host}) for _, server in both.each())
        check(f"--host-whitelist: {host!r}", etcd == ours, f"etcd    {etcd}\n    quorate {ours}")


def log_lines(server, message):
    with open(server.log_path, encoding="utf-8", errors="replace") as f:
        lines = [json.loads(line) for line in f if line.startswith("{")]
    return [line for line in lines if line["msg"] == message]


def told(line, names):
    """The fields, without what differs between two servers: ids, and the spaces that protobuf's texts vary."""
    text = {name: str(line.get(name)) for name in names}
    for name, value in text.items():
        value = re.sub(r"ID:\d+", "ID", re.sub(r"\bid:[0-9a-f]{1,16}", "id", re.sub(r"lease:\d+", "lease", value)))
        if "lease_" in line.get("request", "") and name == "response":
            value = ""  # etcd has the ids of the header in it already, of leases alone
        text[name] = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", re.sub(r" +", " ", value))
    return text


def compare_slow(both):
    for _, server in both.each():
        workload(server.endpoint)
        ctl(server.endpoint, "put", "--prev-kv", 'quo"te\\', "x")
        ctl(server.endpoint, "get", "a", "b", "--order=DESCEND", "--sort-by=MODIFY", "--limit=3")
        ctl(server.endpoint, "del", "a", "--prefix", "--prev-kv")
        ctl(server.endpoint, "lease", "list")
        ctl(server.endpoint, "endpoint", "status")
    for message, compared in (("apply request took too long", ["expected-duration", "prefix", "request", "response", "error"]),
                              ("request stats", ["response type", "request count", "request size", "response count",
                                                 "response size", "request content"])):
        etcd, ours = (log_lines(server, message) for _, server in both.each())
        keys = [next((list(line) for line in lines if "error" not in line), None) for lines in (etcd, ours)]
        check(f"log: {message} has the same fields in the same order", keys[0] == keys[1], keys)
        # What starts and probes ask is not the workload's.
        skipped = ("cluster_member_attr_set", "cluster_version_set", "limit:1 keys_only")
        sides = [[t for t in (told(line, compared) for line in lines)
                  if not any(word in t.get("request", "") for word in skipped)] for lines in (etcd, ours)]
        for a, b in zip(*sides):
            # The header's two ids take nine or ten bytes each, by chance.
            if "response size" in a and abs(int(a["response size"]) - int(b["response size"])) <= 2:
                b["response size"] = a["response size"]
            check(f"log: {message}: {(b.get('request') or b.get('response type'))[:60]}", a == b, f"etcd    {a}\n    quorate {b}")
        check(f"log: {message} is said as often", len(sides[0]) == len(sides[1]),
              f"etcd {len(sides[0])}, quorate {len(sides[1])}: " + str([list(t.values()) for side in sides for t in side]))


def compare_refusals(work):
    """Flags that both refuse before they start, with the same words."""
    refused = [["--log-outputs=default,stdout"], ["--enable-log-rotation"], ["--enable-log-rotation", "--log-outputs=a,b"],
               ["--enable-log-rotation", "--log-outputs=a", "--log-rotation-config-json={"],
               ["--enable-log-rotation", "--log-outputs=a", "--log-rotation-config-json="],
               ["--enable-log-rotation", "--log-outputs=a", '--log-rotation-config-json={"maxsize":"x"}'],
               ["--enable-log-rotation", "--log-outputs=a", '--log-rotation-config-json={"maxsize":1.5}'],
               ["--enable-log-rotation", "--log-outputs=a", '--log-rotation-config-json={"compress":1}'],
               ["--enable-log-rotation", "--log-outputs=a", "--log-rotation-config-json=[]"],
               ["--enable-log-rotation", "--log-outputs=a", "--log-rotation-config-json=7"],
               ["--log-format=xml"], ["--log-outputs="], ["--cors=x"], ["--cors=http://a"], ["--cors=*,http://a:1"],
               ["--feature-gates=Nonsense=true"], ["--feature-gates=LeaseCheckpointPersist=true"],
               ["--listen-metrics-urls=http://a.example:1"], ["--listen-client-http-urls=ftp://127.0.0.1:1"],
               ["--warning-apply-duration=x"], ["--warning-unary-request-duration=5"]]
    for flags in refused:
        seen = []
        for program in (ETCD, QUORATE):
            done = subprocess.run([program, f"--data-dir={work}/refused", *flags], cwd=work, capture_output=True, text=True,
                                  timeout=30, check=False)
            words = [json.loads(line).get("error") for line in done.stderr.splitlines() if line.startswith("{")]
            plain = [line for line in done.stderr.splitlines() if line.startswith("invalid ")]
            seen.append((done.returncode, [word for word in words if word], plain))
        check(f"refused: {' '.join(flags)}", seen[0] == seen[1], f"etcd    {seen[0]}\n    quorate {seen[1]}")


def outcome(endpoint, *words):
    """How etcdctl ends, and its last words, without what the run alone decides."""
    done = subprocess.run([ETCDCTL, "--endpoints", endpoint, *words], capture_output=True, text=True, timeout=30, check=False)
    last = done.stderr.strip().splitlines()[-1:] if done.returncode else done.stdout.strip().splitlines()
    return done.returncode, [re.sub(r"memberID:\d+ +", "memberID:<id> ", line) for line in last]


def sizes(endpoint):
    status = json.loads(ctl(endpoint, "endpoint", "status", "-w", "json"))[0]["Status"]
    return status["dbSize"], status["dbSizeInUse"], status["dbSizeQuota"]


def puts_until_refused(endpoint, value):
    for puts in range(1000):
        code, last = outcome(endpoint, "put", "2nd_test", value)
        if code != 0:
            return puts, last
    return -1, []


def compare_quota(both, value_bytes):
    """What etcd's own TestAlarm does, step by step."""
    steps, counts, size = [], [], []
    for _, server in both.each():
        at = server.endpoint
        seen = [outcome(at, "put", "1st_test", "a" * 64)]
        puts, last = puts_until_refused(at, "b" * value_bytes)
        counts.append(puts)
        seen += [last, outcome(at, "alarm", "list"), outcome(at, "put", "3rd_test", "a"), outcome(at, "del", "nothing"),
                 outcome(at, "lease", "grant", "10")[0], outcome(at, "get", "1st_test"),
                 [re.sub(r":\d+ +", ":<id> ", e) for e in json.loads(ctl(at, "endpoint", "status", "-w", "json"))[0]["Status"]["errors"]]]
        full = sizes(at)
        revision = str(json.loads(ctl(at, "get", "x", "-w", "json"))["header"]["revision"])
        seen.append(outcome(at, "compact", revision, "--physical")[0])
        compacted = sizes(at)
        seen.append(outcome(at, "defrag")[0])
        small = sizes(at)
        seen += [outcome(at, "put", "4th_test", "a"), outcome(at, "alarm", "disarm"), outcome(at, "put", "4th_test", "a" * 64),
                 outcome(at, "alarm", "list"), full[2]]
        steps.append(seen)
        size.append((compacted[0] >= full[0], compacted[1] < full[1], small[0] < full[0], small[1] <= small[0]))
    check(f"quota: the same steps, values of {value_bytes}", steps[0] == steps[1],
          "\n    ".join(f"{a} | {b}" for a, b in zip(*steps) if a != b))
    check("quota: sizes rise, fall in use by compaction, and fall by defrag", size[0] == size[1] == (True,) * 4, size)
    # Of a handful how many fit hangs on etcd's timer: each of its commits frees pages that the next one takes.
    if counts[0] >= 30:
        near = abs(counts[0] - counts[1]) <= counts[0] // 5
        check(f"quota: about as many puts of {value_bytes} bytes", near, f"etcd {counts[0]}, quorate {counts[1]}")
    print(f"        puts of {value_bytes} bytes until NOSPACE: etcd {counts[0]}, quorate {counts[1]}")


def main():
    table = "--table" in sys.argv[1:]
    work = tempfile.mkdtemp(prefix="quorate-compat-process-")
    try:
        with Both(work) as both:
            compare_metrics(both, "metrics", table)
            compare_pages(both, "pages")
            compare_vars(both)
        with Both(work, flags=["--metrics=extensive"]) as both:
            compare_metrics(both, "metrics=extensive", False)
        with Both(work, flags=["--cors=http://a.example:80,http://127.0.0.1:1",
                               "--host-whitelist=localhost,127.0.0.1,::1"]) as both:
            compare_access(both)
        with Both(work, flags=["--warning-apply-duration=1ns", "--warning-unary-request-duration=1ns"]) as both:
            compare_slow(both)
        with Both(work, flags=[f"--quota-backend-bytes={13 * 4096}"]) as both:
            compare_quota(both, 4096)
        with Both(work, flags=[f"--quota-backend-bytes={4 << 20}"]) as both:
            compare_metrics(both, "metrics with a quota", False)
            compare_quota(both, 50000)
        compare_refusals(work)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    failed = results.count(False)
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
