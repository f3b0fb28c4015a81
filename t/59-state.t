#!/usr/bin/python3
"""Claim: `acta state` shows an actor's rows whatever its service does: handles
something else, stands still, is down, or its node is. What is not committed is
not shown.
"""
import json
import os
import signal
import sys

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
