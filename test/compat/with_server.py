#!/usr/bin/env python3
"""Starts a server, runs a command beside it, stops the server, and ends as the command did.

  with_server.py --server-cmd COMMAND --work FOLDER [--port N] [--name NAME] -- COMMAND [ARGUMENT ..]

The command finds the server's address in ETCD_ENDPOINT (host:port). Without --port the system chooses one.
"""

import argparse
import os
import subprocess
import sys

from server import Server, free_ports


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server-cmd", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--port", type=int)
    parser.add_argument("--name", default="m1")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    client_port, peer_port = free_ports(2)
    server = Server(args.server_cmd, os.path.join(args.work, "data"), args.port or client_port, peer_port,
                    os.path.join(args.work, "server.log"), name=args.name)
    server.start()
    try:
        return subprocess.run(args.command, env=dict(os.environ, ETCD_ENDPOINT=server.endpoint), check=False).returncode
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
