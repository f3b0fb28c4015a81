#!/usr/bin/python3
"""Claim: a service that hears another's events hears each once, and those of one
publisher in the order published, across topics and partitions, however often
either is killed -9; while it is down they wait for it. A subscriber that comes
later is fed the log from its beginning. EVENTS=1000000 for more. Judged by the
files of the stopped node.
"""
import json
import os
import random
import signal
import sys
import time

import msgpack

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

EVENTS = int(os.environ.get("EVENTS", 100000))
FEEDS = 10
KILLS = 100  # of the subscriber; and some of the publisher
PARTS = 2

seed = int(os.environ.get("SEED", time.time_ns() % 1000000))
chance = random.Random(seed)
tap.diag(f"SEED={seed}")


def service(name):
    return f"""\
  - name: {name}
    load: {BUILD}/t/services/{name}.so
    partitions: {PARTS}
    max_crashes: 1000
    backoff: {{min: 1ms, max: 10ms}}
"""


def rows(node, name):
    """A row's sum over all actors of listen."""
    total = 0
    for part in range(PARTS):
        tables = acta_store.read_store(
            os.path.join(node.data, "listen", str(part)))
        for key, value in tables["state"].items():
            if key[1 + key[0]:] == name:
                total += msgpack.unpackb(value)
    return total


def heard(node, key):
    """Of one actor of listen, in the running node."""
    run = node.acta("state", f"listen/{key}", "-o", "json")
    if run.returncode != 0:
        return 0
    return json.loads(run.stdout).get("count", 0)


def kill(node, name):
    pid = node.pid(name)
    try:
        if not pid:
            return False
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def judge(node, what):
    each = EVENTS // FEEDS
    tap.equal(rows(node, b"count"), EVENTS, f"{what}: each event once")
    tap.equal(rows(node, b"sum"), FEEDS * each * (each + 1) // 2,
              "  and no other")
    tap.equal(rows(node, b"wrong"), 0, "  in each publisher's order")


def settle(node, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if sum(heard(node, key) for key in range(8)) == EVENTS:
            return
        time.sleep(0.2)


with Node(service("feed") + service("listen"),
          supervisor="{intensity: 1000, period: 1s}") as node:
    node.start()
    for n in range(FEEDS):
        node.acta("send", f"feed/{n}", "run", f"count={EVENTS // FEEDS}")
    kills = {"listen": 0, "feed": 0}
    end = time.monotonic() + 120
    while kills["listen"] < KILLS and time.monotonic() < end:
        name = "feed" if chance.random() < 0.15 else "listen"
        kills[name] += kill(node, name)
        time.sleep(chance.random() * 0.05)  # at an instant nobody agreed upon
    tap.ok(kills["listen"] >= KILLS, f"killed -9: {kills}")
    settle(node)
    tap.equal(node.stop(), 0, "the node stops")
    judge(node, "under kills")

with Node(service("feed"), supervisor="{intensity: 1000, period: 1s}") as node:
    node.start()
    for n in range(FEEDS):
        node.acta("call", f"feed/{n}", "run", f"count={EVENTS // FEEDS}")
    node.quiet()
    tap.equal(node.stop(), 0, "a publisher alone has published")
    late = Node(service("feed") + service("listen"), folder=node.dir,
                ports=node.ports, data=node.data, run=node.run,
                supervisor="{intensity: 1000, period: 1s}")
    late.start()
    for n in range(5):
        kill(late, chance.choice(("feed", "listen")))
        time.sleep(chance.random() * 0.05)
    settle(late)
    tap.equal(late.stop(), 0, "a subscriber that came later has caught up")
    judge(late, "from the log")
tap.done()
