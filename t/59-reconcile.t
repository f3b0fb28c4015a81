#!/usr/bin/python3
"""Claim: `acta reconcile` finds both ends of every channel of a node in agreement,
while it runs under load and after; and finds a message that was removed by hand
from an outbox, one that was applied twice, and a store that is older than its
peer. A receiver in memory has no store, which is no disagreement.
"""
import json
import os
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402
from acta_points import Points  # noqa: E402

TAMPER = os.path.join(BUILD, "t", "helper-tamper")


def tamper(how, folder):
    return subprocess.run([TAMPER, how, folder], check=False).returncode


def reconcile(node, data=None):
    run = node.acta("reconcile", data or node.data, "-o", "json")
    return run.returncode, json.loads(run.stdout)["channels"]


def why(channels):
    return [c["why"] for c in channels if not c["agrees"]]


services = "".join(f"""\
  - name: bench-{name}
    load: {BUILD}/t/services/bench-{name}.so
    partitions: 2
""" for name in ("spread", "lines"))



def taken_twice():
    """A build that keeps its cursor a turn late: an ack is lost with its process,
    what it acked is sent again and taken again, and the books agree. But its turns
    have noted what they took."""
    points = Points(os.path.join(BUILD, "t", "twice"))
    with Node(services, "{intensity: 1000, period: 1s}",
              program=points.program) as node:
        node.start()
        met = 0
        for n in range(6):
            tap.until(lambda: node.pid("bench-lines"))
            points.arm("bench-lines", "unacked")
            node.acta("send", f"bench-spread/{n}", "start", "actors=8",
                      "count=2")
            met += points.wait()
            points.disarm()
        tap.equal(met, 6, "a patched build dies before its acks")
        node.quiet()
        code, channels = reconcile(node)
        tap.ok(code == 8 and any("taken more than once" in w
                                 for w in why(channels)),
               "what it took twice is found while it runs", channels)
        node.stop()
        code, channels = reconcile(node)
        tap.ok(code == 8 and any("taken more than once" in w
                                 for w in why(channels)),
               "and after", channels)
    points.remove()


with Node(services) as node:
    node.start()
    for n in range(6):
        node.acta("send", f"bench-spread/{n}", "start", "actors=32",
                  "count=200")
    codes, channels = [], []
    for _ in range(5):
        code, channels = reconcile(node)
        codes.append(code)
    tap.equal(codes, [0] * 5, "it agrees while messages go", channels)
    node.quiet()
    code, channels = reconcile(node)
    tap.ok(code == 0 and
           sum(c["taken"] for c in channels
               if c["to"].startswith("bench-lines")) == 6 * 32 * 200 and
           all(c["waiting"] == 0 for c in channels),
           "and when all is taken: so many as were sent", channels)

    # A receiver that is down: its messages wait, and one of them is removed.
    node.acta("stop", "bench-lines")
    node.acta("call", "bench-spread/9", "start", "actors=32", "count=3")
    node.quiet(5)
    tap.equal(node.stop(), 0, "the node stops")
    code, channels = reconcile(node)
    tap.ok(code == 0 and sum(c["waiting"] for c in channels) == 96,
           "96 messages wait", channels)
    copy = os.path.join(node.dir, "copy")
    shutil.copytree(node.data, copy)
    text = node.acta("reconcile", copy)
    tap.ok("nothing is lost" in text.stderr and text.returncode == 0,
           "it says so in words", text.stderr)
    folder = [os.path.join(copy, "bench-spread", c["from"].split(".")[1])
              for c in channels if c["waiting"]][0]
    tap.equal(tamper("drop", folder), 0, "a row of an outbox is removed")
    code, channels = reconcile(node, copy)
    tap.ok(code == 8 and len(why(channels)) == 1 and
           "missing from the outbox" in why(channels)[0],
           "it is found, and named", channels)

    shutil.rmtree(copy)
    shutil.copytree(node.data, copy)
    tap.equal(tamper("twice", os.path.join(copy, "bench-lines", "0")), 0,
              "one was applied twice")
    code, channels = reconcile(node, copy)
    tap.ok(code == 8 and len(why(channels)) == 1 and
           "1 messages were taken more than once" in why(channels)[0],
           "it is found", channels)

    # The receiver's store of before, beside the sender's of now.
    node.start()
    node.quiet()
    tap.equal(node.stop(), 0, "all is taken")
    shutil.rmtree(copy)
    shutil.copytree(node.data, copy)
    shutil.rmtree(os.path.join(copy, "bench-lines", "0"))
    code, channels = reconcile(node, copy)
    tap.ok(code == 8 and "no such store" in " ".join(why(channels)),
           "a store that is gone is found", channels)

    tap.equal([node.acta("reconcile", node.dir + "/none").returncode,
               node.acta("reconcile", node.run).returncode,
               node.acta("reconcile").returncode], [3, 3, 4],
              "no data, no store in it, no node")
taken_twice()

# What is in memory has no store, and has not lost one; nor has what was never up.
services = f"""\
  - {{name: msgs, load: {BUILD}/t/services/msgs.so}}
  - {{name: memo, load: {BUILD}/t/services/memo.so}}
"""
with Node(services) as node:
    node.start()
    for n in range(3):
        node.acta("call", "msgs/a", "relay", f"to=memo/{n}", "type=add")
    node.quiet()
    code, channels = reconcile(node)
    tap.ok(code == 0 and [(c["to"], c["in_memory"], c["sent"])
                          for c in channels] == [("memo.0", True, 3)],
           "a receiver in memory is told from a store that is gone", channels)
    text = node.acta("reconcile")
    tap.ok(text.returncode == 0 and "in memory: only what was" in text.stdout,
           "in words, too; the stores of the node that runs", text.stdout)
    tap.equal(node.stop(), 0, "the node stops")
    code, channels = reconcile(node)
    tap.ok(code == 0 and len(channels) == 1, "also of a node that is down",
           channels)
tap.done()
