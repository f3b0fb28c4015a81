#!/usr/bin/python3
"""Claim: `acta state` shows an actor's rows whatever its service does: handles
something else, stands still, is down, or its node is. What is not committed is
not shown; nor are another node's rows, nor some for all.
"""
import json
import os
import signal
import sys
import threading

import msgpack
import zmq

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

SERVICES = f"""\
  - name: stuck
    load: {BUILD}/t/services/stuck.so
    partitions: 3
"""
KEYS = [str(n) for n in range(6)]


def states(node, *data):
    """Of all actors, and what was said beside them."""
    runs = [node.acta("state", f"stuck/{key}", *data, "-o", "json",
                      "--timeout=200ms")
            for key in KEYS]
    return ([json.loads(run.stdout) if run.returncode == 0 else run
             for run in runs], "".join(run.stderr for run in runs))


class Elsewhere:
    """The door of a node as we would have it: its `info`; how many pages of rows
    it tells before it is silent."""

    def __init__(self):
        self.info, self.pages = {}, 0
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.linger = 0
        port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.at = f"tcp://127.0.0.1:{port}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            frames = self.socket.recv_multipart()
            asked = msgpack.unpackb(frames[-1])
            if asked["to"] == "@node":
                result = self.info() if callable(self.info) else self.info
            elif self.pages > 0:
                self.pages -= 1
                result = {"rows": [{"name": "n", "value": 1}], "more": True}
            else:
                continue
            frames[-1] = msgpack.packb(
                {"id": asked["id"], "ok": True, "result": result})
            self.socket.send_multipart(frames)


with Node(SERVICES) as node:
    node.start()
    for key in KEYS:
        node.acta("call", f"stuck/{key}", "put", f"n={key}")
    want = [{"n": int(key)} for key in KEYS]
    got, said = states(node)
    tap.equal((got, said), (want, ""), "its worker says what they are")

    wait = os.path.join(node.dir, "wait")
    with open(wait, "w", encoding="utf-8"):
        pass
    for key in KEYS:
        node.acta("call", f"stuck/{key}", "stay", f"while={wait}",
                  "--timeout=100ms")
    got, said = states(node)
    tap.ok(got == want and "does not answer" in said,
           "all partitions are in a handler: as the last turn left them",
           got, said)
    os.remove(wait)
    # Whoever stood behind another one has expired: a worker has one at a time.
    tap.ok(tap.until(lambda: {"n": -1} in states(node)[0]),
           "and when it is over, what it did", states(node), said)
    want = states(node)[0]

    pid = node.pid("stuck")
    os.kill(pid, signal.SIGSTOP)
    got, said = states(node)
    os.kill(pid, signal.SIGCONT)
    tap.ok(got == want and "does not answer" in said,
           "the process stands still", got, said)
    run = node.acta("state", "stuck/none")
    tap.ok(run.returncode == 0 and "no rows" in run.stderr, "one without rows",
           run.stderr)

    far = Elsewhere()
    far.info = lambda: node.root("info")
    run = node.acta("--at", far.at, "state", "stuck/1", "--timeout=200ms")
    tap.ok(run.returncode == 0 and run.stdout != "",
           "it is asked by a door, and is here: its store is read", run.stderr)
    far.info = {**node.root("info"), "pid": os.getpid()}
    for args in (("state", "stuck/1"), ("reconcile",),
                 ("store", "scrub", "stuck"),
                 ("store", "backup", node.dir + "/backup")):
        run = node.acta("--at", far.at, *args, "--timeout=200ms")
        tap.ok(run.returncode == 3 and "not on this machine" in run.stderr
               and run.stdout == "", f"{args[0]} of one that is not: no folder "
               "of that name here is taken for its", run)
    far.pages = 1
    run = node.acta("--at", far.at, "state", "stuck/1", "--timeout=200ms")
    tap.ok(run.returncode == 6 and "there are more" in run.stderr,
           "who stops telling rows has not told all", run)

    node.acta("stop", "stuck")
    got, said = states(node)
    tap.ok(got == want and "does not answer" in said,
           "the service is down", got, said)
    tap.equal(node.stop(), 0, "the node stops")
    tap.equal(states(node, node.data), (want, ""), "its folder is named")
    for args, code, words in (
            (("stuck/1",), 4, "no node"),
            (("stuck/1", node.dir + "/none"), 3, "No such file"),
            (("other/1", node.data), 3, "no store of other"),
            (("Stuck/1", node.data), 2, "no address")):
        run = node.acta("state", *args)
        tap.ok(run.returncode == code and words in run.stderr,
               f"{' '.join(args[:1])}: {words}", run.returncode, run.stderr)
tap.done()
