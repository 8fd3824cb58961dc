"""One server process under test: real etcd or quorate, on a data directory and ports of its own."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_ports(count):
    """Ports that were free a moment ago, all different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for s in held:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in held]
    finally:
        for s in held:
            s.close()


class Server:
    """Starts the command with etcd's flags; ready once /health on the client URL answers 200."""

    def __init__(self, command, data_dir, client_port, peer_port, log_path, extra=(), name="m1"):
        self.endpoint = f"127.0.0.1:{client_port}"
        self.url = f"http://{self.endpoint}"
        self.data_dir = data_dir
        self.log_path = log_path
        peer = f"http://127.0.0.1:{peer_port}"
        self.argv = shlex.split(command) + [
            "--name", name,
            "--data-dir", str(data_dir),
            "--listen-client-urls", self.url,
            "--advertise-client-urls", self.url,
            "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer,
            "--initial-cluster", f"{name}={peer}",
            "--log-level", "warn",
            *extra,
        ]
        self.process = None

    def start(self, fresh=True, timeout_s=30):
        if fresh:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        os.makedirs(os.path.dirname(self.data_dir), exist_ok=True)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.argv[0]} ended with {self.process.returncode}; see {self.log_path}")
            if self.healthy():
                return self
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"{self.argv[0]} was not healthy within {timeout_s} s; see {self.log_path}")

    def healthy(self):
        try:
            with urllib.request.urlopen(self.url + "/health", timeout=1) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def stop(self, sig=signal.SIGTERM):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(sig)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
