#!/usr/bin/python3
"""Claim: what an operator changes is one commit (F18): a service that is killed
at any step of trying a dead letter again, editing or dropping it, or of taking
one of the ways out of a stopped channel has done it wholly or not at all, and
who asks again has it done once. HITS=n kills each (8).
"""
import json
import os
import shutil
import subprocess
import sys

import msgpack

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path[:0] = [os.path.join(TOP, "t")]
import acta_store  # noqa: E402
import acta_tap as tap  # noqa: E402
from acta_node import BUILD, Node  # noqa: E402
from acta_points import Points  # noqa: E402

HITS = int(os.environ.get("HITS", 8))
STEPS = ("admin", "admin:begin", "admin:data", "admin:flush", "admin:flushed",
         "admin:cached", "admin:done", "untold")
ACTORS = 3
SENDER, RECEIVER = "bench-spread", "bench-lines"
SERVICES = f"""\
  - name: msgs
    load: {BUILD}/t/services/msgs.so
    max_attempts: 1
    backoff: {{min: 1ms, max: 2ms}}
""" + "".join(f"""\
  - name: {name}
    load: {BUILD}/t/services/{name}.so
    backoff: {{min: 1ms, max: 2ms}}
""" for name in (SENDER, RECEIVER))


class Operator:
    """Asks, and has the service killed at one step of what it asks for."""

    def __init__(self, node, points):
        self.node, self.points = node, points
        self.kills = 0
        self.trouble = []

    def trust(self, good, what):
        if not good:
            self.trouble.append(what)

    def killed(self, service, step, *args):
        """`acta args`, whose operator loses patience, and asks again."""
        tap.until(lambda: self.node.pid(service))
        self.points.arm(service, step)
        first = subprocess.Popen([self.points.program, *args],
                                 env=self.node.env(),
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        self.trust(self.points.wait(), f"{service} never came to {step}")
        first.kill()
        first.wait()
        self.points.disarm()
        self.kills += 1
        tap.until(lambda: self.node.pid(service))
        run = self.node.acta(*args)
        # That a letter is gone means that it was done.
        self.trust(run.returncode in ((0, 3) if args[0] == "dead" else (0,)),
                   f"{args} at {step}: {run.stderr}")

    # ------------------------------------------------------- dead letters

    def letters(self, service="msgs"):
        run = self.node.acta("dead", "ls", service, "--limit=1000",
                             "-o", "json")
        if run.returncode:
            raise RuntimeError(run.stderr)
        return {d["id"] for d in json.loads(run.stdout)["dead"]}

    def tries(self):
        run = self.node.acta("state", "msgs/a", "-o", "json")
        return json.loads(run.stdout or "{}").get("tries", 0)

    def letter(self, step, verb, *args):
        """Of two letters one is for it, the other stays as it is."""
        self.node.acta("call", "msgs/a", "fail-until", "until=2")
        before, tries = self.letters(), self.tries()
        one = sorted(before)[0]
        self.killed("msgs", step, "dead", verb, *args[:args.count("--yes")],
                    one, *args[args.count("--yes"):])
        new, failed = {"retry": (0, 1), "edit": (1, 0), "drop": (0, 0)}[
            "edit" if "until=1" in args else verb]
        come = tap.until(lambda: len(self.letters()) == len(before) - 1 + failed
                         and one not in self.letters()
                         and self.tries() == tries + new)
        now = self.letters()
        self.trust(come and before - now == {one} and
                   len(now - before) == failed,
                   f"{verb} {args} at {step}: letters {before} {now}, tries "
                   f"{tries} {self.tries()}")
        again = self.node.acta("dead", verb, *args[:args.count("--yes")], one)
        self.trust(again.returncode == 3, f"{verb} twice: {again}")

    # ----------------------------------------------------------- channels

    def channels(self):
        run = self.node.acta("channel", "-o", "json")
        return json.loads(run.stdout)["channels"] if run.stdout else []

    def is_stopped(self):
        return any(c["state"] == "stopped" for c in self.channels())

    def drains(self):
        rows = [c for c in self.channels() if c["way"] == "to"]
        return rows and all(c.get("waiting", 0) == 0 and
                            c["state"] != "stopped" for c in rows)

    def send(self, count):
        self.sent = getattr(self, "sent", 0) + 1
        run = self.node.acta("call", f"{SENDER}/{self.sent}", "start",
                             f"actors={ACTORS}", f"count={count}")
        if run.returncode:
            raise RuntimeError(run.stderr)

    def down(self):
        self.node.acta("stop", RECEIVER)

    def up(self):
        self.node.acta("start", RECEIVER)
        tap.until(lambda: self.node.pid(RECEIVER))

    def taken(self):
        """What the receiver, which is down, has written down."""
        rows = acta_store.read_store(
            os.path.join(self.node.data, RECEIVER, "0"))["state"]
        return sum(msgpack.unpackb(value) for key, value in rows.items()
                   if key.endswith(b"count"))

    def channel(self, step, verb):
        """The receiver is set back, what comes then waits; `verb`."""
        store = os.path.join(self.node.data, RECEIVER)
        copy = os.path.join(self.node.dir, "copy")
        self.down()
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(store, copy)
        before = self.taken()
        self.up()
        self.send(1)
        self.trust(tap.until(self.drains), "it drains at first")
        self.down()
        shutil.rmtree(store)
        shutil.copytree(copy, store)
        dead = len(self.letters(SENDER))
        self.send(2)
        self.up()
        self.trust(tap.until(self.is_stopped), "it is found")
        at = RECEIVER if verb == "accept" else SENDER
        self.killed(at, step, "channel", verb, "--yes", f"{SENDER}.0",
                    f"{RECEIVER}.0")
        self.send(4)
        self.trust(tap.until(self.drains, 20),
                   f"{verb} at {step}: {self.channels()}")
        self.down()
        new, set_aside = {"accept": (6, 0), "reset": (4, 2)}[verb]
        self.trust(self.taken() - before == new * ACTORS and
                   len(self.letters(SENDER)) - dead == set_aside * ACTORS,
                   f"{verb} at {step}: {self.taken()} were {before}, letters "
                   f"{len(self.letters(SENDER))} were {dead}")
        self.up()


def main():
    points = Points()
    with Node(SERVICES, "{intensity: 1000, period: 1s}",
              program=points.program) as node:
        node.start()
        operator = Operator(node, points)
        node.acta("call", "msgs/a", "fail-until", "until=2")
        for claim, act, args in (
                ("a dead letter tried again", operator.letter, ("retry",)),
                ("tried again, edited", operator.letter, ("retry", "until=1")),
                ("dropped", operator.letter, ("drop", "--yes")),
                ("a channel accepted", operator.channel, ("accept",)),
                ("a channel reset", operator.channel, ("reset",))):
            operator.kills, operator.trouble = 0, []
            for n in range(HITS):
                act(STEPS[n % len(STEPS)], *args)
            tap.ok(operator.kills >= HITS and not operator.trouble,
                   f"F18: {claim}, once, past {operator.kills} kills",
                   *operator.trouble[:5])
        run = node.acta("ps")
        tap.ok("failed" not in run.stdout, "all are up", run.stdout)
        tap.equal(node.stop(), 0, "the node stops")
    points.remove()
    tap.done()


main()
