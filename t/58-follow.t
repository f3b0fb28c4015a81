#!/usr/bin/python3
"""Claim: actors/events/follow.py, a plain pyzmq client, hears each event of a
topic once and in the order of its partition, while the publisher, the doors and it
itself are killed -9, and after ten seconds stopped it catches up.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time

import msgpack
import zmq

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

EVENTS = 20000
FEEDS = 8
PARTS = 2
KILLS = 24
STOPPED_S = float(os.environ.get("STOPPED", 3))  # STOPPED=10 for longer
seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(seed)
tap.diag(f"SEED={seed}")


class Follower:
    """Started again whenever it was killed, as a supervisor would."""

    def __init__(self, node, topic, path):
        self.args = [sys.executable,
                     os.path.join(TOP, "actors", "events", "follow.py"),
                     node.call, f"tcp://127.0.0.1:{node.ports[2]}", topic,
                     str(PARTS), path]
        self.path = path
        self.process = subprocess.Popen(self.args)

    def kill(self):
        self.process.kill()
        self.process.wait()
        # A line that was cut is not there: it is heard again.
        with open(self.path, "rb+") as f:
            whole = f.read()
            f.truncate(whole.rfind(b"\n") + 1)
        self.process = subprocess.Popen(self.args)

    def heard(self):
        with open(self.path, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def stop(self):
        self.process.kill()
        self.process.wait()


with Node(f"""\
  - name: feed
    load: {BUILD}/t/services/feed.so
    partitions: {PARTS}
    max_crashes: 1000
    backoff: {{min: 1ms, max: 10ms}}
""", supervisor="{intensity: 1000, period: 1s}") as node:
    node.start()
    path = os.path.join(node.dir, "heard")
    open(path, "w", encoding="utf-8").close()
    follower = Follower(node, "feed.odd", path)
    each = EVENTS // FEEDS
    for n in range(FEEDS):
        node.acta("send", f"feed/{n}", "run", f"count={each // 2}")
    kills = {}
    end = time.monotonic() + 60
    while sum(kills.values()) < KILLS and time.monotonic() < end:
        name = chance.choice(("feed", "@door-events", "@door-call", "itself"))
        if name == "itself":
            follower.kill()
        else:
            pid = node.pid(name)
            try:
                os.kill(pid, signal.SIGKILL) if pid else None
            except ProcessLookupError:
                pid = 0
            if not pid:
                continue
        kills[name] = kills.get(name, 0) + 1
        time.sleep(chance.random() * 0.1)
    os.kill(follower.process.pid, signal.SIGSTOP)
    for n in range(FEEDS):
        node.acta("send", f"feed/{n}", "run", f"count={each}")
    time.sleep(STOPPED_S)  # that long it hears nothing
    os.kill(follower.process.pid, signal.SIGCONT)
    tap.until(lambda: len(follower.heard()) >= EVENTS // 2, 60)
    heard = follower.heard()
    follower.stop()
    tap.diag(str(kills))
    tap.equal(sorted((e["from"], e["data"]["n"]) for e in heard),
              sorted((f"feed/{n}", i) for n in range(FEEDS)
                     for i in range(1, each + 1, 2)),
              "each event was heard once")
    tap.equal([p for p in range(PARTS)
               if [e["seq"] for e in heard if e["part"] == p] !=
               list(range(1, 1 + sum(e["part"] == p for e in heard)))], [],
              "in the order of its partition")
    # Nothing more is published: who missed the last event hears of it all the same.
    pid = node.pid("@door-events")
    os.kill(pid, signal.SIGKILL)
    tap.until(lambda: node.pid("@door-events") not in (0, pid))
    sub = zmq.Context.instance().socket(zmq.SUB)
    sub.connect(f"tcp://127.0.0.1:{node.ports[2]}")
    sub.subscribe("feed.odd/")
    heads = {}
    end = time.monotonic() + 20
    while len(heads) < PARTS and time.monotonic() < end:
        if sub.poll(500):
            head = msgpack.unpackb(sub.recv_multipart()[1])
            heads[head["part"]] = head.get("head")
    tap.equal(heads, {p: sum(e["part"] == p for e in heard)
                      for p in range(PARTS)},
              "a door that came up anew tells the heads of before")
    tap.equal(node.stop(), 0, "the node stops")
tap.done()
