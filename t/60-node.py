#!/usr/bin/python3
"""60-node.py COMMAND...: run a client's test against a node of one service,
stock, with free ports in a temporary folder. The command finds the endpoints in
ACTA_CALL, ACTA_PUSH, ACTA_EVENTS (tcp) and ACTA_LOCAL (ipc, call).
"""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from acta_node import BUILD, Node  # noqa: E402

STOCK = f"""\
  - name: stock
    load: {BUILD}/t/services/stock.so
    partitions: 2
"""


def main():
    with Node(STOCK) as node:
        node.start()
        env = node.env()
        env.update(
            ACTA_CALL=node.call, ACTA_LOCAL=node.local,
            ACTA_PUSH=f"tcp://127.0.0.1:{node.ports[1]}",
            ACTA_EVENTS=f"tcp://127.0.0.1:{node.ports[2]}")
        status = subprocess.run(sys.argv[1:], env=env, timeout=300).returncode
        node.stop()
    return status


if __name__ == "__main__":
    sys.exit(main())
