#!/usr/bin/python3
"""Claim: a store that is put back from a copy, at the sender, the receiver or
made anew, is noticed at the next word between the two: their channel stops with
an alarm, nothing is applied, other services go on, and `acta channel` shows it
and the ways out. Copies of one instant, put back together, go on by themselves.
SEED=n and CASES=n: other cases, more of them.
"""
import json
import os
import random
import shutil
import sys
import time

import msgpack

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402

ACTORS = 3
SEED = int(os.environ.get("SEED", time.time_ns() % 1000000))
CASES = int(os.environ.get("CASES", 10))
chance = random.Random(SEED)
SENDER, RECEIVER = "bench-spread", "bench-lines"
SERVICES = "".join(f"""\
  - name: {name}
    load: {BUILD}/t/services/{name}.so
""" for name in (SENDER, RECEIVER, "stock"))


def store(node, name):
    return os.path.join(node.data, name)


class Story:
    """A node that is started and stopped; each run sends something."""

    def __init__(self, node):
        self.node = node
        self.sent = 0
        self.copies = 0

    def send(self, count):
        self.sent += 1
        run = self.node.acta("call", f"{SENDER}/{self.sent}", "start",
                             f"actors={ACTORS}", f"count={count}")
        if run.returncode:
            raise RuntimeError(run.stderr)

    def session(self, drained=True):
        """Up, some messages, down."""
        self.node.start()
        self.send(chance.randrange(1, 6))
        if drained and not tap.until(lambda: drains(self.node), 20):
            raise RuntimeError(f"it does not drain: {self.node.ps()}")
        if self.node.stop() != 0:
            raise RuntimeError(self.node.log()[-1000:])

    def copy(self, name):
        self.copies += 1
        to = os.path.join(self.node.dir, f"copy-{self.copies}")
        shutil.copytree(store(self.node, name), to)
        return to

    def put_back(self, name, copy):
        shutil.rmtree(store(self.node, name))
        shutil.copytree(copy, store(self.node, name))


def channels(node):
    run = node.acta("channel", "-o", "json")
    if run.returncode:
        raise RuntimeError(run.stderr)
    return json.loads(run.stdout)["channels"]


def stopped(node):
    return [row for row in channels(node) if row["state"] == "stopped"]


def drains(node):
    """All that was sent is acked: what a channel's end that sends says."""
    return all(row.get("waiting", 0) == 0 for row in channels(node))


def alarms(node):
    return [a["name"] for row in node.ps() for a in row["alarms"]]


def counts(node):
    """How many puts each actor of the receiver has applied."""
    rows = acta_store.read_store(os.path.join(store(node, RECEIVER), "0"))
    return sum(msgpack.unpackb(value) for key, value in rows["state"].items()
               if key.endswith(b"count"))


def fault(story, kind):
    """What is done to the stores while the node is down."""
    node = story.node
    if kind == "sender":
        old = story.copy(SENDER)
        story.session()
        story.put_back(SENDER, old)
    elif kind == "receiver":
        old = story.copy(RECEIVER)
        story.session()
        story.put_back(RECEIVER, old)
    elif kind == "sender anew":
        shutil.rmtree(store(node, SENDER))
    elif kind == "receiver anew":
        shutil.rmtree(store(node, RECEIVER))
    elif kind == "sender forked":
        old = story.copy(SENDER)
        story.session()
        story.put_back(SENDER, old)
        # It comes up as often as the other did, and says other things.
        shutil.move(store(node, RECEIVER), store(node, RECEIVER) + ".away")
        for _ in range(2):
            story.session(drained=False)
        shutil.rmtree(store(node, RECEIVER))
        shutil.move(store(node, RECEIVER) + ".away", store(node, RECEIVER))


def one(kind):
    with Node(SERVICES) as node:
        story = Story(node)
        for _ in range(chance.randrange(1, 3)):
            story.session()
        fault(story, kind)
        before = counts(node) if os.path.exists(store(node, RECEIVER)) else 0
        node.start()
        story.send(3)
        seen = tap.until(lambda: stopped(node), 10)
        tap.ok(seen, f"{kind}: the channel stops")
        tap.ok(tap.until(lambda: any(a.startswith("channel-")
                                     for a in alarms(node)), 5),
               "with an alarm", node.ps())
        told = node.acta("channel")
        tap.ok("stopped" in told.stdout and SENDER in told.stdout,
               "acta channel shows it", told.stdout, told.stderr)
        other = node.acta("call", "stock/1", "restock", "qty=1")
        tap.equal(other.returncode, 0, "another service goes on")
        verb = chance.choice(("accept", "reset"))
        asked = node.acta("channel", verb, f"{SENDER}.0", f"{RECEIVER}.0")
        tap.ok(asked.returncode == 2 and "--yes" in asked.stderr,
               f"{verb} wants to be meant", asked.stderr)
        asked = node.acta("channel", verb, "--yes", f"{SENDER}.0",
                          f"{RECEIVER}.0")
        tap.equal(asked.returncode, 0, f"{verb} is done", asked.stderr)
        story.send(4)
        gone_on = tap.until(lambda: not stopped(node) and not alarms(node), 20)
        tap.ok(gone_on and tap.until(lambda: drains(node), 20),
               "the channel goes on",
               node.ps(), node.acta("channel").stdout)
        tap.equal(node.stop(), 0, "and the node stops well")
        # What was sent while it was stopped is there, or set aside.
        new = counts(node) - before
        want = {"accept": (7, 8), "reset": (4, 5)}[verb]
        tap.ok(new >= (want[0]) * ACTORS,
               f"{new} more were applied after {verb}")
    return seen


def together():
    """Both copied while the node is down: they tell one story."""
    with Node(SERVICES) as node:
        story = Story(node)
        story.session()
        old = {name: story.copy(name) for name in (SENDER, RECEIVER)}
        before = counts(node)
        story.session()
        for name, copy in old.items():
            story.put_back(name, copy)
        node.start()
        story.send(5)
        tap.ok(tap.until(lambda: drains(node), 20),
               "both put back: they drain")
        tap.equal(stopped(node), [], "and no channel has stopped")
        node.stop()
        tap.equal(counts(node), before + 5 * ACTORS, "each number once")


def main():
    tap.diag(f"SEED={SEED} CASES={CASES}")
    kinds = ["sender", "receiver", "sender anew", "receiver anew",
             "sender forked"]
    seen = [one(kinds[n % len(kinds)]) for n in range(CASES)]
    tap.ok(all(seen), f"noticed in {sum(map(bool, seen))} of {len(seen)}")
    together()


main()
tap.done()
